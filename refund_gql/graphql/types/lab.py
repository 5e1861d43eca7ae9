"""The lab: what a rule would have done on the shop's history."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import orjson
import strawberry

from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import BacktestStatus, Disagreement, RuleMode
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.sources import Node, column, enum, reference
from refund_gql.graphql.types.money import Money
from refund_gql.graphql.types.refund import Refund
from refund_gql.graphql.types.rule import Rule, RuleAction, action_of
from refund_gql.lab import lineup, tally
from refund_gql.lab.lineup import Lineup
from refund_gql.lab.tally import Day, Differences, Overlap, Sample, Sum, Tally
from refund_gql.rules.engine import Rule as LinedUp


@strawberry.type(description="Some refunds of the past.")
class RefundSum:
    sum: strawberry.Private[Sum]
    of: strawberry.Private[int]
    currency: strawberry.Private[str]

    @strawberry.field(description="How many.")
    def count(self) -> int:
        return self.sum.count

    @strawberry.field(description="Of all that were looked at, 0 to 1.")
    def share(self) -> float:
        return self.sum.count / self.of if self.of else 0.0

    @strawberry.field(description="What was asked for, in those in the shop's currency.")
    def money(self) -> Money:
        return Money(amount=MinorUnits(self.sum.amount), currency=self.currency)

    @strawberry.field(description="How many are in another currency, and not in `money`.")
    def other_currencies(self) -> int:
        return self.sum.foreign


@strawberry.type(description="What the draft would have done on one day of the shop.")
class RuleBacktestDay:
    day: str = strawberry.field(description="ISO 8601, in the shop's time zone.")
    matched: int = strawberry.field(description="Refunds that it matches.")
    took_effect: RefundSum = strawberry.field(description="Of these, those on which it acts.")
    capped: int = strawberry.field(description="Of these, those its daily cap left to a person.")


@strawberry.type(description="A fact that the draft needed and history does not know.")
class RuleBacktestUnknown:
    fact: str = strawberry.field(description="Its name.")
    count: int = strawberry.field(description="Refunds on which the draft could not be judged.")


@strawberry.type(description="Why the draft could not be worked out.")
class RuleBacktestError:
    error: str = strawberry.field(description="In the words of CEL; `...`: all further ones.")
    count: int = strawberry.field(description="On so many refunds.")


@strawberry.type(description="One refund, to look at.")
class RuleBacktestSample:
    sample: strawberry.Private[Sample]

    @strawberry.field(description="The refund.")
    async def refund(self, info: Info) -> Refund | None:
        return await Refund.read(info, UUID(self.sample.refund))

    @strawberry.field(description="What the rules with the draft would have said.")
    def explanation(self, info: Info) -> str:
        return self.sample.explanation[info.context.locale]


@strawberry.type(description="Refunds about which the draft and people differ in one way.")
class RuleBacktestDisagreement:
    kind: Disagreement = strawberry.field(description="In which.")
    refunds: RefundSum = strawberry.field(
        description="Which; where people granted less, the money is what they did not grant."
    )
    samples: list[RuleBacktestSample] = strawberry.field(description="The first 10 of the window.")


@strawberry.type(description="The draft beside another rule that matches some of the same.")
class RuleBacktestOverlap:
    other: strawberry.Private[LinedUp]
    found: strawberry.Private[Overlap]

    @strawberry.field(description="The other rule.")
    async def rule(self, info: Info) -> Rule | None:
        return await Rule.read(info, self.other.id)

    @strawberry.field(description="What it was called.")
    def name(self, info: Info) -> str:
        return _named(self.other.name, info)

    @strawberry.field(description="A rule in the shadow never comes first.")
    def mode(self) -> RuleMode:
        return self.other.mode

    both: RefundSum = strawberry.field(description="Refunds that both match.")

    @strawberry.field(description="Of these, those it acts on, so that the draft does not.")
    def came_first(self) -> int:
        return self.found.first

    @strawberry.field(description="Of these, those that the draft would take from it.")
    def taken(self) -> int:
        return self.found.taken

    @strawberry.field(description="Of these, those where one approves and the other does not.")
    def conflicting(self) -> int:
        return self.found.conflicts


@strawberry.type(description="What came of trying a draft on history.")
class RuleBacktestReport:
    tally: strawberry.Private[Tally]
    lineup: strawberry.Private[Lineup]

    def _sum(self, sum: Sum, of: int | None = None) -> RefundSum:
        total = self.tally.refunds.count if of is None else of
        return RefundSum(sum=sum, of=total, currency=self.lineup.currency)

    @strawberry.field(description="All that were asked for in the window.")
    def refunds(self) -> RefundSum:
        return self._sum(self.tally.refunds)

    @strawberry.field(
        description="Refunds with facts as the engine recorded them at the time; those of the "
        "others were worked out afterwards."
    )
    def recorded(self) -> int:
        return self.tally.recorded

    @strawberry.field(
        description="Approved without a person by the rules with the draft; its share is the "
        "automation rate to expect."
    )
    def automatic_with_draft(self) -> RefundSum:
        return self._sum(self.tally.automatic_tried)

    @strawberry.field(description="The same by the rules of today.")
    def automatic_today(self) -> RefundSum:
        return self._sum(self.tally.automatic_today)

    @strawberry.field(description="The same in fact, as it is on record.")
    def automatic_then(self) -> RefundSum:
        return self._sum(self.tally.automatic_then)

    @strawberry.field(description="Those that the draft matches, whoever decides them.")
    def matched(self) -> RefundSum:
        return self._sum(self.tally.matched)

    @strawberry.field(description="Those on which the draft acts.")
    def took_effect(self) -> RefundSum:
        return self._sum(self.tally.acted)

    @strawberry.field(description="Those that its daily cap left to a person.")
    def capped(self) -> RefundSum:
        return self._sum(self.tally.capped)

    @strawberry.field(description="Days on which its daily cap was reached.")
    def capped_days(self) -> int:
        return self.tally.capped_days

    @strawberry.field(description="The days on which it matches something, in order.")
    def days(self) -> list[RuleBacktestDay]:
        return [self._day(text, day) for text, day in sorted(self.tally.days.items())]

    def _day(self, text: str, day: Day) -> RuleBacktestDay:
        return RuleBacktestDay(
            day=text,
            matched=day.matched,
            took_effect=self._sum(day.acted, of=day.matched),
            capped=day.capped,
        )

    @strawberry.field(description="Facts it needed in vain, those that were missing most first.")
    def unknown(self) -> list[RuleBacktestUnknown]:
        return [RuleBacktestUnknown(fact=f, count=n) for f, n in _by_count(self.tally.unknown)]

    @strawberry.field(description="Why it could not be worked out, most frequent first.")
    def errors(self) -> list[RuleBacktestError]:
        return [RuleBacktestError(error=e, count=n) for e, n in _by_count(self.tally.errors)]

    @strawberry.field(description="Where it differs from what people decided; one of each kind.")
    def disagreements(self) -> list[RuleBacktestDisagreement]:
        found = self.tally.differences
        return [self._differing(kind, found.get(kind, Differences())) for kind in Disagreement]

    def _differing(self, kind: Disagreement, found: Differences) -> RuleBacktestDisagreement:
        samples = [RuleBacktestSample(sample=sample) for sample in found.samples]
        return RuleBacktestDisagreement(kind=kind, refunds=self._sum(found.sum), samples=samples)

    @strawberry.field(description="Those that the draft would approve at once.")
    def approved(self) -> RefundSum:
        return self._sum(self.tally.approved)

    @strawberry.field(
        description="Of these, those whose payment was disputed or reversed later; the share is "
        "of what it would approve."
    )
    def disputed(self) -> RefundSum:
        return self._sum(self.tally.disputed, of=self.tally.approved.count)

    @strawberry.field(description="The other rules that match some of the same, as they are read.")
    def overlaps(self) -> list[RuleBacktestOverlap]:
        found = self.tally.overlaps
        others = sorted(self.lineup.others, key=lambda rule: (rule.position, rule.id))
        return [
            self._overlap(rule, found[str(rule.id)]) for rule in others if str(rule.id) in found
        ]

    def _overlap(self, rule: LinedUp, found: Overlap) -> RuleBacktestOverlap:
        return RuleBacktestOverlap(other=rule, found=found, both=self._sum(found.both))

    @strawberry.field(
        description="An earlier rule that takes everything the draft matches; null: there is none."
    )
    async def shadowed_by(self, info: Info) -> Rule | None:
        rule_id = self.tally.shadowed_by
        return None if rule_id is None else await Rule.read(info, UUID(rule_id))


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda found: (-found[1], found[0]))


def _named(names: Mapping[str, str], info: Info) -> str:
    return names.get(info.context.locale) or next(iter(names.values()), "")


@strawberry.type(description="What is tried.")
class RuleBacktestDraft:
    draft: strawberry.Private[LinedUp]

    @strawberry.field(description="What it is called.")
    def name(self, info: Info) -> str:
        return _named(self.draft.name, info)

    @strawberry.field(description="CEL over the facts of `ruleFacts`.")
    def condition(self) -> str:
        return self.draft.condition

    @strawberry.field(description="What it does, in order.")
    def actions(self) -> list[RuleAction]:
        return [action_of(one.model_dump(mode="json")) for one in self.draft.actions]

    @strawberry.field(description="Refunds a day; null: any number.")
    def daily_count(self) -> int | None:
        return self.draft.daily_count

    @strawberry.field(description="Money a day, in minor units; null: any.")
    def daily_amount(self) -> MinorUnits | None:
        amount = self.draft.daily_amount
        return None if amount is None else MinorUnits(amount)


def _draft(stored: str) -> RuleBacktestDraft:
    return RuleBacktestDraft(draft=lineup.rule(orjson.loads(stored)["draft"]))


@strawberry.type(description="A draft, tried on the refunds of a window.")
class RuleBacktestRun(Node):
    table: ClassVar[str] = "rule_backtest"

    status: BacktestStatus = enum("status", BacktestStatus, "Where it stands.")
    draft: RuleBacktestDraft = column("lineup", "What is tried.", convert=_draft)
    replaces: Rule | None = reference(
        "replaces_id", "Rule", "Whose new version it would be; null: it would be a new rule."
    )
    since: datetime = column("starts_at", "Where the window begins; UTC.", name="from")
    until: datetime = column("ends_at", "Where it ends, not included; UTC.")
    total: int = column("total", "Refunds in the window.")
    done: int = column("done", "Refunds looked at so far.")
    author: str = column("actor", "KIND:id.")
    author_name: str = column("actor_name", "Who asked for it.")
    created_at: datetime = column("created_at", "UTC.")
    finished_at: datetime | None = column("finished_at", "UTC; null: it is not over.")

    @strawberry.field(description="What came of it; null until it is DONE.")
    def report(self) -> RuleBacktestReport | None:
        if self.row["status"] != BacktestStatus.DONE:
            return None
        return RuleBacktestReport(
            tally=tally.loaded(orjson.loads(self.row["tally"])),
            lineup=lineup.loaded(orjson.loads(self.row["lineup"])),
        )
