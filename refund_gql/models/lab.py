"""Rules tried on the shop's own history."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from refund_gql.choices import BacktestStatus
from refund_gql.models.row import ShopRow, choice, mapping, moment, reference


class RuleBacktest(ShopRow):
    """One draft, tried on the refunds of a window. What it has counted commits together with how
    far it has come, so a worker that is killed counts nobody twice."""

    shop: Any = reference("Shop")
    replaces: Any = reference("Rule", null=True)
    replaces_id: UUID | None
    """The rule whose new version the draft would be; None: it would be a new rule."""
    status: BacktestStatus = choice(BacktestStatus, default=BacktestStatus.QUEUED)
    lineup: Any = mapping()
    """The draft and the rules beside it, as they stood when it was asked for: see `lab.lineup`."""
    starts_at: datetime = moment()
    ends_at: datetime = moment()
    """Up to, and not including."""
    total = fields.IntField()
    """Refunds of the window when it was asked for."""
    done = fields.IntField(default=0)
    """Refunds looked at."""
    cursor_at: datetime | None = moment(null=True)
    """When the last one that was looked at was asked for; None before the first."""
    cursor_id: Any = fields.UUIDField(null=True)
    tally: Any = mapping()
    """What was counted so far: see `lab.tally`."""
    failures = fields.IntField(default=0)
    """Tries in a row that came no further."""
    actor = fields.CharField(max_length=64)
    """Who asked for it: KIND:id, as in events."""
    actor_name = fields.CharField(max_length=200, default="")
    created_at: datetime = moment()
    finished_at: datetime | None = moment(null=True)

    class Meta:
        table = "rule_backtest"
        indexes = [("shop_id", "created_at", "id")]
        constraints = [
            CheckConstraint(check="starts_at < ends_at", name="rule_backtest_window"),
            CheckConstraint(
                check="total >= 0 AND done >= 0 AND failures >= 0", name="rule_backtest_counts"
            ),
        ]
