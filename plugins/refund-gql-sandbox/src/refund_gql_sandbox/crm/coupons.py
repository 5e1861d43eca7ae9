"""The coupons the CRM has issued, one per number."""

import sqlite3
import time
from hashlib import sha256

from pydantic import TypeAdapter

from refund_gql.providers import Coupon, CouponRequest, Refused

TABLES = """
CREATE TABLE IF NOT EXISTS coupon (
    number TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    code TEXT NOT NULL UNIQUE,
    reference TEXT NOT NULL UNIQUE,
    issued_at REAL NOT NULL,
    used_at REAL,
    revoked_at REAL
) STRICT;
"""

_REQUEST = TypeAdapter(CouponRequest)


class Coupons:
    """The coupons, open for the length of one transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._now = time.time()

    def issue(self, request: CouponRequest) -> Coupon:
        """The coupon of the request's number, issued now unless it was before.

        Raises Refused when the number belongs to another coupon.
        """
        asked = _REQUEST.dump_json(request).decode()
        row = self._row(request.number) or self._make(request.number, asked)
        if row["request"] != asked:
            raise Refused("The number belongs to another coupon", code="NUMBER_REUSED")
        return Coupon(number=row["number"], code=row["code"], reference=row["reference"])

    def revoke(self, number: str) -> bool:
        """Whether the coupon is worthless now; not when it was used.

        Raises Refused when there is none of this number.
        """
        row = self._issued(number)
        if row["used_at"] is not None:
            return False
        self._db.execute(
            "UPDATE coupon SET revoked_at = coalesce(revoked_at, ?) WHERE number = ?",
            (self._now, number),
        )
        return True

    def redeem(self, number: str) -> None:
        """Be the customer who uses it. Raises Refused when it can't be used any more."""
        row = self._issued(number)
        if row["used_at"] is not None or row["revoked_at"] is not None:
            raise Refused("The coupon was used or revoked", code="WORTHLESS")
        self._db.execute("UPDATE coupon SET used_at = ? WHERE number = ?", (self._now, number))

    def _make(self, number: str, asked: str) -> sqlite3.Row:
        code = f"SBX-{sha256(number.encode()).hexdigest()[:10].upper()}"
        row: sqlite3.Row = self._db.execute(
            "INSERT INTO coupon (number, request, code, reference, issued_at)"
            " VALUES (?, ?, ?, ?, ?) RETURNING *",
            (number, asked, code, f"SBX-COUPON-{number}", self._now),
        ).fetchone()
        return row

    def _issued(self, number: str) -> sqlite3.Row:
        row = self._row(number)
        if row is None:
            raise Refused("There is no coupon of this number", code="NOT_FOUND")
        return row

    def _row(self, number: str) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._db.execute(
            "SELECT * FROM coupon WHERE number = ?", (number,)
        ).fetchone()
        return row
