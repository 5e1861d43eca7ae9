"""`refund-gql import orders` and `refund-gql import refunds`."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import orjson
from cyclopts import App, Parameter
from tortoise.exceptions import OperationalError

from refund_gql import database, models
from refund_gql.errors import Unavailable
from refund_gql.importing import mapping as mappings
from refund_gql.importing import progress, reading, rejection
from refund_gql.importing.failure import CannotImport, Failure
from refund_gql.importing.mapping import OrderMapping, RefundMapping, Sent
from refund_gql.importing.reading import Reading
from refund_gql.importing.report import Report
from refund_gql.importing.run import Run
from refund_gql.settings import Settings

app = App(name="import", help="Bring a shop's history in from files: CSV, JSON lines, Parquet.")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Options:
    """What both imports are told."""

    mapping: str
    """A TOML file, or the name of a mapping that ships with the engine."""
    shop: str
    """The shop's handle."""
    dry_run: Annotated[bool, Parameter(negative=())] = False
    """Check everything and print the report, but write nothing to the database."""
    rejects: Path | None = None
    """Write the rejected rows to this CSV file."""
    json: Annotated[bool, Parameter(negative=())] = False
    """Print the report as JSON."""


@app.command
async def orders(file: Path, *, options: Options, fulfilment: Sent | None = None) -> int:
    """Import orders with their lines, customers, products and captures.

    Repeating it does no harm: an order whose number exists is left alone. Exit code 2 means that
    the file or the mapping cannot be used, and that nothing was written.

    Parameters
    ----------
    file
        One row per order line: .csv or .jsonl (also with .gz behind), or .parquet.
    fulfilment
        Take every order to have come this far, whatever the mapping says.
    """

    def read() -> Reading[Any]:
        mapping = mappings.load(options.mapping, OrderMapping)
        return reading.orders(file, mapping.with_fulfilment(fulfilment) if fulfilment else mapping)

    return await _answer(read, options)


@app.command
async def refunds(file: Path, *, options: Options) -> int:
    """Import finished refunds, tied to the purchases they refund; import the orders first.

    Repeating it does no harm: a refund whose number exists is left alone. Exit code 2 means that
    the file or the mapping cannot be used, and that nothing was written.

    Parameters
    ----------
    file
        One row per refund line: .csv or .jsonl (also with .gz behind), or .parquet.
    """

    def read() -> Reading[Any]:
        return reading.refunds(file, mappings.load(options.mapping, RefundMapping))

    return await _answer(read, options)


async def _answer(read: Callable[[], Reading[Any]], options: Options) -> int:
    try:
        content = read()
        if options.rejects is not None:
            rejection.write(options.rejects, content.rejects)
        report = await _run(content, options)
    except Failure as failure:
        sys.stderr.write(f"{failure}\n")
        return 2
    except (Unavailable, OSError) as error:
        sys.stderr.write(
            f"the database cannot be reached, or was lost ({error}); repeat the command: the "
            "import goes on where it stopped\n"
        )
        return 1
    text = orjson.dumps(report.as_dict()).decode() if options.json else str(report)
    sys.stdout.write(f"{text}\n")
    return 0


async def _run(content: Reading[Any], options: Options) -> Report:
    async with database.server(Settings()) as url:
        if not options.dry_run:
            await database.migrate(url)
        async with database.connected(url, pool_size=4):
            run = Run(content, await _shop(options.shop))
            if options.dry_run:
                return await run.rehearse()
            with progress.bar(content.file, content.rows_drafted) as advance:
                return await run.perform(advance)


async def _shop(handle: str) -> models.Shop:
    try:
        shop = await models.Shop.get_or_none(handle=handle)
    except OperationalError as error:
        raise CannotImport(f"the database is not ready ({error}): refund-gql migrate") from error
    if shop is None:
        raise CannotImport(
            f"there is no shop with the handle {handle!r}; create it first: refund-gql shop create"
        )
    return shop
