"""Addresses as couriers can take them."""

from refund_gql import validation
from refund_gql.errors import InvalidInput
from refund_gql.providers import Address


def address(field: str, given: Address) -> Address:
    """An address as couriers can take it. Raises InvalidInput."""
    country = validation.region(f"{field}.country", given.country)
    if len(country) != 2:
        raise InvalidInput(
            field=f"{field}.country",
            found=given.country[:40],
            expected="an ISO 3166-1 code such as CN",
            zh="ISO 3166-1 国家代码，例如 CN",
        )

    def part(name: str, longest: int, *, required: bool = False) -> str:
        value: str = getattr(given, name)
        return validation.text(f"{field}.{name}", value, longest=longest, required=required)

    return Address(
        name=part("name", 64, required=True),
        phone=part("phone", 40, required=True),
        country=country,
        region=part("region", 64),
        city=part("city", 64),
        district=part("district", 64),
        street=part("street", 160, required=True),
        postcode=part("postcode", 16),
    )
