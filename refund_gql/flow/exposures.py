"""The ledger of money that went ahead of its goods, per customer and tier.

An exposure opens with the commitment of the money and is released by the first sign of the goods;
when they are lost on their way, or go back to the customer, it opens again.
Until then it counts against what the customer's tier allows, and so does an open claim: who owes
the shop something is trusted with less. Whoever grants one holds the customer's row, so that two
refunds at once cannot go beyond the limit together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from refund_gql.choices import ExposureRelease
from refund_gql.flow import policy
from refund_gql.flow.journal import Change
from refund_gql.models import CustomerRisk, Exposure, GoodsClaim, Shop, new_id
from refund_gql.models.exposure import ANY_TIER

_LOCK = "select id from customer where id = $1 and shop_id = $2 for no key update"
_USED = """
select coalesce((select sum(amount) from exposure
                  where shop_id = $1 and customer_id = $2 and currency = $3
                    and released_at is null), 0)::bigint as open,
       coalesce((select sum(amount) from goods_claim
                  where shop_id = $1 and customer_id = $2 and currency = $3
                    and status = 'OPEN'), 0)::bigint as claimed
"""


@dataclass(frozen=True, kw_only=True)
class Room:
    """What one customer may still get before the goods are back; minor units of `currency`."""

    tier: str | None
    currency: str
    """The shop's."""
    limit: int
    open: int
    """Paid ahead, and the goods have not shown."""
    claimed: int
    """Owed to the shop for goods that never came, or came worth less."""

    def holds(self, amount: int, currency: str) -> bool:
        """True when so much more stays within the limit; money in another currency cannot be
        compared with it, so it does not."""
        return currency == self.currency and self.open + self.claimed + amount <= self.limit


def limit_of(limits: Mapping[str, int], tier: str | None) -> int:
    """What a shop allows a tier, in minor units; capitals and small letters are one."""
    by_tier = {name.casefold(): most for name, most in limits.items()}
    anybody = by_tier.get(ANY_TIER, 0)
    return anybody if tier is None else by_tier.get(tier.casefold(), anybody)


async def room(change: Change, customer_id: UUID, *, tier: str | None) -> Room:
    """What a customer of this tier has left; nobody else grants anything to the same customer
    until the change is over."""
    shop_id = change.refund.shop_id
    await change.tx.execute_query_dict(_LOCK, [customer_id, shop_id])
    shop = await Shop.filter(id=shop_id).using_db(change.tx).get()
    [used] = await change.tx.execute_query_dict(_USED, [shop_id, customer_id, shop.currency])
    return Room(
        tier=tier,
        currency=shop.currency,
        limit=limit_of(shop.exposure_limits, tier),
        open=used["open"],
        claimed=used["claimed"],
    )


async def kept_tier(change: Change, customer_id: UUID) -> str | None:
    """The customer's tier in the CRM's last answer."""
    answers = CustomerRisk.filter(shop_id=change.refund.shop_id, customer_id=customer_id)
    kept = await answers.using_db(change.tx).first()
    return kept.tier if kept else None


async def grant(change: Change, room: Room) -> Exposure:
    """The refund's money goes ahead of its goods, from now on."""
    refund = change.refund
    shop = await Shop.filter(id=refund.shop_id).using_db(change.tx).get()
    exposure = Exposure(
        id=new_id(),
        shop_id=refund.shop_id,
        refund_id=refund.id,
        customer_id=refund.customer_id,
        tier=room.tier,
        amount=refund.amount,
        currency=refund.currency,
        allowed=room.limit,
        opened_at=change.now,
        due_at=policy.return_due(shop, change.now),
        final_at=policy.return_final(shop, change.now),
    )
    await exposure.save(using_db=change.tx, force_create=True)
    return exposure


async def release(change: Change, why: ExposureRelease) -> Exposure | None:
    """The refund's exposure no longer counts; None when none does."""
    exposure = await unreleased(change)
    if exposure is None:
        return None
    exposure.released_at, exposure.release = change.now, why
    await exposure.save(using_db=change.tx, update_fields=["released_at", "release"])
    return exposure


async def reopen(change: Change) -> Exposure | None:
    """A courier had the goods, and does no longer: the exposure counts again, with dates of its
    own from now. None when no scan had released it, or somebody has made a claim of it since."""
    rows = Exposure.filter(refund_id=change.refund.id, release=ExposureRelease.SCANNED)
    exposure = await rows.using_db(change.tx).first()
    claims = GoodsClaim.filter(refund_id=change.refund.id).using_db(change.tx)
    if exposure is None or await claims.exists():
        return None
    shop = await Shop.filter(id=change.refund.shop_id).using_db(change.tx).get()
    exposure.released_at = exposure.release = exposure.reminded_at = None
    exposure.due_at = policy.return_due(shop, change.now)
    exposure.final_at = policy.return_final(shop, change.now)
    await exposure.save(using_db=change.tx)
    return exposure


async def unreleased(change: Change) -> Exposure | None:
    """The refund's exposure, while it counts; the refund's lock guards it."""
    rows = Exposure.filter(refund_id=change.refund.id, released_at=None)
    return await rows.using_db(change.tx).first()
