"""The shop's own rules: writing, switching, ordering and deleting them.

A rule is checked when it is saved, so that nothing it says can fail later for its form. What it
said before is kept as a version, and every change with its author.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from tortoise.queryset import QuerySet

from refund_gql import clock, database
from refund_gql.auth import Viewer
from refund_gql.backoffice import rule_drafts
from refund_gql.backoffice.rule_drafts import RuleDraft, Wanted
from refund_gql.choices import RuleChangeKind, RuleMode, RuleTrigger
from refund_gql.database import Transaction
from refund_gql.errors import InvalidInput, NotFound, StaleVersion
from refund_gql.models import Rule, RuleChange, RuleVersion, Shop, new_id
from refund_gql.roles import Role
from refund_gql.rules import actions
from refund_gql.rules.actions import AVAILABLE, Abilities

MAX_RULES = 100
"""Rules of one shop, so that reading them all stays a matter of microseconds."""
SPACING = 10
"""Between the positions of neighbours."""


async def create(
    viewer: Viewer,
    trigger: RuleTrigger,
    mode: RuleMode,
    draft: RuleDraft,
    available: Abilities = AVAILABLE,
) -> UUID:
    """A new rule, read after all others of its trigger.

    Raises NotAllowed, InvalidInput, InvalidCondition, NotFound (a tag or a colleague it names).
    """
    viewer.require(Role.OWNER)
    wanted = rule_drafts.checked(draft, trigger, available)

    async def work(tx: Transaction) -> UUID:
        await _lock_shop(tx, viewer)
        await rule_drafts.require_named(tx, viewer, wanted)
        others = await _rules(tx, viewer)
        if len(others) >= MAX_RULES:
            raise _too_many()
        last = max((rule.position for rule in others if rule.trigger is trigger), default=0)
        now = clock.now()
        rule = Rule(
            id=new_id(),
            shop_id=viewer.shop_id,
            name=wanted.name,
            trigger=trigger,
            mode=mode,
            position=last + SPACING,
            created_at=now,
            updated_at=now,
        )
        await rule.save(using_db=tx, force_create=True)
        await _save_version(tx, viewer, rule, wanted)
        await _record(tx, viewer, rule, RuleChangeKind.CREATED, {}, {"mode": mode.value})
        return rule.id

    return await database.transaction(work)


async def update(
    viewer: Viewer,
    rule_id: UUID,
    draft: RuleDraft,
    *,
    expected_version: int | None = None,
    available: Abilities = AVAILABLE,
) -> UUID:
    """A new version of a rule; refunds decided before keep the old one.

    Raises NotAllowed, NotFound, InvalidInput, InvalidCondition, and StaleVersion when somebody
    else has written one since `expected_version`.
    """
    viewer.require(Role.OWNER)

    async def work(tx: Transaction) -> UUID:
        rule = await _locked(tx, viewer, rule_id)
        if expected_version is not None and rule.version != expected_version:
            raise StaleVersion(current_version=rule.version, expected_version=expected_version)
        wanted = rule_drafts.checked(draft, rule.trigger, available)
        await rule_drafts.require_named(tx, viewer, wanted)
        before = {"version": rule.version, "name": rule.name}
        rule.name = wanted.name
        rule.version += 1
        await _save(tx, rule)
        await _save_version(tx, viewer, rule, wanted)
        after = {"version": rule.version, "name": rule.name}
        await _record(tx, viewer, rule, RuleChangeKind.UPDATED, before, after)
        return rule.id

    return await database.transaction(work)


async def set_mode(viewer: Viewer, rule_id: UUID, mode: RuleMode) -> UUID:
    """Switch a rule; the mode it has already changes nothing. Raises NotAllowed, NotFound."""
    viewer.require(Role.OWNER)

    async def work(tx: Transaction) -> UUID:
        rule = await _locked(tx, viewer, rule_id)
        before = rule.mode
        if before is not mode:
            rule.mode = mode
            await _save(tx, rule)
            was, now = {"mode": before.value}, {"mode": mode.value}
            await _record(tx, viewer, rule, RuleChangeKind.MODE_SET, was, now)
        return rule.id

    return await database.transaction(work)


async def reorder(viewer: Viewer, trigger: RuleTrigger, order: Sequence[UUID]) -> list[UUID]:
    """Put all rules of a trigger in this order. Raises NotAllowed, InvalidInput.

    The order names each of them once: whoever sends it has seen them all.
    """
    viewer.require(Role.OWNER)

    async def work(tx: Transaction) -> list[UUID]:
        await _lock_shop(tx, viewer)
        found = await _rules(tx, viewer).select_for_update(no_key=True)
        rules = {rule.id: rule for rule in found if rule.trigger is trigger}
        if len(order) != len(set(order)) or set(order) != set(rules):
            raise _not_all(len(order), len(rules))
        for place, rule_id in enumerate(order):
            await _move(tx, viewer, rules[rule_id], (place + 1) * SPACING)
        return list(order)

    return await database.transaction(work)


async def delete(viewer: Viewer, rule_id: UUID) -> UUID:
    """Look at a rule no more; what it has decided stays. Raises NotAllowed, NotFound."""
    viewer.require(Role.OWNER)

    async def work(tx: Transaction) -> UUID:
        rule = await _locked(tx, viewer, rule_id)
        before = {"mode": rule.mode.value, "position": rule.position}
        rule.mode = RuleMode.OFF
        rule.deleted_at = clock.now()
        await _save(tx, rule)
        await _record(tx, viewer, rule, RuleChangeKind.DELETED, before, {})
        return rule.id

    return await database.transaction(work)


# --- what is refused --------------------------------------------------------------------------


def _too_many() -> InvalidInput:
    return InvalidInput(
        field="rules",
        found=f"{MAX_RULES} rules",
        expected="fewer: delete one first",
        zh="规则数量已达上限，请先删除不用的规则",
    )


def _not_all(named: int, there: int) -> InvalidInput:
    return InvalidInput(
        field="order",
        found=f"{named} rules",
        expected=f"each of the {there} rules of this trigger once",
        zh=f"该触发条件下的全部 {there} 条规则，每条一次",
    )


# --- rows -------------------------------------------------------------------------------------


async def _lock_shop(tx: Transaction, viewer: Viewer) -> None:
    """One at a time where the rules of a shop are looked at together."""
    await Shop.filter(id=viewer.shop_id).using_db(tx).select_for_update(no_key=True).get()


def _rules(tx: Transaction, viewer: Viewer) -> QuerySet[Rule]:
    """By id: whoever locks several rules locks them in this order."""
    return Rule.filter(shop_id=viewer.shop_id, deleted_at=None).order_by("id").using_db(tx)


async def _locked(tx: Transaction, viewer: Viewer, rule_id: UUID) -> Rule:
    rules = Rule.filter(id=rule_id, shop_id=viewer.shop_id, deleted_at=None).using_db(tx)
    rule = await rules.select_for_update(no_key=True).first()
    if rule is None:
        raise NotFound(kind="Rule", id=str(rule_id))
    return rule


async def _save(tx: Transaction, rule: Rule) -> None:
    rule.updated_at = clock.now()
    await rule.save(using_db=tx)


async def _save_version(tx: Transaction, viewer: Viewer, rule: Rule, wanted: Wanted) -> None:
    version = RuleVersion(
        shop_id=viewer.shop_id,
        rule_id=rule.id,
        number=rule.version,
        condition=wanted.condition,
        actions=actions.stored(wanted.actions),
        description=wanted.description,
        valid_from=wanted.valid_from,
        valid_until=wanted.valid_until,
        daily_count=wanted.daily_count,
        daily_amount=wanted.daily_amount,
        author=viewer.actor,
        author_name=viewer.name,
        created_at=clock.now(),
    )
    await version.save(using_db=tx, force_create=True)


async def _move(tx: Transaction, viewer: Viewer, rule: Rule, position: int) -> None:
    before = rule.position
    if before == position:
        return
    rule.position = position
    await _save(tx, rule)
    was, now = {"position": before}, {"position": position}
    await _record(tx, viewer, rule, RuleChangeKind.MOVED, was, now)


async def _record(
    tx: Transaction,
    viewer: Viewer,
    rule: Rule,
    kind: RuleChangeKind,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    change = RuleChange(
        shop_id=viewer.shop_id,
        rule_id=rule.id,
        kind=kind,
        version=rule.version,
        before=before,
        after=after,
        actor=viewer.actor,
        actor_name=viewer.name,
        at=clock.now(),
    )
    await change.save(using_db=tx, force_create=True)
