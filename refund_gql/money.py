"""Money: an integer number of minor units with an ISO 4217 currency. No float ever touches it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, InvalidOperation

MAX_MINOR_UNITS = 2**53 - 1
"""The largest amount accepted anywhere: the largest integer a JSON reader keeps exactly."""

# ISO 4217 list one: every active currency whose exponent is not 2.
_EXPONENT_0 = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_EXPONENT_3 = "BHD IQD JOD KWD LYD OMR TND"
_EXPONENT_4 = "CLF UYW"
_EXPONENT_2 = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD "
    "CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS "
    "GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD "
    "LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB "
    "PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP "
    "SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)

EXPONENTS: dict[str, int] = {
    code: exponent
    for exponent, codes in enumerate((_EXPONENT_0, "", _EXPONENT_2, _EXPONENT_3, _EXPONENT_4))
    for code in codes.split()
}
"""ISO 4217 code -> number of decimal places (JPY 0, CNY 2, KWD 3)."""

# The default context keeps 28 digits, and would round a longer text before it is judged.
_EXACT = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX)


@dataclass(frozen=True, kw_only=True, order=False)
class Money:
    """An exact amount: `amount` minor units of `currency`."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in EXPONENTS:
            raise ValueError(f"{self.currency!r} is not an ISO 4217 currency")

    def __str__(self) -> str:
        return f"{to_decimal(self.amount, self.currency)} {self.currency}"


def to_decimal(amount: int, currency: str) -> Decimal:
    """The amount in major units, with exactly the currency's decimal places: 8900 CNY -> 89.00."""
    return Decimal(amount).scaleb(-EXPONENTS[currency])


def from_decimal(text: str, currency: str) -> int:
    """Minor units of a decimal amount written in major units; never rounds.

    Raises ValueError when the text is no finite decimal number, or is finer than the minor unit.
    """
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is not a decimal amount") from error
    if not value.is_finite():
        raise ValueError(f"{text!r} is not a finite amount")
    too_large = ValueError(f"{text!r} is larger than the engine's limit")
    if value.copy_abs() > MAX_MINOR_UNITS:
        raise too_large
    minor = value.scaleb(EXPONENTS[currency], context=_EXACT)
    if minor != minor.to_integral_value():
        raise ValueError(f"{text!r} is finer than the minor unit of {currency}")
    if minor.copy_abs() > MAX_MINOR_UNITS:
        raise too_large
    return int(minor)


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` in proportion to `weights` by the largest remainder; the parts sum to `total`.

    Ties go to the earlier part. With all weights zero the first part takes everything.
    Raises ValueError for a negative weight, or for no parts and a total other than zero.
    """
    if any(weight < 0 for weight in weights):
        raise ValueError("weights must not be negative")
    if not weights:
        if total:
            raise ValueError("nothing to allocate to")
        return []
    scale = sum(weights)
    if scale == 0:
        return [total] + [0] * (len(weights) - 1)
    parts = [total * weight // scale for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % scale), i))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def share(total: int, part: int, whole: int) -> int:
    """What `part` of `whole` units is worth when all of them are worth `total`.

    Rounds down, except that the whole is worth exactly `total`: refunding a line piece by piece,
    each time from what is left, therefore ends at exactly the amount paid.
    """
    if not 0 <= part <= whole or whole == 0:
        raise ValueError(f"{part} is not a part of {whole}")
    return total * part // whole
