"""What a trial counts, in a form that is stored between two chunks and read as the report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

MAX_SAMPLES = 10
"""Refunds shown of one sort of disagreement: the first of the window."""
MAX_ERRORS = 10
"""Different errors told apart; the others are counted as `...`."""


class Disagreement(StrEnum):
    """How a draft and the people of the shop differ about a refund."""

    APPROVES_REFUSED = "APPROVES_REFUSED"
    """The draft would approve it, people refused it."""
    STOPS_APPROVED = "STOPS_APPROVED"
    """The draft would send it to a person, people approved it."""
    APPROVES_REDUCED = "APPROVES_REDUCED"
    """The draft would approve it, people granted less than was asked for."""


@dataclass
class Sum:
    """Some refunds."""

    count: int = 0
    amount: int = 0
    """Minor units of the shop's currency, of the refunds in that currency."""
    foreign: int = 0
    """How many are in another currency."""

    def add(self, amount: int | None) -> None:
        """One more; None for an amount in another currency."""
        self.count += 1
        if amount is None:
            self.foreign += 1
        else:
            self.amount += amount


@dataclass
class Day:
    """What the draft did on one day of the shop."""

    matched: int = 0
    acted: Sum = field(default_factory=Sum)
    capped: int = 0


@dataclass
class Sample:
    """One refund, and what the rules would have said about it."""

    refund: str
    """Its row id."""
    explanation: Mapping[str, str]
    """Locale -> sentences."""


@dataclass
class Differences:
    """The refunds about which the draft and people differ in one way."""

    sum: Sum = field(default_factory=Sum)
    samples: list[Sample] = field(default_factory=list)


@dataclass
class Overlap:
    """The draft beside one other rule."""

    both: Sum = field(default_factory=Sum)
    """Both match."""
    first: int = 0
    """Of these, the other one acted, and the draft for that reason did not."""
    taken: int = 0
    """Of these, the other one acts today, and the draft would in its place."""
    conflicts: int = 0
    """Of these, one approves and the other wants a person."""


@dataclass
class Used:
    """What one rule has done on the day that the trial has come to."""

    count: int = 0
    amount: int = 0


@dataclass
class Usage:
    """Daily caps, in either world. Only rules that have a cap are here, by id."""

    day: str = ""
    """ISO date of the shop's day."""
    today: dict[str, Used] = field(default_factory=dict)
    tried: dict[str, Used] = field(default_factory=dict)


@dataclass
class Tally:
    """Everything that was counted."""

    refunds: Sum = field(default_factory=Sum)
    recorded: int = 0
    """Refunds whose facts the engine recorded at the time; the others' were worked out."""
    automatic_tried: Sum = field(default_factory=Sum)
    """Approved without a person by the rules with the draft."""
    automatic_today: Sum = field(default_factory=Sum)
    """The same by today's rules."""
    automatic_then: Sum = field(default_factory=Sum)
    """The same in fact, at the time."""
    matched: Sum = field(default_factory=Sum)
    acted: Sum = field(default_factory=Sum)
    """The draft took effect."""
    capped: Sum = field(default_factory=Sum)
    """It would have, had it not done enough for the day."""
    days: dict[str, Day] = field(default_factory=dict)
    """ISO date of the shop's day -> what the draft did; days without a match are left out."""
    unknown: dict[str, int] = field(default_factory=dict)
    """Fact that the draft needed and history does not know -> refunds."""
    errors: dict[str, int] = field(default_factory=dict)
    """Why the draft could not be worked out -> refunds."""
    differences: dict[Disagreement, Differences] = field(default_factory=dict)
    approved: Sum = field(default_factory=Sum)
    """The draft would have approved."""
    disputed: Sum = field(default_factory=Sum)
    """Of these, the payment was disputed or reversed later."""
    overlaps: dict[str, Overlap] = field(default_factory=dict)
    """Rule id -> the draft beside it; rules that never match together with it are left out."""
    usage: Usage = field(default_factory=Usage)

    @property
    def capped_days(self) -> int:
        """Days on which the draft's own cap stopped it."""
        return sum(day.capped > 0 for day in self.days.values())

    @property
    def shadowed_by(self) -> str | None:
        """The rule that took every refund the draft matches, so that it never takes effect."""
        matched = self.matched.count
        for rule_id, overlap in self.overlaps.items():
            if matched and overlap.first == matched:
                return rule_id
        return None


_TALLY = TypeAdapter(Tally)


def stored(tally: Tally) -> str:
    """The tally as a JSON text."""
    return _TALLY.dump_json(tally).decode()


def loaded(content: Mapping[str, Any]) -> Tally:
    """The tally that `stored` made JSON of; a new one of an empty object."""
    return _TALLY.validate_python(content)
