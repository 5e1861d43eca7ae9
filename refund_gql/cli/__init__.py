"""The command line: `refund-gql demo`, `serve`, `worker`, `import`, `plugins`, and the rest."""

import asyncio
import sys
from typing import Annotated

import cyclopts
from cyclopts import Parameter
from uvicorn.loops.auto import auto_loop_factory

from refund_gql import __version__, database, jobs, logs, serving
from refund_gql.cli.new_plugin import new_plugin
from refund_gql.cli.plugins import plugins
from refund_gql.cli.secrets import secrets
from refund_gql.cli.shops import shop, token
from refund_gql.demo.command import demo
from refund_gql.graphql import schema as graphql_schema
from refund_gql.importing.command import app as importing
from refund_gql.settings import Settings

Flag = Annotated[bool, Parameter(negative=())]

cli = cyclopts.App(name="refund-gql", help="A refund engine for online shops.", version=__version__)
cli.command(importing)
cli.command(demo)
cli.command(new_plugin)
for group in (plugins, shop, token, secrets):
    cli.command(group)


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


def main() -> None:
    """The entry point."""
    logs.configure(Settings())
    # uvloop where there is one: a small query then costs a third less processor time.
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        result = runner.run(cli.run_async(result_action="return_value"))
    sys.exit(result if isinstance(result, int) else 0)
