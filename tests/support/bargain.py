"""A refund over goods that were sent, and what is offered for it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from refund_gql import clock
from refund_gql.models import OfferLadder
from support.api import Api, key
from support.loyalty import row_id
from support.refusals import mutate
from support.world import World, shipped

LADDERS = """offers { id kind } offerLadders { state message expiresAt counter { amount }
  counterNote offers { id rank kind state amount { amount } coupon { amount } text guide } }"""

RETURN = {"kind": "FULL_WITH_RETURN"}
KEEP = {
    "kind": "KEEP_AND_COMPENSATE",
    "amount": 2000,
    "text": {"zh": "附使用视频", "en": "With a video on how to use it"},
    "guide": {"zh": "https://shop.example/thermos"},
}
COUPON = {"kind": "EXCHANGE_COUPON", "couponAmount": 9000, "couponBonus": 1000, "couponDays": 60}


def partial(amount: int) -> dict[str, Any]:
    """An offer of a part of the money."""
    return {"kind": "PARTIAL", "amount": amount}


async def in_review(world: World, **changes: Any) -> dict[str, Any]:
    """A refund of goods that were sent, as customer service has it."""
    order = await world.order(shipments=shipped(), **changes)
    asked = await world.refund(world.customer, order)
    return await world.reaches(asked, "REVIEW")


async def propose(by: Api, refund: dict[str, Any], *offers: dict[str, Any]) -> dict[str, Any]:
    """`offerPropose`: what it answers."""
    return await step(by, "offerPropose", refund, offers=list(offers), message="Take your pick")


async def offered(world: World, *offers: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A refund whose customer has these offers to choose from."""
    refund = await in_review(world, **changes)
    answer = await propose(world.agent, refund, *offers)
    assert answer["__typename"] == "Refund", answer
    return await seen(world, refund)


async def seen(world: World, refund: dict[str, Any]) -> dict[str, Any]:
    """The refund as the customer sees it, with its offers."""
    return await world.customer.refund(refund["id"], LADDERS)


async def step(by: Api, name: str, refund: dict[str, Any], **input: Any) -> dict[str, Any]:
    """What a step of a refund answers."""
    content = {"refundId": refund["id"], "idempotencyKey": key(), **input}
    return await mutate(by, name, content, "... on Refund { id status version }")


async def accept(by: Api, refund: dict[str, Any], kind: str, **more: Any) -> dict[str, Any]:
    """`offerAccept` of the newest ladder's offer of a kind: what it answers."""
    [ladder, *_] = refund["offerLadders"]
    [found] = [offer["id"] for offer in ladder["offers"] if offer["kind"] == kind]
    content = {"offerId": found, "idempotencyKey": key(), **more}
    return await mutate(by, "offerAccept", content, "... on Refund { id status version }")


async def ladder_of(refund: dict[str, Any]) -> OfferLadder:
    """The offers that were made last."""
    found = await OfferLadder.filter(refund_id=row_id(refund)).order_by("-id").first()
    assert found is not None
    return found


async def over(refund: dict[str, Any]) -> UUID:
    """The time to choose is over; the ladder's id."""
    ladder = await ladder_of(refund)
    begin = clock.now() - timedelta(hours=49)
    await OfferLadder.filter(id=ladder.id).update(
        proposed_at=begin, expires_at=begin + timedelta(hours=48)
    )
    return ladder.id
