"""What the oracle may look at: what clients were told, the bank's ledger, rows by raw SQL."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """A request that was answered with a refund; `number` names the refund to people."""

    key: str
    number: str
    amount: int
    currency: str
    cancelled: bool = False
    """The client withdrew it afterwards, and that was acknowledged too."""


@dataclass(frozen=True, kw_only=True)
class Payment:
    """Money that moved at the bank, under the engine's payout number."""

    number: str
    amount: int
    currency: str
    capture_reference: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything at one moment, when nothing moves any more."""

    acknowledged: Sequence[Acknowledged]
    payments: Sequence[Payment]
    refunds: Sequence[Row]
    refund_lines: Sequence[Row]
    payouts: Sequence[Row]
    captures: Sequence[Row]
    events: Sequence[Row]
    orders: Sequence[Row]
    order_lines: Sequence[Row]


async def gather(
    url: str, shop_id: UUID, ledger: Path, acknowledged: Sequence[Acknowledged]
) -> Facts:
    """The facts about one shop; the ledger may serve others too."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            captures = await _rows(connection, "capture", shop_id)
            return Facts(
                acknowledged=acknowledged,
                payments=_payments(ledger, {row["reference"] for row in captures}),
                refunds=await _rows(connection, "refund", shop_id),
                refund_lines=await _rows(connection, "refund_line", shop_id),
                payouts=await _rows(connection, "payout", shop_id),
                captures=captures,
                events=await _rows(connection, "event", shop_id),
                orders=await _rows(connection, "order", shop_id),
                order_lines=await _rows(connection, "order_line", shop_id),
            )
    finally:
        await connection.close()


async def _rows(connection: Any, table: str, shop_id: UUID) -> list[Row]:
    sql = f'select * from "{table}" where shop_id = $1 order by id'
    rows = await connection.fetch(sql, shop_id)
    return [
        {**row, "payload": json.loads(row["payload"])} if table == "event" else dict(row)
        for row in rows
    ]


def _payments(ledger: Path, references: set[str]) -> list[Payment]:
    if not ledger.exists():
        return []  # the bank was never called
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as bank:
        rows = bank.execute(
            "select number, payment.amount, payment.currency, capture_reference"
            " from payment join refund using (number) order by id"
        ).fetchall()
    payments = [
        Payment(number=number, amount=amount, currency=currency, capture_reference=reference)
        for number, amount, currency, reference in rows
    ]
    return [payment for payment in payments if payment.capture_reference in references]
