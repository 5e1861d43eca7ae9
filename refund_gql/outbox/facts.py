"""What a text about a refund may mention, in the words of the customer's language."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel import dates, numbers

from refund_gql import labels, money
from refund_gql.choices import ClockState, CouponStatus, DeadlineStage
from refund_gql.database import Transaction
from refund_gql.models import (
    Clock,
    Coupon,
    Customer,
    Decision,
    Exposure,
    Offer,
    OfferLadder,
    Order,
    OrderLine,
    ReasonTag,
    Refund,
    RefundLine,
    Return,
    Shipment,
    ShipmentLine,
    Shop,
)
from refund_gql.outbox.kinds import MessageKind
from refund_gql.states import Step

_COUPON = ("coupon_code", "coupon_amount", "least_order_amount", "valid_until")
MAX_WORDS = 2_000
"""Characters of one variable; what is longer is cut."""


async def gather(
    tx: Transaction,
    shop: Shop,
    refund: Refund,
    kind: MessageKind,
    locale: str,
    *,
    at: datetime | None = None,
) -> dict[str, str]:
    """Variable -> value, for every variable of the kind; empty where the refund has none.

    `at` is the moment of the event the text is about; None takes the latest of its sort.
    """
    own = await _own(tx, shop, refund, kind, locale, at)
    return {**await common(tx, shop, refund, locale), **_cut(own)}


async def common(tx: Transaction, shop: Shop, refund: Refund, locale: str) -> dict[str, str]:
    """Variable -> value, for those that every text may mention."""
    customer = await Customer.filter(id=refund.customer_id).using_db(tx).first()
    order = await Order.filter(id=refund.order_id).using_db(tx).first()
    lines = await RefundLine.filter(refund_id=refund.id).order_by("position").using_db(tx)
    found = {
        "shop_name": shop.name,
        "customer_name": customer.name if customer else "",
        "refund_number": refund.number,
        "order_number": order.number if order else "",
        "goods": goods(lines, locale),
        "amount": amount(refund.amount, refund.currency, locale) if refund.amount else "",
        "requested_on": day(refund.requested_at, shop.time_zone, locale),
    }
    return _cut(found)


def _cut(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value.strip()[:MAX_WORDS] for name, value in values.items()}


async def _own(
    tx: Transaction, shop: Shop, refund: Refund, kind: MessageKind, locale: str, at: datetime | None
) -> dict[str, str]:
    match kind:
        case MessageKind.EVIDENCE_REQUESTED | MessageKind.EVIDENCE_REMINDER:
            at = at if kind is MessageKind.EVIDENCE_REQUESTED else None
            return {"question": await _words(tx, refund, Step.REQUEST_EVIDENCE, at)}
        case MessageKind.REJECTED:
            return {"reason": await _words(tx, refund, Step.REJECT, at)}
        case MessageKind.RETURN_REQUESTED:
            parcel = await _parcel(tx, refund, {"opened_at": at} if at else {})
            until = parcel.expected_refund_at if parcel else None
            expected = day(until, shop.time_zone, locale) if until else ""
            return {**_where_to(parcel, locale), "expected_on": expected}
        case MessageKind.RETURN_REOPENED:
            return _where_to(await _parcel(tx, refund, {}), locale)
        case MessageKind.REFUND_FIRST | MessageKind.RETURN_REMINDER:
            by = await _return_by(tx, refund, kind, locale)
            return {**_where_to(await _parcel(tx, refund, {}), locale), "return_by": by}
        case MessageKind.SHIPPING_REMINDER:
            by = await _ships_by(tx, shop, refund, locale)
            return {**_where_to(await _parcel(tx, refund, {}), locale), "return_by": by}
        case MessageKind.RETURN_RECEIVED:
            return _sent_as(await _parcel(tx, refund, {"received_at": at} if at else {}))
        case MessageKind.RETURN_LOST:
            return _sent_as(await _parcel(tx, refund, {}))
        case MessageKind.SHIPMENT_DELAYED:
            # About a parcel, and no refund has one of its own.
            return _sent_as(None)
        case MessageKind.COUPON_ISSUED:
            coupon = await _coupon(tx, refund, {"issued_at": at} if at else {})
            purpose = coupon.purpose.value if coupon else ""
            return {**_of_coupon(coupon, shop, locale), "purpose": purpose}
        case MessageKind.FOLLOW_UP:
            coupon = await _coupon(tx, refund, {"status": CouponStatus.ISSUED})
            return {**_of_coupon(coupon, shop, locale), "reason_code": await _reason(tx, refund)}
        case MessageKind.OFFERED:
            return await _offered(tx, shop, refund, locale, at)
        case _:
            return {}


def _where_to(parcel: Return | None, locale: str) -> dict[str, str]:
    return {
        "return_address": parcel.address if parcel else "",
        "return_requirements": _in(locale, parcel.requirements) if parcel else "",
    }


def _sent_as(parcel: Return | Shipment | None) -> dict[str, str]:
    return {
        "courier": parcel.courier if parcel else "",
        "tracking_number": parcel.tracking_number if parcel else "",
    }


async def of_shipment(
    tx: Transaction, shop: Shop, customer: Customer, shipment: Shipment
) -> dict[str, str]:
    """Variable -> value of a text about a parcel to a customer; there may be no refund."""
    order = await Order.filter(id=shipment.order_id).using_db(tx).get()
    contents = ShipmentLine.filter(shipment_id=shipment.id).using_db(tx)
    sent = await contents.values_list("order_line_id", flat=True)
    lines = OrderLine.filter(id__in=list(sent)).order_by("position").using_db(tx)
    found = {
        "shop_name": shop.name,
        "customer_name": customer.name,
        "refund_number": "",
        "order_number": order.number,
        "goods": goods(await lines, customer.locale),
        "amount": "",
        "requested_on": "",
        **_sent_as(shipment),
    }
    return {name: value.strip()[:MAX_WORDS] for name, value in found.items()}


async def _return_by(tx: Transaction, refund: Refund, kind: MessageKind, locale: str) -> str:
    """The last day; an exposure's dates are the midnights after it."""
    exposure = await Exposure.filter(refund_id=refund.id).using_db(tx).first()
    if exposure is None:
        return ""
    shop = await Shop.filter(id=refund.shop_id).using_db(tx).get()
    end = exposure.due_at if kind is MessageKind.REFUND_FIRST else exposure.final_at
    return day(end - timedelta(seconds=1), shop.time_zone, locale)


async def _ships_by(tx: Transaction, shop: Shop, refund: Refund, locale: str) -> str:
    """The last whole day before the deadline; empty when there is none, or it has passed."""
    clocks = Clock.filter(
        refund_id=refund.id, stage=DeadlineStage.CUSTOMER_SHIPS, state=ClockState.RUNNING
    )
    running = await clocks.using_db(tx).first()
    if running is None:
        return ""
    last = running.due_at - timedelta(days=1)
    return day(last, shop.time_zone, locale) if running.started_at <= last else ""


async def _words(tx: Transaction, refund: Refund, step: Step, at: datetime | None) -> str:
    """What somebody wrote when taking the step. An event holds no words, but the decision that
    was written with it has its time."""
    decisions = Decision.filter(refund_id=refund.id, step=step)
    if at is not None:
        decisions = decisions.filter(decided_at=at)
    decision = await decisions.order_by("-decided_at", "-id").using_db(tx).first()
    return decision.reason if decision else ""


async def _parcel(tx: Transaction, refund: Refund, moment: Mapping[str, datetime]) -> Return | None:
    parcels = Return.filter(refund_id=refund.id, **moment)
    return await parcels.order_by("-opened_at", "-id").using_db(tx).first()


async def _coupon(tx: Transaction, refund: Refund, which: Mapping[str, object]) -> Coupon | None:
    coupons = Coupon.filter(refund_id=refund.id, code__not_isnull=True, **which)
    return await coupons.order_by("-issued_at", "-id").using_db(tx).first()


def _of_coupon(coupon: Coupon | None, shop: Shop, locale: str) -> dict[str, str]:
    if coupon is None:
        return dict.fromkeys(_COUPON, "")
    least, until = coupon.least_order_amount, coupon.valid_until
    return {
        "coupon_code": coupon.code or "",
        "coupon_amount": amount(coupon.amount, coupon.currency, locale),
        "least_order_amount": amount(least, coupon.currency, locale) if least else "",
        "valid_until": day(until, shop.time_zone, locale) if until else "",
    }


async def _offered(
    tx: Transaction, shop: Shop, refund: Refund, locale: str, at: datetime | None
) -> dict[str, str]:
    ladders = OfferLadder.filter(refund_id=refund.id, **({"proposed_at": at} if at else {}))
    ladder = await ladders.order_by("-proposed_at", "-id").using_db(tx).first()
    if ladder is None:
        return {}
    made = await Offer.filter(ladder_id=ladder.id).order_by("rank").using_db(tx)
    return {
        "offers": "\n".join(_line_of(offer, locale) for offer in made),
        "offer_message": ladder.message,
        "offer_until": minute(ladder.expires_at, shop.time_zone, locale),
    }


def _line_of(offer: Offer, locale: str) -> str:
    """The rank, the kind, what the customer gets, and what the shop says beside it."""
    worth = offer.amount or offer.coupon_amount + offer.coupon_bonus
    colon, stop = ("：", "。") if locale == "zh" else (": ", ". ")
    line = f"{offer.rank}. {labels.OFFERS[offer.kind][locale]}{colon}"
    beside = [text for text in (_in(locale, offer.texts), _in(locale, offer.guides)) if text]
    return stop.join([line + amount(worth, offer.currency, locale), *beside])


async def _reason(tx: Transaction, refund: Refund) -> str:
    """The code of what was found, else of what the customer said."""
    tags = ReasonTag.filter(id=refund.found_reason_id or refund.stated_reason_id)
    tag = await tags.using_db(tx).first()
    return tag.code if tag else ""


def _in(locale: str, texts: Mapping[str, str]) -> str:
    return texts.get(locale) or next(iter(texts.values()), "")


# --- words ------------------------------------------------------------------------------------


def goods(lines: Sequence[RefundLine | OrderLine], locale: str) -> str:
    """The first line's title, and how many units there are beside."""
    if not lines:
        return ""
    title, units = lines[0].title, sum(line.quantity for line in lines)
    if units == 1:
        return title
    if locale == "zh":
        return f"{title}等{units}件商品"
    return f"{title} and {units - 1} more"


def amount(minor_units: int, currency: str, locale: str) -> str:
    """An amount with its currency, in our own number of decimals: Babel's differ for some."""
    exponent = money.EXPONENTS[currency]
    letters = numbers.get_currency_symbol(currency, locale)[-1].isalpha()
    pattern = f"¤{chr(0xA0) if letters else ''}#,##0{'.' if exponent else ''}{'0' * exponent}"
    value = money.to_decimal(minor_units, currency)
    return numbers.format_currency(
        value, currency, format=pattern, locale=locale, currency_digits=False
    )


def minute(moment: datetime, time_zone: str, locale: str) -> str:
    """A moment where the shop is, to the minute."""
    there = moment.astimezone(ZoneInfo(time_zone))
    time = dates.format_time(there, "short", locale=locale)
    return f"{day(moment, time_zone, locale)}{' ' if locale == 'zh' else ', '}{time}"


def day(moment: datetime, time_zone: str, locale: str) -> str:
    """The day of a moment where the shop is."""
    return dates.format_date(moment.astimezone(ZoneInfo(time_zone)), "long", locale=locale)
