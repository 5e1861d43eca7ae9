"""The rules of a trial: today's, and the draft in its place among them.

Frozen when the trial is asked for, so that it ends with the rules it began with. Whether a rule
is valid is judged at that moment too: last year's refunds are tried on the rules of today.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from refund_gql.choices import RuleMatching, RuleMode
from refund_gql.rules import actions
from refund_gql.rules.engine import Rule


@dataclass(frozen=True, kw_only=True)
class Lineup:
    """Who stands where."""

    today: tuple[Rule, ...]
    """Live and in the shadow, as they stand, in no order."""
    draft: Rule
    """LIVE. It has the id of the rule that it would replace, or one of its own."""
    matching: RuleMatching
    currency: str
    """The shop's."""
    time_zone: str

    @property
    def others(self) -> tuple[Rule, ...]:
        """Today's rules that would stand beside the draft."""
        return tuple(rule for rule in self.today if rule.id != self.draft.id)

    @property
    def tried(self) -> tuple[Rule, ...]:
        """The rules as they would be."""
        return (*self.others, self.draft)


def valid(rules: Sequence[Rule], now: datetime) -> list[Rule]:
    """The rules that count at this moment, with a free place before each of them."""
    return [
        replace(rule, valid_from=None, valid_until=None, position=2 * rule.position)
        for rule in rules
        if (rule.valid_from is None or rule.valid_from <= now)
        and (rule.valid_until is None or now < rule.valid_until)
    ]


def at_the_place_of(position: int) -> int:
    """The draft's position when it replaces the rule of this one."""
    return 2 * position


def before(position: int) -> int:
    """The draft's position when it stands just before the rule of this one."""
    return 2 * position - 1


def behind(rules: Sequence[Rule]) -> int:
    """The draft's position behind rules that are `valid`."""
    return max((rule.position for rule in rules), default=0) + 1


# --- as JSON ----------------------------------------------------------------------------------


def stored(lineup: Lineup) -> dict[str, Any]:
    """The lineup as JSON."""
    return {
        "today": [_stored(rule) for rule in lineup.today],
        "draft": _stored(lineup.draft),
        "matching": lineup.matching.value,
        "currency": lineup.currency,
        "time_zone": lineup.time_zone,
    }


def loaded(content: Mapping[str, Any]) -> Lineup:
    """The lineup that `stored` made JSON of."""
    return Lineup(
        today=tuple(map(rule, content["today"])),
        draft=rule(content["draft"]),
        matching=RuleMatching(content["matching"]),
        currency=content["currency"],
        time_zone=content["time_zone"],
    )


def _stored(rule: Rule) -> dict[str, Any]:
    return {
        "id": str(rule.id),
        "version_id": str(rule.version_id),
        "version": rule.version,
        "name": dict(rule.name),
        "mode": rule.mode.value,
        "position": rule.position,
        "condition": rule.condition,
        "actions": actions.stored(rule.actions),
        "daily_count": rule.daily_count,
        "daily_amount": rule.daily_amount,
    }


def rule(content: Mapping[str, Any]) -> Rule:
    """One rule of a stored lineup."""
    return Rule(
        id=UUID(content["id"]),
        version_id=UUID(content["version_id"]),
        version=content["version"],
        name=content["name"],
        mode=RuleMode(content["mode"]),
        position=content["position"],
        condition=content["condition"],
        actions=actions.loaded(content["actions"]),
        daily_count=content["daily_count"],
        daily_amount=content["daily_amount"],
    )
