"""The customers and products of a shop: found by the shop's own names, or made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from refund_gql import models
from refund_gql.database import Transaction
from refund_gql.importing.copying import CopyTable, Fetch
from refund_gql.importing.draft import CustomerDraft

_CUSTOMERS = CopyTable(
    models.Customer, "id", "shop_id", "reference", "name", "email", "locale", "created_at"
)
_PRODUCTS = CopyTable(models.Product, "id", "shop_id", "sku", "title", "created_at")
_FIND_CUSTOMERS = """
    select reference as name, id from customer where shop_id = $1 and reference = any($2)
"""
_FIND_PRODUCTS = "select sku as name, id from product where shop_id = $1 and sku = any($2)"


@dataclass(frozen=True, kw_only=True)
class Additions:
    """What a chunk needs and nobody had: ids by the shop's own names, and the rows to write."""

    customers: dict[str, UUID] = field(default_factory=dict)
    products: dict[str, UUID] = field(default_factory=dict)
    customer_rows: list[tuple[object, ...]] = field(default_factory=list)
    product_rows: list[tuple[object, ...]] = field(default_factory=list)

    async def write(self, tx: Transaction) -> None:
        """Write the new rows."""
        await _CUSTOMERS.write(tx, self.customer_rows)
        await _PRODUCTS.write(tx, self.product_rows)


class Catalogue:
    """The ids that are known to be in the database."""

    def __init__(self, shop: models.Shop, now: datetime) -> None:
        self._shop, self._now = shop, now
        self.customers: dict[str, UUID] = {}
        self.products: dict[str, UUID] = {}

    async def complete(
        self, fetch: Fetch, customers: Iterable[CustomerDraft], products: Mapping[str, str]
    ) -> Additions:
        """Look up what is not known yet, and prepare what does not exist.

        `products` is SKU -> title. What is found is known from now on; what is prepared only
        after `learn`, once it is committed.
        """
        people = {person.reference: person for person in customers}
        await self._find(fetch, _FIND_CUSTOMERS, self.customers, people)
        await self._find(fetch, _FIND_PRODUCTS, self.products, products)
        additions = Additions()
        for reference in people.keys() - self.customers.keys():
            self._add_customer(additions, people[reference])
        for sku in products.keys() - self.products.keys():
            self._add_product(additions, sku, products[sku])
        return additions

    def learn(self, additions: Additions) -> None:
        """The additions are in the database now."""
        self.customers |= additions.customers
        self.products |= additions.products

    async def _find(
        self, fetch: Fetch, sql: str, known: dict[str, UUID], wanted: Mapping[str, object]
    ) -> None:
        if unknown := list(wanted.keys() - known.keys()):
            rows = await fetch(sql, self._shop.id, unknown)
            known.update((row["name"], row["id"]) for row in rows)

    def _add_customer(self, additions: Additions, person: CustomerDraft) -> None:
        key = additions.customers[person.reference] = models.new_id()
        additions.customer_rows.append((key, self._shop.id, *person, self._shop.locale, self._now))

    def _add_product(self, additions: Additions, sku: str, title: str) -> None:
        key = additions.products[sku] = models.new_id()
        additions.product_rows.append((key, self._shop.id, sku, title, self._now))
