"""Asking for a trial: a draft, held to what a saved rule is held to, on a window of history."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from refund_gql import clock, database
from refund_gql.auth import Viewer
from refund_gql.backoffice import rule_drafts
from refund_gql.backoffice.rule_drafts import RuleDraft, Wanted
from refund_gql.choices import BacktestStatus, RuleMode, RuleTrigger
from refund_gql.database import Transaction
from refund_gql.errors import InvalidInput, NotFound
from refund_gql.flow import once as idempotency
from refund_gql.flow.once import Once
from refund_gql.lab import history, lineup, working
from refund_gql.lab.lineup import Lineup
from refund_gql.models import Rule, RuleBacktest, RuleVersion, Shop, new_id
from refund_gql.roles import Role
from refund_gql.rules import engine, records
from refund_gql.rules.actions import AVAILABLE

MAX_WINDOW = timedelta(days=400)
MAX_OPEN = 3
"""Trials of one shop that are not over."""
TRIGGER = RuleTrigger.REQUESTED
"""The only one whose facts can be worked out for a moment of the past."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A part of the past."""

    starts_at: datetime
    ends_at: datetime
    """Up to, and not including."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is to be tried, and on what."""

    draft: RuleDraft | None
    """None: the rule that it would replace, as it stands."""
    trigger: RuleTrigger
    replaces: UUID | None
    """The rule whose new version it would be."""
    before: UUID | None
    """The rule before which a new one would be read; None: after all others."""
    starts_at: datetime
    ends_at: datetime | None
    """None: now."""


async def start(viewer: Viewer, asked: Question, once: Once) -> UUID:
    """Begin a trial; its id. The draft acts as if it were live and valid for the whole window.

    Raises NotAllowed, InvalidInput, InvalidCondition, NotFound (a rule, a tag or a colleague it
    names), IdempotencyConflict.
    """
    viewer.require(Role.OWNER)
    window = window_of(asked.starts_at, asked.ends_at)
    _require_sense(asked)
    total = await history.total(viewer.shop_id, window.starts_at, window.ends_at)

    async def work(tx: Transaction) -> UUID:
        shops = Shop.filter(id=viewer.shop_id).using_db(tx)
        shop = await shops.select_for_update(no_key=True).get()
        await _require_room(tx, shop)
        run_id = new_id()
        wanted = rule_drafts.checked(await _draft(tx, viewer, asked), TRIGGER, AVAILABLE)
        await rule_drafts.require_named(tx, viewer, wanted)
        found = await _lineup(tx, viewer, shop, asked, wanted, run_id)
        await RuleBacktest.create(
            using_db=tx,
            id=run_id,
            shop_id=shop.id,
            replaces_id=asked.replaces,
            lineup=lineup.stored(found),
            starts_at=window.starts_at,
            ends_at=window.ends_at,
            total=total,
            actor=viewer.actor,
            actor_name=viewer.name,
            created_at=clock.now(),
        )
        await working.enqueue(tx, run_id, 0)
        return run_id

    return await idempotency.run(viewer, once, work)


async def cancel(viewer: Viewer, run_id: UUID) -> UUID:
    """Let a trial be; one that is over stays as it is. Raises NotAllowed, NotFound."""
    viewer.require(Role.OWNER)

    async def work(tx: Transaction) -> UUID:
        runs = RuleBacktest.filter(id=run_id, shop_id=viewer.shop_id).using_db(tx)
        if not await runs.exists():
            raise NotFound(kind="RuleBacktestRun", id=str(run_id))
        await runs.filter(status__in=list(working.OPEN)).update(
            status=BacktestStatus.CANCELLED, finished_at=clock.now()
        )
        return run_id

    return await database.transaction(work)


# --- the rules of the trial -------------------------------------------------------------------


async def _draft(tx: Transaction, viewer: Viewer, asked: Question) -> RuleDraft:
    if asked.draft is not None:
        return asked.draft
    assert asked.replaces is not None, "checked before the transaction"
    rule = await _rule(tx, viewer, asked.replaces)
    version = await RuleVersion.filter(rule_id=rule.id, number=rule.version).using_db(tx).get()
    return RuleDraft(
        name=rule.name,
        condition=version.condition,
        actions=version.actions,
        description=version.description,
        daily_count=version.daily_count,
        daily_amount=version.daily_amount,
    )


async def _lineup(
    tx: Transaction, viewer: Viewer, shop: Shop, asked: Question, wanted: Wanted, run_id: UUID
) -> Lineup:
    today = lineup.valid(await records.load(tx, shop.id, TRIGGER), clock.now())
    position, version = lineup.behind(today), 1
    if asked.replaces is not None:
        replaced = await _rule(tx, viewer, asked.replaces)
        position, version = lineup.at_the_place_of(replaced.position), replaced.version + 1
    elif asked.before is not None:
        position = lineup.before((await _rule(tx, viewer, asked.before)).position)
    draft = engine.Rule(
        id=asked.replaces or run_id,
        version_id=run_id,
        version=version,
        name=wanted.name,
        mode=RuleMode.LIVE,
        position=position,
        condition=wanted.condition,
        actions=wanted.actions,
        daily_count=wanted.daily_count,
        daily_amount=wanted.daily_amount,
    )
    return Lineup(
        today=tuple(today),
        draft=draft,
        matching=records.matching(shop, TRIGGER),
        currency=str(shop.currency),
        time_zone=shop.time_zone,
    )


async def _rule(tx: Transaction, viewer: Viewer, rule_id: UUID) -> Rule:
    """A rule of this trigger, off ones too."""
    rules = Rule.filter(id=rule_id, shop_id=viewer.shop_id, trigger=TRIGGER, deleted_at=None)
    rule = await rules.using_db(tx).first()
    if rule is None:
        raise NotFound(kind="Rule", id=str(rule_id))
    return rule


# --- what is refused --------------------------------------------------------------------------


def window_of(starts_at: datetime, ends_at: datetime | None) -> Window:
    """The window, which ends now at the latest. Raises InvalidInput."""
    now = clock.now()
    window = Window(starts_at=starts_at, ends_at=min(ends_at or now, now))
    if window.ends_at <= window.starts_at:
        raise InvalidInput(
            field="from",
            found=starts_at.isoformat(),
            expected="a moment of the past, before `until`",
            zh="早于 until 的过去时间",
        )
    if window.ends_at - window.starts_at > MAX_WINDOW:
        raise InvalidInput(
            field="from",
            found=starts_at.isoformat(),
            expected=f"at most {MAX_WINDOW.days} days before the end of the window",
            zh=f"距窗口结束不超过 {MAX_WINDOW.days} 天",
        )
    return window


def _require_sense(asked: Question) -> None:
    if asked.trigger is not TRIGGER:
        raise InvalidInput(
            field="trigger",
            found=asked.trigger,
            expected=f"{TRIGGER}: what was known at other moments of the past is not known today",
            zh=f"{TRIGGER}：其他触发时刻的事实无法事后还原",
        )
    if asked.replaces is not None and asked.before is not None:
        raise InvalidInput(
            field="before",
            found="a rule",
            expected="nothing: a new version keeps the place of the rule that it replaces",
            zh="留空：新版本沿用被替换规则的位置",
        )
    if asked.draft is None and asked.replaces is None:
        raise InvalidInput(
            field="draft",
            found="nothing",
            expected="a draft, or in `replaces` a rule to be tried as it stands",
            zh="规则草稿；如需回测现有规则，请填写 replaces",
        )


async def _require_room(tx: Transaction, shop: Shop) -> None:
    runs = RuleBacktest.filter(shop_id=shop.id, status__in=list(working.OPEN))
    if await runs.using_db(tx).count() >= MAX_OPEN:
        raise InvalidInput(
            field="runs",
            found=f"{MAX_OPEN} backtests that are not over",
            expected="fewer: wait for one, or cancel it with ruleBacktestCancel",
            zh="更少的未完成回测：请等待其完成，或用 ruleBacktestCancel 取消",
        )
