"""When a country rests; from the package `holidays`, which the extra `insight` brings."""

from datetime import date

import holidays


def between(country: str, first: date, last: date) -> frozenset[date]:
    """Of a country (ISO 3166-1 alpha-2), both ends included; none of a country nobody knows."""
    if country not in holidays.list_supported_countries():
        return frozenset()
    known = holidays.country_holidays(country, years=range(first.year, last.year + 1))
    return frozenset(day for day in known if first <= day <= last)
