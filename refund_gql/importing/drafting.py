"""From rows to drafts: what one row cannot show, and when a whole order or refund is refused."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from refund_gql.importing.draft import (
    CustomerDraft,
    LineDraft,
    OrderDraft,
    Parcel,
    RefundDraft,
    RefundLineDraft,
)
from refund_gql.importing.mapping import OrderMapping, RefundMapping, Sent
from refund_gql.importing.sheet import Sheet
from refund_gql.money import MAX_MINOR_UNITS, to_decimal

_UNKNOWN, _DELIVERED, _UNDER_WAY = "unknown", "delivered", "under way"
"""Courier and tracking numbers of parcels that the file does not name."""
_TOO_LARGE = "is larger than the engine's limit"


class _Conflict(Exception):
    """The rows of one number contradict each other, or add up to nonsense."""

    def __init__(self, found: object, reason: str) -> None:
        super().__init__(reason)
        self.found, self.reason = found, reason


def orders(sheet: Sheet, mapping: OrderMapping) -> list[OrderDraft]:
    """The orders of the sheet, by their first row; what is refused stands in the sheet."""
    for index in _good(sheet):
        goods = sheet["unit_price"][index] * sheet["quantity"][index]
        if goods > MAX_MINOR_UNITS:
            sheet.refuse(index, "quantity", sheet["quantity"][index], f"x price {_TOO_LARGE}")
        elif (discount := sheet["discount"][index] or 0) > goods:
            found = to_decimal(discount, mapping.currency)
            sheet.refuse(index, "discount", found, "is more than the line costs")
    drafts = []
    for number, rows in sheet.groups(whole=mapping.bad_row_rejects == "whole").items():
        try:
            drafts.append(_order(sheet, mapping, number, rows))
        except _Conflict as conflict:
            sheet.refuse_all(rows, conflict.found, conflict.reason)
    return drafts


def refunds(sheet: Sheet, mapping: RefundMapping) -> list[RefundDraft]:
    """The refunds of the sheet, by their first row; what is refused stands in the sheet."""
    for index in _good(sheet):
        if _refunded(sheet, index) > MAX_MINOR_UNITS:
            sheet.refuse(index, "quantity", sheet["quantity"][index], f"x price {_TOO_LARGE}")
    drafts = []
    for number, rows in sheet.groups(whole=mapping.bad_row_rejects == "whole").items():
        try:
            drafts.append(_refund(sheet, number, rows))
        except _Conflict as conflict:
            sheet.refuse_all(rows, conflict.found, conflict.reason)
    return drafts


def _good(sheet: Sheet) -> Iterator[int]:
    return (index for index in sheet.kept if index not in sheet.bad)


# --- orders -----------------------------------------------------------------------------------


def _order(sheet: Sheet, mapping: OrderMapping, number: str, rows: Sequence[int]) -> OrderDraft:
    # An invoice written over the turn of a minute bears two times.
    placed_at = min(sheet["placed_at"][index] for index in rows)
    parcels = _parcels(sheet, mapping.fulfilment, rows, placed_at)
    draft = OrderDraft(
        number=number,
        placed_at=placed_at,
        customer=_customer(sheet, rows),
        shipping=_same(sheet, "shipping", rows) or 0,
        lines=tuple(
            LineDraft(
                sku=sheet["sku"][index],
                title=sheet["title"][index],
                quantity=sheet["quantity"][index],
                unit_price=sheet["unit_price"][index],
                discount=sheet["discount"][index] or 0,
                parcel=parcel,
            )
            for index, parcel in zip(rows, parcels, strict=True)
        ),
    )
    _check_total(draft.goods + draft.shipping)
    return draft


def _parcels(
    sheet: Sheet, fulfilment: Sent | None, rows: Sequence[int], placed_at: datetime
) -> list[Parcel | None]:
    """The parcel of each row; rows with the same courier and tracking number share one."""
    if fulfilment is not None:
        return [_whole_parcel(fulfilment, placed_at)] * len(rows)
    parcels = [_parcel(sheet, index, placed_at) for index in rows]
    shared: dict[tuple[str, str], Parcel] = {}
    for parcel in filter(None, parcels):
        shared[parcel.name] = _merged(shared.get(parcel.name, parcel), parcel)
    return [parcel and shared[parcel.name] for parcel in parcels]


def _whole_parcel(fulfilment: Sent, placed_at: datetime) -> Parcel | None:
    """The parcel of an order of which nothing is known but how far it has come.

    With no time at all its return window would stay open for ever: it counts as sent, and as
    delivered, when the order was placed.
    """
    if fulfilment == "UNSHIPPED":
        return None
    if fulfilment == "SHIPPED":
        return Parcel(_UNKNOWN, _UNDER_WAY, placed_at, None)
    return Parcel(_UNKNOWN, _DELIVERED, placed_at, placed_at)


def _parcel(sheet: Sheet, index: int, placed_at: datetime) -> Parcel | None:
    shipped_at: datetime | None = sheet["shipped_at"][index]
    delivered_at: datetime | None = sheet["delivered_at"][index]
    if delivered_at is None and sheet["delivered"][index]:
        delivered_at = shipped_at or placed_at
    if not (shipped_at or delivered_at or sheet["shipped"][index]):
        return None
    return Parcel(
        courier=sheet["courier"][index] or _UNKNOWN,
        tracking_number=sheet["tracking_number"][index]
        or (_DELIVERED if delivered_at else _UNDER_WAY),
        shipped_at=shipped_at or placed_at,
        delivered_at=delivered_at,
    )


def _merged(one: Parcel, other: Parcel) -> Parcel:
    arrivals = [at for at in (one.delivered_at, other.delivered_at) if at]
    return one._replace(
        shipped_at=min(one.shipped_at, other.shipped_at),
        delivered_at=max(arrivals, default=None),
    )


# --- refunds ----------------------------------------------------------------------------------


def _refund(sheet: Sheet, number: str, rows: Sequence[int]) -> RefundDraft:
    draft = RefundDraft(
        number=number,
        refunded_at=min(sheet["refunded_at"][index] for index in rows),
        customer=_customer(sheet, rows),
        shipping=_same(sheet, "shipping", rows) or 0,
        lines=tuple(_refund_line(sheet, index) for index in rows),
    )
    _check_total(draft.goods + draft.shipping)
    return draft


def _refund_line(sheet: Sheet, index: int) -> RefundLineDraft:
    return RefundLineDraft(
        sku=sheet["sku"][index],
        title=sheet["title"][index],
        quantity=sheet["quantity"][index],
        amount=_refunded(sheet, index),
        order_number=sheet["order_number"][index],
    )


def _refunded(sheet: Sheet, index: int) -> int:
    amount: int | None = sheet["amount"][index]
    if amount is not None:
        return amount
    price: int | None = sheet["unit_price"][index]
    return 0 if price is None else price * int(sheet["quantity"][index])


# --- both -------------------------------------------------------------------------------------


def _customer(sheet: Sheet, rows: Sequence[int]) -> CustomerDraft | None:
    known = _same(sheet, "customer", rows)
    if known is None:
        return None
    return CustomerDraft(
        reference=known,
        name=_first(sheet, "customer_name", rows) or "",
        email=_first(sheet, "customer_email", rows) or "",
    )


def _same(sheet: Sheet, name: str, rows: Sequence[int]) -> Any:
    """The one value of the rows; those without a value do not count."""
    values = sheet[name]
    found = {values[index] for index in rows} - {None}
    if len(found) > 1:
        several = ", ".join(sorted(map(str, found)))
        raise _Conflict(several, f"rows of the same number have a different {name}")
    return found.pop() if found else None


def _first(sheet: Sheet, name: str, rows: Sequence[int]) -> Any:
    values = sheet[name]
    return next((values[index] for index in rows if values[index] is not None), None)


def _check_total(total: int) -> None:
    if total > MAX_MINOR_UNITS:
        raise _Conflict(total, "minor units in all, more than the engine's limit")
