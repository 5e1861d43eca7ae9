"""`refund-gql shop` and `refund-gql token`: what must exist before anybody can ask the API."""

import sys

import cyclopts
from rich.console import Console

from refund_gql.auth import system
from refund_gql.backoffice import shops, staff
from refund_gql.cli.answering import answer
from refund_gql.errors import NotFound
from refund_gql.models import Shop
from refund_gql.roles import Role, Scope
from refund_gql.settings import Settings

shop = cyclopts.App(name="shop", help="The shops of this engine.")


@shop.command(name="create")
async def shop_create(
    handle: str,
    *,
    name: str,
    currency: str = "CNY",
    time_zone: str = "Asia/Shanghai",
    locale: str = "zh",
    owner_email: str,
    owner_name: str,
) -> int:
    """Open a shop with its owner; asks for the owner's password.

    Parameters
    ----------
    handle
        The shop's name in logins and on the command line.
    """
    owner = staff.NewStaff(
        email=owner_email, name=owner_name, role=Role.OWNER, password=_ask_password()
    )

    async def work() -> str:
        await shops.create(
            handle, name=name, currency=currency, time_zone=time_zone, locale=locale, owner=owner
        )
        return f"shop {handle} is open; {owner_email} can log in with staffLogin"

    return await answer(work)


token = cyclopts.App(name="token", help="Bearer tokens for programs.")


@token.command(name="create")
async def token_create(handle: str, *scopes: Scope, name: str) -> int:
    """Make a token for a program of a shop and print it, this once.

    Parameters
    ----------
    handle
        The shop.
    scopes
        What the program may do.
    name
        What the token is for.
    """

    async def work() -> str:
        found = await Shop.filter(handle=handle).first()
        if found is None:
            raise NotFound(kind="Shop", id=handle)
        issued = await staff.create_api_token(
            system(found.id), Settings(), name=name, scopes=scopes, expires_at=None
        )
        return issued.text

    return await answer(work)


def _ask_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return Console().input("Password for the owner: ", password=True)
