"""`refund-gql secrets`: the keys of the secrets in the database."""

import sys

import cyclopts

from refund_gql import vault
from refund_gql.cli.answering import answer
from refund_gql.outbox import endpoints
from refund_gql.registry import configuration
from refund_gql.settings import Settings

secrets = cyclopts.App(name="secrets", help="The keys of the secrets in the database.")


@secrets.command
def new_key() -> None:
    """Print a fresh key, to be put in front of REFUND_GQL_SECRET_KEYS."""
    sys.stdout.write(vault.new_key() + "\n")


@secrets.command
async def rotate() -> int:
    """Seal every secret with the first key of REFUND_GQL_SECRET_KEYS.

    Afterwards the other keys are needed no more.
    """
    keys = vault.of(Settings())

    async def work() -> str:
        count = await configuration.seal_anew(keys) + await endpoints.seal_anew(keys)
        return f"{count} secrets sealed anew with the key {keys.current}"

    return await answer(work)
