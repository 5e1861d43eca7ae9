"""The command line: `refund-gql demo`, `serve`, `worker`, `import`, `migrate`, and the rest."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import cyclopts
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from uvicorn.loops.auto import auto_loop_factory

from refund_gql import __version__, app, database, jobs, logs, registry, serving
from refund_gql.auth import system
from refund_gql.backoffice import shops, staff
from refund_gql.demo.command import demo
from refund_gql.errors import NotFound, Refusal
from refund_gql.graphql import schema as graphql_schema
from refund_gql.importing.command import app as importing
from refund_gql.models import Shop
from refund_gql.roles import Role, Scope
from refund_gql.settings import Settings

T = TypeVar("T")
Flag = Annotated[bool, Parameter(negative=())]

cli = cyclopts.App(name="refund-gql", help="A refund engine for online shops.", version=__version__)
cli.command(importing)
cli.command(demo)


@cli.command
async def serve(*, host: str = "127.0.0.1", port: int = 8000, no_worker: Flag = False) -> None:
    """Serve the API, and do the jobs in the same process unless told otherwise.

    Parameters
    ----------
    host
        The address to listen on.
    port
        The port to listen on.
    no_worker
        Leave the jobs to `refund-gql worker`, on this machine or on others.
    """
    await serving.serve(Settings(), host=host, port=port, with_worker=not no_worker)


@cli.command
async def worker() -> None:
    """Do the jobs; start as many as wanted, on as many machines."""
    await serving.work(Settings())


@cli.command
async def migrate() -> None:
    """Bring the database up to date. `serve` and `worker` do it at start."""
    async with database.server(Settings()) as url:
        await database.migrate(url)
        await jobs.install(url)


@cli.command
def schema() -> None:
    """Print the GraphQL schema."""
    sys.stdout.write(graphql_schema.build().as_str() + "\n")


@cli.command
def plugins(*, json_output: Annotated[bool, Parameter(name="--json", negative=())] = False) -> int:
    """List the installed plugins, and why one did not load."""
    found = registry.load(Settings(), {}).plugins
    if json_output:
        rows = [
            {
                "name": p.name,
                "distribution": p.distribution,
                "version": p.version,
                "state": p.state.value,
                "reason": p.reason,
                "provides": list(p.provides),
            }
            for p in found
        ]
        sys.stdout.write(json.dumps(rows) + "\n")
    else:
        table = Table("plugin", "version", "state", "provides", "reason")
        for p in found:
            provides = ", ".join(p.provides)
            table.add_row(p.name, p.version, p.state.value, provides, p.reason)
        Console().print(table)
    return 0 if all(p.state is registry.PluginState.ACTIVE for p in found) else 1


shop = cyclopts.App(name="shop", help="The shops of this engine.")
cli.command(shop)


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

    return await _answer(work)


token = cyclopts.App(name="token", help="Bearer tokens for programs.")
cli.command(token)


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

    return await _answer(work)


async def _answer(work: Callable[[], Awaitable[str]]) -> int:
    """Run work on the database and print its answer, or the refusal."""
    async with app.engine(Settings()):
        try:
            sys.stdout.write(await work() + "\n")
        except Refusal as refusal:
            sys.stderr.write(f"{refusal.message('en')}\n")
            return 2
    return 0


def _ask_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return Console().input("Password for the owner: ", password=True)


def main() -> None:
    """The entry point."""
    logs.configure(Settings())
    # uvloop where there is one: a small query then costs a third less processor time.
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        result = runner.run(cli.run_async(result_action="return_value"))
    sys.exit(result if isinstance(result, int) else 0)
