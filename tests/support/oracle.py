"""The oracle: did money and promises hold? It judges facts, and never asks the engine.

`violations` names every breach in words; none means that each acknowledged request is one
refund, each refund was paid once, in full, within its capture, and that the books add up.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from refund_gql.events import GENESIS, EventType, chain_hash
from support.facts import Facts, Row

_NOT_COUNTED = ("REJECTED", "REVERSED")
"""Payouts of which it is proven that the customer does not have the money."""
_GIVEN_BACK = ("REJECTED", "CANCELLED")
"""Refunds that came to nothing."""


def violations(facts: Facts) -> list[str]:
    """Every breach; empty when all is well."""
    return [breach for check in CHECKS for breach in check(facts)]


def every_acknowledged_request_is_one_refund(facts: Facts) -> Iterator[str]:
    """Nothing acknowledged is lost or doubled, and nothing exists that nobody asked for."""
    rows = _grouped(facts.refunds, "number")
    told: dict[str, str] = {}
    for answer in facts.acknowledged:
        if told.setdefault(answer.key, answer.number) != answer.number:
            yield f"key {answer.key} was told {told[answer.key]}, then {answer.number}"
        found = rows.get(answer.number, [])
        if len(found) != 1:
            yield f"{answer.number} was acknowledged and has {len(found)} rows"
        for row in found:
            if (row["amount"], row["currency"]) != (answer.amount, answer.currency):
                yield f"{answer.number} was acknowledged with another amount than it has"
    asked_for = set(told.values())
    for row in facts.refunds:
        if row["number"] not in asked_for and row["split_from_id"] is None:
            yield f"{row['number']} is no acknowledged request"


def every_refund_is_over(facts: Facts) -> Iterator[str]:
    """Nothing is stuck, and what was withdrawn stays withdrawn."""
    cancelled = {answer.number for answer in facts.acknowledged if answer.cancelled}
    for row in facts.refunds:
        wanted = "CANCELLED" if row["number"] in cancelled else "REFUNDED"
        if row["status"] != wanted:
            yield f"{row['number']} is {row['status']} ({row['stuck_reason']}), not {wanted}"


def every_payment_is_a_payout(facts: Facts) -> Iterator[str]:
    """The bank paid what was ordered: that number, that amount, on that capture, once."""
    payouts = {row["number"]: row for row in facts.payouts}
    captures = {row["id"]: row for row in facts.captures}
    for number, times in Counter(payment.number for payment in facts.payments).items():
        if times > 1:
            yield f"payout {number} was paid {times} times"
    for payment in facts.payments:
        payout = payouts.get(payment.number)
        if payout is None:
            yield f"payment {payment.number} belongs to no payout"
            continue
        reference = captures[payout["capture_id"]]["reference"]
        ordered = (payout["amount"], payout["currency"], reference)
        if ordered != (payment.amount, payment.currency, payment.capture_reference):
            yield f"payment {payment.number} is not what was ordered"


def every_refund_is_paid_once(facts: Facts) -> Iterator[str]:
    """A refund's payments add up to its amount, and nothing is paid for one that is not."""
    refund_of = {row["number"]: row["refund_id"] for row in facts.payouts}
    paid: Counter[Any] = Counter()
    for payment in facts.payments:
        paid[refund_of.get(payment.number)] += payment.amount
    for row in facts.refunds:
        owed = row["amount"] if row["status"] == "REFUNDED" else 0
        if paid[row["id"]] != owed:
            yield f"{row['number']} is {row['status']}: {paid[row['id']]} paid, {owed} owed"


def no_capture_is_over_refunded(facts: Facts) -> Iterator[str]:
    """What went back is at most what came in."""
    back: Counter[str] = Counter()
    for payment in facts.payments:
        back[payment.capture_reference] += payment.amount
    for row in facts.captures:
        if back[row["reference"]] > row["amount"]:
            yield f"capture {row['reference']}: {back[row['reference']]} of {row['amount']} back"


def every_history_is_whole(facts: Facts) -> Iterator[str]:
    """Versions without a gap, a chain that verifies, and a last event that fits the refund."""
    events = _grouped(facts.events, "refund_id")
    for row in facts.refunds:
        history = sorted(events[row["id"]], key=lambda event: int(event["version"]))
        if [event["version"] for event in history] != list(range(1, row["version"] + 1)):
            yield f"{row['number']} has gaps in its history"
            continue
        if history[-1]["status"] != row["status"]:
            yield f"{row['number']} is {row['status']}, its history says {history[-1]['status']}"
        if sum(event["type"] == "REFUNDED" for event in history) > 1:
            yield f"{row['number']} was closed as refunded twice"
        if _chained(history) != row["head"]:
            yield f"{row['number']} has a broken chain"


def every_reservation_is_its_payouts(facts: Facts) -> Iterator[str]:
    """A capture's counter equals the payouts that hold it."""
    held: Counter[Any] = Counter()
    for payout in facts.payouts:
        if payout["status"] not in _NOT_COUNTED:
            held[payout["capture_id"]] += payout["amount"]
    for row in facts.captures:
        if row["reserved"] != held[row["id"]]:
            yield f"capture {row['reference']} reserves {row['reserved']}, not {held[row['id']]}"


def every_claim_is_its_refunds(facts: Facts) -> Iterator[str]:
    """The counters of order lines and shipping equal the refunds that claim them."""
    alive = {row["id"]: row for row in facts.refunds if row["status"] not in _GIVEN_BACK}
    units: Counter[Any] = Counter()
    worth: Counter[Any] = Counter()
    shipping: Counter[Any] = Counter()
    for line in facts.refund_lines:
        if line["refund_id"] in alive:
            units[line["order_line_id"]] += line["quantity"]
            worth[line["order_line_id"]] += line["worth"]
    for refund in alive.values():
        shipping[refund["order_id"]] += refund["shipping_amount"]
    for row in facts.order_lines:
        claimed = (row["claimed_quantity"], row["claimed_amount"])
        if claimed != (units[row["id"]], worth[row["id"]]):
            yield f"order line {row['id']} claims {claimed}, its refunds do not"
    for row in facts.orders:
        if row["shipping_claimed"] != shipping[row["id"]]:
            yield f"order {row['number']} claims shipping that its refunds do not"


CHECKS: tuple[Callable[[Facts], Iterable[str]], ...] = (
    every_acknowledged_request_is_one_refund,
    every_refund_is_over,
    every_payment_is_a_payout,
    every_refund_is_paid_once,
    no_capture_is_over_refunded,
    every_history_is_whole,
    every_reservation_is_its_payouts,
    every_claim_is_its_refunds,
)


def _grouped(rows: Iterable[Row], column: str) -> defaultdict[Any, list[Row]]:
    groups: defaultdict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return groups


def _chained(history: Iterable[Row]) -> str:
    head = GENESIS
    for event in history:
        head = chain_hash(
            head,
            refund_id=str(event["refund_id"]),
            version=event["version"],
            type=EventType(event["type"]),
            at=event["at"],
            actor=event["actor"],
            payload=event["payload"],
        )
        if head != event["hash"]:
            return "broken"
    return head
