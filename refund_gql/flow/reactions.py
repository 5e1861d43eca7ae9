"""What the shop's rules do when something happens to a refund that was requested long ago.

Whoever notices it asks (see `occasions`); the job `react` then reads the rules of that trigger
over the refund, under its locks, once for each cause.

These rules do not decide where a refund goes, so none of them changes a status; and each acts
at most once while the refund stays in one. However rules answer each other, they come to an end.
"""

from collections.abc import Mapping
from functools import partial
from uuid import UUID

from refund_gql import database
from refund_gql.auth import system
from refund_gql.choices import RuleTrigger
from refund_gql.database import Transaction
from refund_gql.flow import effects, facts, journal, occasions, quote, routing, visits
from refund_gql.flow.journal import Change
from refund_gql.flow.occasions import Occasion
from refund_gql.flow.risk import Risks
from refund_gql.flow.signals import Risk
from refund_gql.flow.visits import Visit
from refund_gql.models import Refund, RuleEvaluation, Shop, TrackingCheckpoint
from refund_gql.rules import engine, records
from refund_gql.rules.actions import Route
from refund_gql.rules.engine import Evaluation
from refund_gql.rules.facts import Facts, FactValue

_CHANGED = """
select r.shop_id, e.version from refund r
  join event e on e.refund_id = r.id and e.version between $2 and $3
  join event previous on previous.refund_id = r.id and previous.version = e.version - 1
 where r.id = $1 and e.status <> previous.status and exists (
       select from rule where rule.shop_id = r.shop_id and rule.trigger = 'STATUS_CHANGED'
          and rule.mode <> 'OFF' and rule.deleted_at is null)
 order by e.version desc limit 1
"""


# --- asking -----------------------------------------------------------------------------------


async def status_changed(subject: str) -> None:
    """Ask about the change that an `events.span` names, if it changed the status.

    A status that was only passed through within one change counts as none.
    """
    refund_id, first, last = subject.split(":")
    changed = await database.fetch(_CHANGED, UUID(refund_id), int(first), int(last))
    for row in changed:
        occasion = Occasion(
            trigger=RuleTrigger.STATUS_CHANGED,
            refund_id=UUID(refund_id),
            cause=str(row["version"]),
        )
        await database.transaction(partial(occasions.enqueue, occasion=occasion))


# --- answering --------------------------------------------------------------------------------


async def react(subject: str, risks: Risks) -> None:
    """The job `react`; its subject is an `Occasion`. A second run does nothing."""
    occasion = Occasion.of(subject)
    refund = await Refund.get(id=occasion.refund_id)
    if refund.order_id is None:
        # Imported history: nothing is known that a rule could be read over.
        return
    # Before the transaction: no lock is held while a CRM system thinks.
    risk = await risks.of(refund.shop_id, refund.customer_id)

    async def work(change: Change) -> None:
        if not await _is_answered(change.tx, occasion):
            await _answer(change, occasion, risk)

    await journal.change(system(refund.shop_id), refund.id, work)


async def _is_answered(tx: Transaction, occasion: Occasion) -> bool:
    known = RuleEvaluation.filter(
        refund_id=occasion.refund_id, trigger=occasion.trigger, cause=occasion.cause
    )
    return await known.using_db(tx).exists()


async def _answer(change: Change, occasion: Occasion, risk: Risk) -> None:
    refund = change.refund
    assert refund.order_id is not None, "nobody answers for imported history"
    # The order of locks; what a rule sees is then true until its effects are there.
    await quote.load(change.tx, refund.shop_id, refund.order_id, lock=True)
    visit = await visits.at(change.tx, refund.id, _version(change, occasion))
    evaluation = await _evaluate(change, occasion, visit, risk)
    if not _is_worth_keeping(evaluation):
        return
    kept = await records.record(
        change.tx,
        shop_id=refund.shop_id,
        refund_id=refund.id,
        amount=refund.amount,
        evaluation=evaluation,
        cause=occasion.cause,
        visit=visit.version,
    )
    if isinstance(evaluation.decision, Route):
        await routing.hand_on(change, evaluation.decision, str(kept))
    await effects.carry_out(change, evaluation, kept)


def _version(change: Change, occasion: Occasion) -> int:
    """A change of status is judged as it was, however far the refund has come since."""
    changed = occasion.trigger is RuleTrigger.STATUS_CHANGED
    return int(occasion.cause) if changed else change.refund.version


async def _evaluate(change: Change, occasion: Occasion, visit: Visit, risk: Risk) -> Evaluation:
    tx, refund, trigger = change.tx, change.refund, occasion.trigger
    shop = await Shop.filter(id=refund.shop_id).using_db(tx).get()
    rules = await records.load(tx, shop.id, trigger)
    known = await facts.gather(tx, refund, change.now, risk)
    return engine.evaluate(
        rules,
        Facts({**known, **await _of(change, occasion, visit)}),
        trigger=trigger,
        matching=records.matching(shop, trigger),
        now=change.now,
        usage=await records.used_today(tx, shop, rules, change.now),
        acted=await records.acted(tx, rules, refund.id, visit.version),
    )


async def _of(change: Change, occasion: Occasion, visit: Visit) -> Mapping[str, FactValue]:
    """What is known on this trigger alone."""
    known: dict[str, FactValue] = {}
    match occasion.trigger:
        case RuleTrigger.STATUS_CHANGED:
            known["refund.status"] = visit.status.value
            if visit.previous is not None:
                known["refund.previous_status"] = visit.previous.value
        case RuleTrigger.CLOCK:
            known["refund.minutes_in_status"] = facts.minutes(change.now - visit.since)
        case RuleTrigger.TRACKING_EVENT:
            lines = TrackingCheckpoint.filter(id=occasion.cause, shop_id=change.refund.shop_id)
            line = await lines.using_db(change.tx).get()
            if line.tag is not None:
                known["courier.event"] = line.tag.value
    return known


def _is_worth_keeping(evaluation: Evaluation) -> bool:
    """Something happened, whatever the rules made of it; that time passes is no news by itself."""
    if evaluation.trigger is RuleTrigger.CLOCK:
        return any(verdict.effective for verdict in evaluation.verdicts)
    return bool(evaluation.verdicts)
