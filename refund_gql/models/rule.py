"""The shop's own rules, what they were before, and what they have decided."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from refund_gql.choices import RuleChangeKind, RuleMode, RuleTrigger
from refund_gql.models.row import ShopRow, choice, listing, mapping, moment, reference


class Rule(ShopRow):
    """When, if, then. What it says stands in its versions; here is what it is called and where
    it stands."""

    shop: Any = reference("Shop")
    name: Any = mapping()
    """Locale -> name."""
    trigger: RuleTrigger = choice(RuleTrigger)
    mode: RuleMode = choice(RuleMode)
    position = fields.IntField()
    """Lower is read first; among the rules of its trigger."""
    version = fields.IntField(default=1)
    """The number of the version that counts."""
    deleted_at: datetime | None = moment(null=True)
    """Set: it is looked at no more, and stays for what it has decided."""
    created_at: datetime = moment()
    updated_at: datetime = moment()

    class Meta:
        table = "rule"
        indexes = [("shop_id", "trigger", "position")]
        constraints = [CheckConstraint(check="version > 0", name="rule_version_positive")]


class RuleVersion(ShopRow):
    """What a rule says. Never edited: a change is a new version."""

    shop: Any = reference("Shop")
    rule: Any = reference("Rule")
    rule_id: UUID
    number = fields.IntField()
    """From 1."""
    condition = fields.TextField()
    """CEL over the facts."""
    actions: Any = listing()
    """In order: {kind, ...parameters}."""
    description: Any = mapping()
    """Locale -> why there is this rule."""
    valid_from: datetime | None = moment(null=True)
    valid_until: datetime | None = moment(null=True)
    daily_count = fields.IntField(null=True)
    """Refunds on which it may act in a day of the shop."""
    daily_amount: Any = fields.BigIntField(null=True)
    """The sum of their amounts, in minor units of the shop's currency."""
    author = fields.CharField(max_length=64)
    """KIND:id, as in events."""
    author_name = fields.CharField(max_length=200, default="")
    created_at: datetime = moment()

    class Meta:
        table = "rule_version"
        unique_together = (("rule", "number"),)
        constraints = [
            CheckConstraint(
                check="(daily_count IS NULL OR daily_count > 0)"
                " AND (daily_amount IS NULL OR daily_amount > 0)",
                name="rule_version_caps_positive",
            ),
            CheckConstraint(
                check="valid_from IS NULL OR valid_until IS NULL OR valid_from < valid_until",
                name="rule_version_ends_after_it_begins",
            ),
        ]


class RuleChange(ShopRow):
    """Somebody changed a rule. Append-only."""

    shop: Any = reference("Shop")
    rule: Any = reference("Rule")
    rule_id: UUID
    kind: RuleChangeKind = choice(RuleChangeKind)
    version = fields.IntField()
    """The rule's version after it."""
    before: Any = mapping()
    """What was changed, as it stood."""
    after: Any = mapping()
    """The same, as it stands."""
    actor = fields.CharField(max_length=64)
    """KIND:id, as in events."""
    actor_name = fields.CharField(max_length=200, default="")
    at: datetime = moment()

    class Meta:
        table = "rule_change"


class RuleEvaluation(ShopRow):
    """The rules of one trigger were read over one refund, once for each cause. Append-only."""

    shop: Any = reference("Shop")
    refund: Any = reference("Refund")
    refund_id: UUID
    trigger: RuleTrigger = choice(RuleTrigger)
    cause = fields.CharField(max_length=64, default="", db_default="")
    """What made them look, among the causes of its trigger (see `flow.reactions`)."""
    facts: Any = mapping()
    """Name -> value, as seen."""
    verdicts: Any = listing()
    """In order: {rule, version, name, mode, outcome, effective, missing, error}."""
    decided_by: Any = reference("RuleVersion", null=True)
    decided_by_id: UUID | None
    decision: Any = mapping()
    """{kind, ...parameters}; empty when no rule decided."""
    actions: Any = listing()
    """What was to happen beside the decision."""
    explanation: Any = mapping()
    """Locale -> why, in words."""
    at: datetime = moment()

    class Meta:
        table = "rule_evaluation"
        unique_together = (("refund", "trigger", "cause"),)
        indexes = [("shop_id", "at", "id")]


class RuleUse(ShopRow):
    """A rule acted on a refund, or would have, were it live: counted against its daily cap, and
    once only while the refund stays in one status."""

    shop: Any = reference("Shop")
    evaluation: Any = reference("RuleEvaluation")
    evaluation_id: UUID
    rule: Any = reference("Rule")
    rule_id: UUID
    rule_version: Any = reference("RuleVersion")
    rule_version_id: UUID
    refund: Any = reference("Refund")
    refund_id: UUID
    mode: RuleMode = choice(RuleMode)
    visit = fields.IntField(default=1, db_default=1)
    """The refund's version when it came to the status that it was judged in."""
    amount: Any = fields.BigIntField()
    """Of the refund, in minor units of its own currency."""
    at: datetime = moment()

    class Meta:
        table = "rule_use"
        unique_together = (("refund", "rule", "mode", "visit"),)
        indexes = [("rule_id", "mode", "at")]
