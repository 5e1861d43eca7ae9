"""Refunds of the past become finished refunds: history to read, and counted against the cap.

No payout is made up, and no reason: the file has neither.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import orjson

from refund_gql import models
from refund_gql.database import Transaction
from refund_gql.events import GENESIS, EventType, chain_hash
from refund_gql.importing.catalogue import Additions, Catalogue
from refund_gql.importing.chunk import Chunk, Importer
from refund_gql.importing.claim import Claims
from refund_gql.importing.copying import CopyTable, Fetch
from refund_gql.importing.draft import RefundDraft, RefundLineDraft
from refund_gql.importing.mapping import RefundMapping
from refund_gql.importing.purchase import Purchase, Purchases
from refund_gql.states import RefundKind, RefundStatus

_REFUNDS = CopyTable(
    models.Refund, "id", "shop_id", "order_id", "customer_id", "number", "kind", "status",
    "version", "currency", "goods_amount", "shipping_amount", "amount", "requested_by",
    "imported", "requested_at", "approved_at", "finished_at", "updated_at", "head",
)  # fmt: skip
_LINES = CopyTable(
    models.RefundLine, "id", "shop_id", "refund_id", "order_line_id", "position", "sku", "title",
    "quantity", "worth", "amount",
)  # fmt: skip
_EVENTS = CopyTable(
    models.Event, "id", "shop_id", "refund_id", "version", "type", "status", "payload", "actor",
    "actor_name", "at", "hash",
)  # fmt: skip
_EXISTING = "select number from refund where shop_id = $1 and number = any($2)"
_ACTOR = "SYSTEM:-"
_ACTOR_NAME = "refund_gql"

T = TypeVar("T")
Row = tuple[object, ...]


class RefundImporter(Importer[RefundDraft]):
    """Writes finished refunds into one shop."""

    def __init__(self, shop: models.Shop, mapping: RefundMapping, now: datetime) -> None:
        self.shop, self.mapping = shop, mapping
        self.catalogue = Catalogue(shop, now)

    async def prepare(self, fetch: Fetch, drafts: Sequence[RefundDraft]) -> "RefundChunk":
        numbers = [draft.number for draft in drafts]
        known = {row["number"] for row in await fetch(_EXISTING, self.shop.id, numbers)}
        new = [draft for draft in drafts if draft.number not in known]
        customers = [draft.customer for draft in new if draft.customer]
        additions = await self.catalogue.complete(fetch, customers, {})
        chunk = RefundChunk(
            importer=self, additions=additions, purchases=await self._purchases(fetch, new)
        )
        for draft in new:
            chunk.add(draft)
        lines = sum(len(draft.lines) for draft in drafts)
        chunk.counts.update(
            refunds=len(new),
            refunds_existing=len(known),
            rows=len(chunk.lines),
            rows_existing=lines - len(chunk.lines),
            amount=sum(draft.goods + draft.shipping for draft in new),
            customers=len(additions.customers),
        )
        return chunk

    async def _purchases(self, fetch: Fetch, drafts: Sequence[RefundDraft]) -> Purchases:
        """Those that the drafts may be for; a customer made just now has bought nothing."""
        ids, purchases = self.catalogue.customers, Purchases()
        lines = [(draft, line) for draft in drafts for line in draft.lines]
        await purchases.find(
            fetch,
            self.shop.id,
            self.mapping.currency,
            of_orders=((line.order_number, line.sku) for _, line in lines if line.order_number),
            of_customers=(
                (ids[draft.customer.reference], line.sku)
                for draft, line in lines
                if draft.customer and draft.customer.reference in ids and not line.order_number
            ),
        )
        return purchases


@dataclass(frozen=True, kw_only=True)
class RefundChunk(Chunk):
    """The rows of some refunds, table by table."""

    importer: RefundImporter
    additions: Additions
    purchases: Purchases
    counts: Counter[str] = field(default_factory=Counter)
    claims: Claims = field(default_factory=Claims)
    refunds: list[Row] = field(default_factory=list)
    lines: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)

    async def write(self, tx: Transaction) -> None:
        await self.claims.write(tx)
        await self.additions.write(tx)
        await _REFUNDS.write(tx, self.refunds)
        await _LINES.write(tx, self.lines)
        await _EVENTS.write(tx, self.events)

    def committed(self) -> None:
        self.importer.catalogue.learn(self.additions)

    def add(self, draft: RefundDraft) -> None:
        """The rows of one refund, and what it claims."""
        refund_id, customer_id = models.new_id(), self._customer(draft)
        purchases = []
        for position, line in enumerate(draft.lines):
            # One line after the other: the next one sees which units are taken.
            purchase = self._purchase(draft, line, customer_id)
            self._add_line(refund_id, position, line, purchase)
            if purchase:
                purchases.append(purchase)
        order_id = _only({purchase.order_id for purchase in purchases})
        buyer_id = customer_id or _only({purchase.customer_id for purchase in purchases})
        if order_id and draft.shipping:
            self.claims.add_shipping(order_id, draft.shipping)
        head = self._add_event(refund_id, draft)
        self._add_refund(refund_id, order_id, buyer_id, draft, head)

    def _customer(self, draft: RefundDraft) -> UUID | None:
        if draft.customer is None:
            return None
        reference = draft.customer.reference
        known = self.importer.catalogue.customers.get(reference)
        return known or self.additions.customers[reference]

    def _purchase(
        self, draft: RefundDraft, line: RefundLineDraft, customer_id: UUID | None
    ) -> Purchase | None:
        self.counts["lines_with_customer"] += customer_id is not None
        if line.order_number:
            return self.purchases.last(line.order_number, line.sku)
        if customer_id is None:
            return None
        return self.purchases.last(customer_id, line.sku, until=draft.refunded_at)

    def _add_line(
        self, refund_id: UUID, position: int, line: RefundLineDraft, purchase: Purchase | None
    ) -> None:
        if purchase:
            self.counts["lines_linked"] += 1
            purchase.unclaimed -= line.quantity
            self.claims.add_line(purchase.order_id, purchase.line_id, line.quantity, line.amount)
        title = line.title or (purchase.title if purchase else line.sku)
        self.lines.append((
            models.new_id(), self.importer.shop.id, refund_id,
            purchase.line_id if purchase else None, position, line.sku, title, line.quantity,
            line.amount, line.amount,
        ))  # fmt: skip

    def _add_event(self, refund_id: UUID, draft: RefundDraft) -> str:
        payload = {
            "amount": draft.goods + draft.shipping,
            "currency": self.importer.mapping.currency,
        }
        head = chain_hash(
            GENESIS,
            refund_id=str(refund_id),
            version=1,
            type=EventType.IMPORTED,
            at=draft.refunded_at,
            actor=_ACTOR,
            payload=payload,
        )
        self.events.append((
            models.new_id(), self.importer.shop.id, refund_id, 1, EventType.IMPORTED,
            RefundStatus.REFUNDED, orjson.dumps(payload).decode(), _ACTOR, _ACTOR_NAME,
            draft.refunded_at, head,
        ))  # fmt: skip
        return head

    def _add_refund(
        self,
        refund_id: UUID,
        order_id: UUID | None,
        customer_id: UUID | None,
        draft: RefundDraft,
        head: str,
    ) -> None:
        at, goods = draft.refunded_at, draft.goods
        self.refunds.append((
            refund_id, self.importer.shop.id, order_id, customer_id, draft.number,
            RefundKind.REFUND_ONLY, RefundStatus.REFUNDED, 1, self.importer.mapping.currency,
            goods, draft.shipping, goods + draft.shipping, _ACTOR, True, at, at, at, at, head,
        ))  # fmt: skip


def _only(found: set[T]) -> T | None:
    return next(iter(found)) if len(found) == 1 else None
