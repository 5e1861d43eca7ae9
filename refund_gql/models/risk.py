"""What is known of customers' risk: by their CRM systems, their history, and the shop's flags."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from refund_gql.choices import AppealOutcome, CrmFlagsStatus, FlagChangeKind
from refund_gql.models.row import ShopRow, choice, listing, mapping, minor_units, moment, reference
from refund_gql.providers import RiskLevel


class CustomerRisk(ShopRow):
    """Where one customer stands. Its lock is held by whoever changes the customer's flags."""

    shop: Any = reference("Shop")
    customer: Any = reference("Customer")
    customer_id: UUID
    level: RiskLevel | None = choice(RiskLevel, null=True)
    """The highest of all signals when it was last looked at; None: not known, or none."""
    flags: Any = listing()
    """The codes of all flags when it was last looked at, sorted."""
    version = fields.IntField(default=0)
    """Grows with every change of level or flags that is news."""
    changes_at: datetime | None = moment(null=True)
    """When the next signal or flag ends; None: none does."""
    tier = fields.CharField(max_length=64, null=True)
    signals: Any = listing()
    """The last answer of the shop's CRM systems: [{source, provider, code, level, text, since,
    expires_at}]"""
    known = fields.BooleanField(default=False)
    """False: not every CRM system answered, or none was asked."""
    asked_at: datetime | None = moment(null=True)
    own_signals: Any = listing()
    """What the customer's history says; as `signals`."""
    assessed_at: datetime | None = moment(null=True)
    flags_version = fields.IntField(default=0)
    """Grows with every change of the shop's own flags."""
    flags_told = fields.IntField(default=0)
    """The version of which every CRM system has heard, as far as it wants to."""

    class Meta:
        table = "customer_risk"
        unique_together = (("shop", "customer"),)
        indexes = [("changes_at",)]
        constraints = [
            CheckConstraint(
                check="flags_told BETWEEN 0 AND flags_version", name="customer_risk_told_in_order"
            )
        ]


class RiskBaseline(ShopRow):
    """What is usual among a shop's customers; one row for each shop."""

    shop: Any = reference("Shop")
    customers = fields.IntField()
    """Whose figures these are: those with enough orders."""
    high_rate = fields.FloatField()
    """The refund rate that 95 of 100 of them do not exceed, 0 to 1."""
    high_amount: int = minor_units()
    """What 95 of 100 of them were not refunded more than, in minor units of the shop's currency."""
    computed_at: datetime = moment()
    assessed_until: datetime = moment()
    """Evidence before this has been looked at."""

    class Meta:
        table = "risk_baseline"
        unique_together = (("shop",),)


class CustomerFlag(ShopRow):
    """A mark on a customer, with its reason and an end."""

    shop: Any = reference("Shop")
    customer: Any = reference("Customer")
    customer_id: UUID
    code = fields.CharField(max_length=64)
    level: RiskLevel = choice(RiskLevel)
    why: Any = mapping()
    """Locale -> the reason."""
    set_by = fields.CharField(max_length=64)
    """KIND:id, as in events."""
    set_by_name = fields.CharField(max_length=200, default="")
    evaluation: Any = reference("RuleEvaluation", null=True)
    evaluation_id: UUID | None
    """Of the rules that set it; None: a person did."""
    since: datetime = moment()
    expires_at: datetime = moment()
    removed_at: datetime | None = moment(null=True)
    """Set: it holds no more; the last of its changes says why."""
    appealed_at: datetime | None = moment(null=True)
    """Of the last appeal."""
    appeal = fields.TextField(default="")
    """The words of the last appeal."""
    answered_at: datetime | None = moment(null=True)
    """When the last appeal was answered; None while it is open."""
    outcome: AppealOutcome | None = choice(AppealOutcome, null=True)
    """Of the last appeal."""

    class Meta:
        table = "customer_flag"
        indexes = [("shop_id", "since", "id")]
        constraints = [
            CheckConstraint(check="since < expires_at", name="customer_flag_ends_after_it_begins"),
            CheckConstraint(
                check="(answered_at IS NULL) = (outcome IS NULL)",
                name="customer_flag_answer_has_an_outcome",
            ),
            UniqueConstraint(
                fields=("customer_id", "code"),
                name="one_holding_flag_of_a_code",
                condition="removed_at IS NULL",
            ),
        ]


class CustomerFlagChange(ShopRow):
    """What happened to a flag, and by whom. Append-only."""

    shop: Any = reference("Shop")
    flag: Any = reference("CustomerFlag")
    flag_id: UUID
    kind: FlagChangeKind = choice(FlagChangeKind)
    why: Any = mapping()
    """Locale -> the reason, or the words of an appeal."""
    evaluation: Any = reference("RuleEvaluation", null=True)
    evaluation_id: UUID | None
    actor = fields.CharField(max_length=64)
    """KIND:id, as in events."""
    actor_name = fields.CharField(max_length=200, default="")
    at: datetime = moment()

    class Meta:
        table = "customer_flag_change"


class CrmFlags(ShopRow):
    """What one CRM system was last told of one customer's flags."""

    shop: Any = reference("Shop")
    customer: Any = reference("Customer")
    customer_id: UUID
    provider = fields.CharField(max_length=64)
    status: CrmFlagsStatus = choice(CrmFlagsStatus)
    version = fields.IntField(default=0)
    """The `flags_version` that was settled last."""
    told: Any = listing()
    """The codes it has taken, sorted."""
    attempted: Any = listing()
    """The codes it may have from us, sorted: whatever was ever sent and not surely taken back."""
    tries = fields.IntField(default=0)
    """Calls since it last took something."""
    calls = fields.IntField(default=0)
    """All calls ever; names the call under way."""
    calling_until: datetime | None = moment(null=True)
    """Set: a call is under way, and is given up for lost after this."""
    next_try_at: datetime | None = moment(null=True)
    code = fields.CharField(max_length=64, null=True)
    """Why the last try failed, in the provider's code or ours."""
    error = fields.CharField(max_length=500, null=True)
    told_at: datetime | None = moment(null=True)

    class Meta:
        table = "crm_flags"
        unique_together = (("customer", "provider"),)
