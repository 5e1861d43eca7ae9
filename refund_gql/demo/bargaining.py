"""What people do in the demo's scenes about offers, and about their budgets."""

from contextlib import suppress
from datetime import timedelta

from refund_gql.auth import Viewer
from refund_gql.choices import OfferKind, Purpose
from refund_gql.demo.steps import Act, Step
from refund_gql.errors import OverBudget
from refund_gql.flow import discretion, negotiation
from refund_gql.flow.discretion import BudgetFacts
from refund_gql.flow.offer_drafts import OfferDraft, Proposal
from refund_gql.models import Offer, Refund
from refund_gql.roles import Role

_BUDGET = BudgetFacts(
    purpose=Purpose.COMPENSATION, role=Role.AGENT, per_case=100_00, per_day=1_000_00
)
_TWO_WAYS = Proposal(
    drafts=(
        OfferDraft(kind=OfferKind.FULL_WITH_RETURN),
        OfferDraft(
            kind=OfferKind.KEEP_AND_COMPENSATE,
            amount=20_00,
            texts={
                "zh": "附使用视频：先用热水预热三分钟，保温更久。",
                "en": "With a video: warmed up with hot water for three minutes, it keeps longer.",
            },
            guides={
                "zh": "https://shop.example/guides/thermos-zh",
                "en": "https://shop.example/guides/thermos-en",
            },
        ),
    ),
    message="很抱歉给您带来不便，请选择您满意的方案。 We are sorry; please choose what suits you.",
)


async def set_budgets(owner: Viewer) -> None:
    """What the demo's agents decide alone."""
    await discretion.set_budget(owner, _BUDGET)


async def _offer(act: Act) -> None:
    await _propose(act, _TWO_WAYS)


async def _offer_coupon(act: Act) -> None:
    refund = await Refund.get(id=act.refund_id)
    coupon = OfferDraft(
        kind=OfferKind.EXCHANGE_COUPON,
        coupon_amount=refund.amount,
        coupon_bonus=5_00,
        coupon_days=90,
    )
    await _propose(act, Proposal(drafts=(coupon,)))


async def _overreach(act: Act) -> None:
    """More than an agent's budget: it becomes a task for the owner."""
    half = (await Refund.get(id=act.refund_id)).amount // 2
    offer = OfferDraft(kind=OfferKind.PARTIAL, amount=half)
    with suppress(OverBudget):
        await _propose(act, Proposal(drafts=(offer,), reason="老顾客，建议退一半"))


async def _propose(act: Act, proposal: Proposal) -> None:
    await negotiation.propose(
        act.colleagues[Role.AGENT], act.refund_id, proposal, once=act.once("offerPropose")
    )


async def _keep(act: Act) -> None:
    await _take(act, OfferKind.KEEP_AND_COMPENSATE)


async def _swap(act: Act) -> None:
    await _take(act, OfferKind.EXCHANGE_COUPON)


async def _take(act: Act, kind: OfferKind) -> None:
    offer = await Offer.get(refund_id=act.refund_id, kind=kind)
    await negotiation.accept(act.customer, offer.id, once=act.once("offerAccept"))


OFFER = Step(after=timedelta(minutes=40), play=_offer)
OFFER_COUPON = Step(after=timedelta(minutes=40), play=_offer_coupon)
OVERREACH = Step(after=timedelta(minutes=30), play=_overreach)
KEEP = Step(after=timedelta(hours=1), play=_keep)
SWAP = Step(after=timedelta(hours=2), play=_swap)
