"""Rules out of the database, and evaluations into it; every call inside the caller's transaction.

The order for one refund: `load` the rules, `used_today`, `acted`, evaluate, `record`, carry out.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from refund_gql.choices import RuleMatching, RuleMode, RuleOutcome, RuleTrigger
from refund_gql.database import Transaction
from refund_gql.models import RuleEvaluation, RuleUse, Shop, new_id
from refund_gql.rules import actions
from refund_gql.rules.engine import Evaluation, Rule, Usage, Verdict
from refund_gql.rules.explanation import explain

_LOAD = """
select r.id, v.id as version_id, v.number, r.name, r.mode, r.position, v.condition, v.actions,
       v.valid_from, v.valid_until, v.daily_count, v.daily_amount
  from rule r join rule_version v on v.rule_id = r.id and v.number = r.version
 where r.shop_id = $1 and r.trigger = $2 and r.mode <> 'OFF' and r.deleted_at is null
 order by r.position, r.id
"""
_LOCK = "select id from rule where id = any($1::uuid[]) order by id for no key update"
_USED = """
select rule_id, count(*) as count, coalesce(sum(amount), 0)::bigint as amount from rule_use
 where rule_id = any($1::uuid[]) and mode = 'LIVE' and at >= $2 group by rule_id
"""
_ACTED = "select rule_id, mode from rule_use where refund_id = $1 and visit = $2"


async def load(tx: Transaction, shop_id: UUID, trigger: RuleTrigger) -> list[Rule]:
    """The shop's rules of a trigger, live and in the shadow, as they stand."""
    rows = await tx.execute_query_dict(_LOAD, [shop_id, trigger.value])
    return [_rule(row) for row in rows]


def _rule(row: Mapping[str, Any]) -> Rule:
    return Rule(
        id=row["id"],
        version_id=row["version_id"],
        version=row["number"],
        name=_json(row["name"]),
        mode=RuleMode(row["mode"]),
        position=row["position"],
        condition=row["condition"],
        actions=actions.loaded(_json(row["actions"])),
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        daily_count=row["daily_count"],
        daily_amount=row["daily_amount"],
    )


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


def matching(shop: Shop, trigger: RuleTrigger) -> RuleMatching:
    """How far the shop's rules of a trigger are read."""
    return RuleMatching(shop.rule_matching.get(trigger.value, RuleMatching.FIRST))


async def used_today(
    tx: Transaction, shop: Shop, rules: Sequence[Rule], now: datetime
) -> dict[UUID, Usage]:
    """What the rules that have a cap have done since midnight in the shop's time zone.

    Those rules stay locked until the transaction ends, so that refunds decided at once cannot go
    beyond a cap together. Ids ascending; no capture may be locked after this.
    """
    capped = sorted(
        rule.id
        for rule in rules
        if rule.mode is RuleMode.LIVE and (rule.daily_count or rule.daily_amount)
    )
    if not capped:
        return {}
    await tx.execute_query_dict(_LOCK, [capped])
    rows = await tx.execute_query_dict(_USED, [capped, midnight(shop, now)])
    return {row["rule_id"]: Usage(count=row["count"], amount=row["amount"]) for row in rows}


def midnight(shop: Shop, now: datetime) -> datetime:
    """When the shop's day began, in UTC."""
    zone = ZoneInfo(shop.time_zone)
    return datetime.combine(now.astimezone(zone).date(), time(), tzinfo=zone).astimezone(UTC)


async def acted(
    tx: Transaction, rules: Sequence[Rule], refund_id: UUID, visit: int
) -> frozenset[UUID]:
    """The rules that have acted on a refund in this visit of a status, each in its own mode; what
    acted when it was live has acted."""
    rows = await tx.execute_query_dict(_ACTED, [refund_id, visit])
    done = {(row["rule_id"], RuleMode(row["mode"])) for row in rows}
    return frozenset(
        rule.id for rule in rules if {(rule.id, rule.mode), (rule.id, RuleMode.LIVE)} & done
    )


async def record(
    tx: Transaction,
    *,
    shop_id: UUID,
    refund_id: UUID,
    amount: int,
    evaluation: Evaluation,
    cause: str = "",
    visit: int = 1,
    hindrance: Mapping[str, str] | None = None,
) -> UUID:
    """Keep an evaluation for good, and count what the rules did; `amount` is the refund's, and
    `hindrance` what its explanation says.

    `visit` is the version at which the refund came to its status; 1 is its request.
    """
    row = RuleEvaluation(
        id=new_id(),
        shop_id=shop_id,
        refund_id=refund_id,
        trigger=evaluation.trigger,
        cause=cause,
        facts=dict(evaluation.facts),
        verdicts=[_verdict(verdict) for verdict in evaluation.verdicts],
        decided_by_id=evaluation.decided_by.version_id if evaluation.decided_by else None,
        decision=actions.stored([evaluation.decision])[0] if evaluation.decision else {},
        actions=actions.stored(evaluation.actions),
        explanation=explain(evaluation, hindrance),
        at=evaluation.at,
    )
    await row.save(using_db=tx, force_create=True)
    counted = filter(_counts, evaluation.verdicts)
    uses = [_use(row, verdict, amount, visit) for verdict in counted]
    if uses:
        await RuleUse.bulk_create(uses, using_db=tx)
    return row.id


def _counts(verdict: Verdict) -> bool:
    return verdict.effective and verdict.outcome is RuleOutcome.MATCHED


def _use(row: RuleEvaluation, verdict: Verdict, amount: int, visit: int) -> RuleUse:
    return RuleUse(
        shop_id=row.shop_id,
        evaluation_id=row.id,
        rule_id=verdict.rule.id,
        rule_version_id=verdict.rule.version_id,
        refund_id=row.refund_id,
        mode=verdict.rule.mode,
        visit=visit,
        amount=amount,
        at=row.at,
    )


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "rule": str(verdict.rule.id),
        "version": verdict.rule.version,
        "name": dict(verdict.rule.name),
        "mode": verdict.rule.mode.value,
        "outcome": verdict.outcome.value,
        "effective": verdict.effective,
        "missing": verdict.missing,
        "error": verdict.error,
    }
