"""Deadlines: what a shop has promised itself, when it is open, and the clocks that run."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from refund_gql.choices import ClockState, DeadlineAction, DeadlineStage, DeadlineUnit
from refund_gql.models.row import ShopRow, choice, mapping, minor_units, moment, reference


class DeadlinePolicy(ShopRow):
    """How long one stage may take, and what happens then. Append-only: a clock keeps the version
    it was started with. A shop without one for a stage has the engine's own."""

    shop: Any = reference("Shop")
    stage: DeadlineStage = choice(DeadlineStage)
    number = fields.IntField()
    """From 1 for each stage; 0 means the engine's own."""
    amount = fields.IntField()
    unit: DeadlineUnit = choice(DeadlineUnit)
    business_hours_only = fields.BooleanField()
    """Time counts only while the shop is open."""
    warn_percent = fields.IntField(null=True)
    """A warning when so much of the time is gone; None: no warning."""
    action: DeadlineAction = choice(DeadlineAction)
    approve_most: int = minor_units(default=0)
    """APPROVE: at most so much, in minor units of the shop's currency; more is escalated."""
    author = fields.CharField(max_length=64)
    """KIND:id, as in events."""
    author_name = fields.CharField(max_length=200, default="")
    since: datetime = moment()

    class Meta:
        table = "deadline_policy"
        unique_together = (("shop", "stage", "number"),)
        constraints = [
            CheckConstraint(check="amount > 0", name="deadline_policy_amount_positive"),
            CheckConstraint(
                check="warn_percent BETWEEN 1 AND 99", name="deadline_policy_warns_before"
            ),
            CheckConstraint(check="approve_most >= 0", name="deadline_policy_most_not_negative"),
        ]


class BusinessCalendar(ShopRow):
    """When the shop is open, from then on. Append-only: what was open in the past stays known.
    A shop without one has the usual hours of its market."""

    shop: Any = reference("Shop")
    number = fields.IntField()
    """From 1."""
    weekly: Any = mapping()
    """See `calendars.Stored`."""
    days: Any = mapping()
    """See `calendars.Stored`."""
    author = fields.CharField(max_length=64)
    """KIND:id, as in events."""
    author_name = fields.CharField(max_length=200, default="")
    since: datetime = moment()

    class Meta:
        table = "business_calendar"
        unique_together = (("shop", "number"),)


class Clock(ShopRow):
    """One stage of one refund against its deadline. The refund's lock guards it."""

    shop: Any = reference("Shop")
    refund: Any = reference("Refund")
    refund_id: UUID
    stage: DeadlineStage = choice(DeadlineStage)
    state: ClockState = choice(ClockState, default=ClockState.RUNNING)
    policy = fields.IntField()
    """The number of the stage's policy."""
    open_time = fields.BooleanField()
    """True: seconds are counted while the shop is open, else all of them."""
    started_at: datetime = moment()
    due_at: datetime = moment()
    """While PAUSED: as it was before the pause."""
    warn_at: datetime | None = moment(null=True)
    next_at: datetime | None = moment(null=True)
    """When the engine has to look at it next. Whoever does moves it on by a while first, so that
    another looks again should they never come to an end."""
    warn_left_seconds = fields.IntField(null=True)
    """What is left when it warns."""
    left_seconds = fields.IntField(null=True)
    """While PAUSED: what is left."""
    paused_at: datetime | None = moment(null=True)
    paused_seconds = fields.IntField(default=0)
    """Of all pauses that are over, by the wall clock."""
    warned_at: datetime | None = moment(null=True)
    fired_at: datetime | None = moment(null=True)
    """When the engine did what the policy says."""
    ended_at: datetime | None = moment(null=True)
    """When the stage was over."""

    class Meta:
        table = "clock"
        indexes = [("next_at",), ("shop_id", "due_at", "id"), ("shop_id", "started_at")]
        constraints = [
            CheckConstraint(
                check="(paused_at IS NOT NULL) = (state = 'PAUSED')"
                " AND (left_seconds IS NOT NULL) = (state = 'PAUSED')",
                name="clock_pause_is_whole",
            ),
            CheckConstraint(
                check="next_at IS NULL OR (state = 'RUNNING' AND ended_at IS NULL)",
                name="clock_looked_at_while_it_runs",
            ),
            CheckConstraint(
                check="ended_at IS NOT NULL OR state IN ('RUNNING', 'PAUSED', 'BREACHED')",
                name="clock_that_is_over_has_an_end",
            ),
            UniqueConstraint(
                fields=("refund_id", "stage"),
                name="one_open_clock_per_stage",
                condition="ended_at IS NULL",
            ),
        ]
