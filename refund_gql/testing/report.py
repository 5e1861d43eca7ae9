"""What the tests prove: the tier of each provider, what it lacks, and the record of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from refund_gql.providers import PLUGIN_API, ProviderKind, conformance
from refund_gql.providers.conformance import Record, Standing, Tier
from refund_gql.testing.rules import RULES, TABLE, Rule, needed, page

PASSED, FAILED, WAIVED, LEFT_OUT = "passed", "failed", "waived", "left out"


@dataclass(kw_only=True)
class Verdict:
    """What one class of tests proved about its provider."""

    tests: str
    kind: ProviderKind
    provider: str
    package: str
    rules: dict[str, str] = field(default_factory=dict)
    """Rule id -> PASSED, FAILED, WAIVED or LEFT_OUT; rules without a proof are missing."""
    waivers: dict[str, str] = field(default_factory=dict)

    def add(self, proof: Mapping[str, Any]) -> None:
        """Take one phase of one test into account; the worst of a rule counts."""
        found = _result(proof)
        if found is None:
            return
        rule_id = proof["rule"]
        order = (PASSED, WAIVED, LEFT_OUT, FAILED)
        self.rules[rule_id] = max(self.rules.get(rule_id, found), found, key=order.index)
        if found == WAIVED:
            self.waivers[rule_id] = proof["waived"]

    def lacking(self, tier: Tier) -> list[Rule]:
        """The rules of a tier that are not proved."""
        return [one for one in needed(self.kind, tier) if self.rules.get(one.id) != PASSED]

    @property
    def tier(self) -> Tier | None:
        """The highest tier whose rules, and those of all tiers below, are proved."""
        reached = None
        for tier in Tier:
            if self.lacking(tier):
                break
            reached = tier
        return reached

    @property
    def is_complete(self) -> bool:
        """Whether every rule was tried or waived; a part of the tests proves no tier."""
        tried = {one for one, result in self.rules.items() if result != LEFT_OUT}
        return all(one.id in tried for tier in Tier for one in needed(self.kind, tier))

    def count(self, result: str) -> int:
        """How many rules ended so."""
        return list(self.rules.values()).count(result)


def _result(proof: Mapping[str, Any]) -> str | None:
    if proof["outcome"] == "failed":
        return FAILED
    if proof["outcome"] == "skipped":
        return WAIVED if proof["waived"] else LEFT_OUT
    return PASSED if proof["when"] == "call" else None


def verdicts(proofs: Iterable[Mapping[str, Any]]) -> list[Verdict]:
    """One per class of tests, by name."""
    found: dict[tuple[str, str], Verdict] = {}
    for proof in proofs:
        key = (proof["tests"], proof["provider"])
        if key not in found:
            found[key] = Verdict(
                tests=proof["tests"],
                kind=ProviderKind(proof["kind"]),
                provider=proof["provider"],
                package=proof["package"],
            )
        found[key].add(proof)
    return [found[key] for key in sorted(found)]


def show(terminal: Any, proofs: list[dict[str, Any]], *, record: bool) -> None:
    """Print the report; with `record` write the tiers beside the packages' code."""
    found = verdicts(proofs)
    terminal.section("refund-gql conformance")
    for verdict in found:
        for line in lines(verdict):
            terminal.write_line(line)
    if record:
        for line in store(found):
            terminal.write_line(line)


def lines(verdict: Verdict) -> list[str]:
    """The report about one class of tests."""
    tier = verdict.tier.title() if verdict.tier else "no tier"
    counts = ", ".join(f"{verdict.count(one)} {one}" for one in (PASSED, FAILED, WAIVED))
    told = [f"{verdict.tests}: {verdict.kind.lower()} {verdict.provider}: {tier} ({counts})"]
    told += [f"  failed {one.id}: {one.says}" for one in TABLE if _is(verdict, one, FAILED)]
    told += [f"  waived {one}: {reason}" for one, reason in sorted(verdict.waivers.items())]
    return told + _next(verdict)


def _is(verdict: Verdict, one: Rule, result: str) -> bool:
    return verdict.rules.get(one.id) == result


def _next(verdict: Verdict) -> list[str]:
    for tier in Tier:
        if lacking := verdict.lacking(tier):
            first = lacking[0]
            more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
            return [f"  next   {tier.title()} needs {first.id}{more}: {page(first.id)}"]
    reviewed = ", ".join(one.id for one in RULES.values() if one.review)
    return [f"  next   for people to judge: {reviewed}"]


def store(found: list[Verdict]) -> list[str]:
    """Write the records; returns what was done, in words."""
    told = []
    for package in sorted({verdict.package for verdict in found}):
        mine = [verdict for verdict in found if verdict.package == package]
        partial = sorted({one.provider for one in mine if not one.is_complete})
        told += [f"not recorded: {name}: not all of its rules were tried" for name in partial]
        whole = standings([one for one in mine if one.provider not in partial])
        if whole:
            told.append(_write(package, whole))
    return told


def standings(found: list[Verdict]) -> dict[str, Standing]:
    """By provider name; of several classes about one, the lowest tier counts."""
    told: dict[str, Standing] = {}
    for verdict in found:
        before = told.get(verdict.provider)
        told[verdict.provider] = Standing(
            tier=_lower(before.tier, verdict.tier) if before else verdict.tier,
            waivers={**(before.waivers if before else {}), **verdict.waivers},
        )
    return told


def _lower(one: Tier | None, other: Tier | None) -> Tier | None:
    if one is None or other is None:
        return None
    return min(one, other, key=lambda tier: tier.rank)


def _write(package: str, whole: dict[str, Standing]) -> str:
    before, digest = conformance.read(package), conformance.digest(package)
    kept = before.providers if before and before.digest == digest else {}
    providers = dict(sorted({**kept, **whole}.items()))
    try:
        file = conformance.write(
            package, Record(api=PLUGIN_API, digest=digest, providers=providers)
        )
    except (OSError, ValueError) as error:
        return f"not recorded: {package}: {error}"
    return f"recorded in {file}"
