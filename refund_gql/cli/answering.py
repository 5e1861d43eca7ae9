"""What a command prints and how it ends."""

import sys
from collections.abc import Awaitable, Callable

from refund_gql import app
from refund_gql.errors import Refusal
from refund_gql.settings import Settings
from refund_gql.vault import Unreadable


async def answer(work: Callable[[], Awaitable[str]]) -> int:
    """Run work on the database and print its answer, or the refusal; returns the exit code."""
    async with app.engine(Settings()):
        try:
            sys.stdout.write(await work() + "\n")
        except Refusal as refusal:
            sys.stderr.write(f"{refusal.message('en')}\n")
            return 2
        except Unreadable as error:
            sys.stderr.write(f"A secret in the database cannot be opened: {error}\n")
            return 2
    return 0
