"""`python -m refund_gql_sandbox inbox`: read what the sandbox was told to send."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from refund_gql_sandbox.inbox import Inbox
from refund_gql_sandbox.inbox.letter import EMPTY, letter
from refund_gql_sandbox.settings import default_ledger

POLL_SECONDS = 0.3
"""Between two looks while following."""

LEDGER = "REFUND_GQL_SANDBOX_INBOX_LEDGER"
"""The variable from which the engine takes the file's name; this command looks there too."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status. Raises SystemExit for arguments nobody understands."""
    options = _parser().parse_args(arguments)
    try:
        _read(Inbox(options.ledger), follow=options.follow)
    except KeyboardInterrupt:
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m refund_gql_sandbox")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    inbox = commands.add_parser(
        "inbox", help="读收件箱 / read the inbox", description="读收件箱 / read the inbox"
    )
    inbox.add_argument(
        "--ledger",
        type=Path,
        default=Path(os.environ.get(LEDGER) or default_ledger()),
        help=f"SQLite 文件 / the SQLite file (${LEDGER}; %(default)s)",
    )
    inbox.add_argument(
        "--follow", action="store_true", help="持续显示新消息 / go on with what arrives later"
    )
    return parser


def _read(inbox: Inbox, *, follow: bool) -> None:
    seen = _show(inbox, after=0)
    if not seen and not follow:
        sys.stdout.write(EMPTY)
    while follow:
        time.sleep(POLL_SECONDS)
        seen = _show(inbox, after=seen)


def _show(inbox: Inbox, *, after: int) -> int:
    for mail in inbox.messages(after=after):
        sys.stdout.write(letter(mail))
        after = mail.position
    sys.stdout.flush()
    return after


if __name__ == "__main__":
    sys.exit(main())
