"""Trying rules on a shop's history."""

from datetime import timedelta
from typing import Any

from refund_gql import clock
from support.api import Api, key
from support.world import World, eventually

SUM = "{ count share money { amount currency } otherCurrencies }"
REPORT = f"""
  refunds {SUM} recorded automaticWithDraft {SUM} automaticToday {SUM} automaticThen {SUM}
  matched {SUM} tookEffect {SUM} capped {SUM} cappedDays
  days {{ day matched tookEffect {SUM} capped }}
  unknown {{ fact count }} errors {{ error count }}
  disagreements {{ kind refunds {SUM} samples {{ refund {{ number }} explanation }} }}
  approved {SUM} disputed {SUM} shadowedBy {{ name }}
  overlaps {{ name mode both {SUM} cameFirst taken conflicting rule {{ name }} }}
"""
_START = """mutation M($input: RuleBacktestInput!) { run: ruleBacktest(input: $input) {
    __typename ... on RuleBacktestRun { id status total done }
    ... on Problem { code message path } ... on InvalidCondition { mistakes { column } } } }"""
_RUN = f"""query R($id: ID!) {{ run: ruleBacktestRun(id: $id) {{
    status total done finishedAt report {{ {REPORT} }} }} }}"""

Answer = dict[str, Any]
HOLD: Answer = {"kind": "HOLD", "parameters": {"why": {"en": "look", "zh": "请查看"}}}


def draft(condition: str, action: Answer | None = None, **more: Any) -> Answer:
    """A RuleInput; by default one that approves."""
    return {
        "name": {"en": "draft"},
        "condition": condition,
        "actions": [action or {"kind": "APPROVE"}],
        **more,
    }


async def begin(by: Api, **asked: Any) -> Answer:
    """The run, or the problem; over the last thirty days unless said otherwise."""
    content = {
        "from": (clock.now() - timedelta(days=30)).isoformat(),
        "idempotencyKey": key(),
        **asked,
    }
    found: Answer = (await by(_START, input=content))["run"]
    return found


async def run(by: Api, run_id: str) -> Answer:
    """A run as it is now."""
    found: Answer = (await by(_RUN, id=run_id))["run"]
    return found


async def report(world: World, **asked: Any) -> Answer:
    """What came of a backtest, once it is done."""
    begun = await begin(world.owner, **asked)
    assert begun["__typename"] == "RuleBacktestRun", begun

    async def done() -> Answer | None:
        found = await run(world.agent, begun["id"])
        return found if found["status"] in ("DONE", "FAILED") else None

    found = await eventually(done, "a backtest that is over")
    assert found["status"] == "DONE", found
    told: Answer = found["report"]
    return told
