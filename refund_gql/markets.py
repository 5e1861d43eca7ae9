"""What the law gives a customer who bought from afar: days to send goods back, by market.

Counted from the day the goods arrived; no reason has to be given. Goods that a law excepts
(made to measure, perishable, opened software) are for the shop to sort out: the engine does not
know them.
"""

from babel.core import get_global

_EUROPE = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE",
    "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
})  # fmt: skip
"""The European Economic Area."""

RETURN_DAYS = {
    "CN": 7,  # Law on the Protection of Consumer Rights and Interests, article 25 (七天无理由退货)
    "TW": 7,  # Consumer Protection Act, article 19
    "KR": 7,  # Act on Consumer Protection in Electronic Commerce, article 17
    "BR": 7,  # Consumer Defence Code, article 49
    "GB": 14,  # Consumer Contracts Regulations 2013, regulation 30
    "TR": 14,  # Law 6502 on Consumer Protection, article 48
    **dict.fromkeys(_EUROPE, 14),  # Directive 2011/83/EU, article 9
}
"""Market (ISO 3166-1 alpha-2) -> days. A market that is missing has no such law, or none that
this table knows: the shop's own promise counts alone."""


def market_of(region: str, time_zone: str) -> str:
    """The market an order belongs to: where it was sent to (ISO 3166-2, such as CN-31, or the
    country alone), else the country of the shop's time zone; empty when neither tells."""
    if region:
        return region.partition("-")[0]
    country: str = get_global("zone_territories").get(time_zone, "")
    return country
