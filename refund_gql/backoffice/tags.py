"""Reason tags: why customers want refunds, in the shop's own categories."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from tortoise.exceptions import IntegrityError

from refund_gql import clock, database, validation
from refund_gql.auth import Viewer
from refund_gql.database import Transaction
from refund_gql.errors import AlreadyExists, InvalidInput, NotFound
from refund_gql.models import ReasonTag, Shop
from refund_gql.roles import Role

DEFAULTS: tuple[tuple[str, str, str, bool], ...] = (
    ("ordered-by-mistake", "Ordered by mistake or too many", "拍错/多拍", False),
    ("not-as-described", "Not as described", "商品与描述不符", True),
    ("logistics", "Logistics: late, lost or damaged", "物流问题", True),
    ("changed-mind", "Changed mind or dislikes it", "主观原因（不喜欢/不想要）", False),
    ("other", "Other", "其他", False),
)
"""The five reasons of the trade: code, English, Chinese, whether the shop is at fault."""


@dataclass(frozen=True, kw_only=True)
class TagFacts:
    """What may be changed; None leaves a field as it is."""

    labels: Mapping[str, str] | None = None
    parent_id: UUID | None = None
    seller_at_fault: bool | None = None
    position: int | None = None


async def create_defaults(tx: Transaction, shop: Shop) -> None:
    """Give a new shop the trade's five reasons."""
    await ReasonTag.bulk_create(
        [
            ReasonTag(
                shop_id=shop.id,
                code=code,
                labels={"en": english, "zh": chinese},
                seller_at_fault=fault,
                position=position,
            )
            for position, (code, english, chinese, fault) in enumerate(DEFAULTS)
        ],
        using_db=tx,
    )


async def create(viewer: Viewer, code: str, facts: TagFacts) -> UUID:
    """A new tag. Raises NotAllowed, InvalidInput, AlreadyExists, NotFound (the parent)."""
    viewer.require(Role.OWNER, Role.AGENT)
    code = validation.text("code", code, longest=64)
    if facts.labels is None:
        raise _no_label()

    async def work(tx: Transaction) -> UUID:
        tag = ReasonTag(shop_id=viewer.shop_id, code=code)
        await _apply(tx, viewer, tag, facts)
        try:
            await tag.save(using_db=tx, force_create=True)
        except IntegrityError as error:
            raise AlreadyExists(kind="ReasonTag", id=code) from error
        return tag.id

    return await database.transaction(work)


async def update(viewer: Viewer, tag_id: UUID, facts: TagFacts) -> UUID:
    """Change a tag; its code stays. Raises NotAllowed, InvalidInput, NotFound."""
    viewer.require(Role.OWNER, Role.AGENT)

    async def work(tx: Transaction) -> UUID:
        tag = await _locked(tx, viewer, tag_id)
        await _apply(tx, viewer, tag, facts)
        await tag.save(using_db=tx)
        return tag.id

    return await database.transaction(work)


async def retire(viewer: Viewer, tag_id: UUID) -> UUID:
    """No new request may state it; old refunds keep it. Raises NotAllowed, NotFound."""
    viewer.require(Role.OWNER, Role.AGENT)

    async def work(tx: Transaction) -> UUID:
        tag = await _locked(tx, viewer, tag_id)
        tag.retired_at = tag.retired_at or clock.now()
        await tag.save(using_db=tx)
        return tag.id

    return await database.transaction(work)


async def _locked(tx: Transaction, viewer: Viewer, tag_id: UUID) -> ReasonTag:
    tags = ReasonTag.filter(id=tag_id, shop_id=viewer.shop_id).using_db(tx)
    tag = await tags.select_for_update(no_key=True).first()
    if tag is None:
        raise NotFound(kind="ReasonTag", id=str(tag_id))
    return tag


async def _apply(tx: Transaction, viewer: Viewer, tag: ReasonTag, facts: TagFacts) -> None:
    if facts.labels is not None:
        if not facts.labels:
            raise _no_label()
        tag.labels = {
            validation.locale("labels", locale): validation.text(
                f"labels.{locale}", label, longest=100
            )
            for locale, label in facts.labels.items()
        }
    if facts.parent_id is not None:
        await _set_parent(tx, viewer, tag, facts.parent_id)
    if facts.seller_at_fault is not None:
        tag.seller_at_fault = facts.seller_at_fault
    if facts.position is not None:
        tag.position = validation.whole("position", facts.position, least=0, most=10_000)


def _no_label() -> InvalidInput:
    return InvalidInput(
        field="labels", found="none", expected="a label in zh or en", zh="中文或英文标签"
    )


async def _set_parent(tx: Transaction, viewer: Viewer, tag: ReasonTag, parent_id: UUID) -> None:
    # One move at a time in a shop: several at once could close a circle together.
    await Shop.filter(id=viewer.shop_id).using_db(tx).select_for_update(no_key=True).get()
    parent = await ReasonTag.filter(id=parent_id, shop_id=viewer.shop_id).using_db(tx).first()
    if parent is None:
        raise NotFound(kind="ReasonTag", id=str(parent_id))
    ancestor: ReasonTag | None = parent
    while ancestor is not None:
        if ancestor.id == tag.id:
            raise InvalidInput(
                field="parentId",
                found=parent.code,
                expected="no tag below itself",
                zh="不能是自己的下级",
            )
        above = ReasonTag.filter(id=ancestor.parent_id).using_db(tx)
        ancestor = await above.first() if ancestor.parent_id else None
    tag.parent_id = parent.id
