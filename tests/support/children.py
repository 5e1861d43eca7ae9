"""The engine's processes as children of a test: started, killed, started again."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx2

PROGRAM = (str(Path(sys.executable).with_name("refund-gql")),)
"""The command line as installed."""
PATIENCE = 60.0
"""Seconds after which a process that does not start or stop has failed."""


def environment(url: str, data: Path, **settings: str) -> dict[str, str]:
    """The variables of a child: ours without other settings of the engine, plus these."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("REFUND_GQL_") and name != "PYTHONDONTWRITEBYTECODE"
    }
    given = {f"REFUND_GQL_{name.upper()}": value for name, value in settings.items()}
    return {
        **inherited,
        "PYTHONPATH": os.pathsep.join((str(Path(__file__).parents[1]), *_path())),
        "REFUND_GQL_DATABASE_URL": url,
        "REFUND_GQL_DATA": str(data),
        **given,
    }


def _path() -> list[str]:
    return [os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Child:
    """One process of the engine; what it logs is kept in `log`."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.command = tuple(command)
        self._env = env
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                env=self._env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def stop(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end; the exit code, negative for a signal."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            said = self.log[-2000:]
            raise AssertionError(f"{self.command} ignores {number.name}:\n{said}") from None

    @property
    def log(self) -> str:
        """What it has logged so far, in all its lives."""
        return self._log.read_text(errors="replace")


async def ready(http: httpx2.AsyncClient, child: Child) -> float:
    """Wait until the API answers; the seconds it took."""
    started = time.monotonic()
    while time.monotonic() < started + PATIENCE:
        try:
            response = await http.get("/readyz")
        except httpx2.TransportError:
            pass
        else:
            if response.status_code == 200:
                return time.monotonic() - started
        await asyncio.sleep(0.02)
    raise AssertionError(f"{child.command} does not start:\n{child.log[-2000:]}")


async def run(program: Sequence[str], *arguments: str, env: Mapping[str, str], input: str) -> str:
    """Run one command to its end; what it printed."""
    process = await asyncio.create_subprocess_exec(
        *program,
        *arguments,
        env=env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate(input.encode())
    assert process.returncode == 0, errors.decode()
    return output.decode().strip()
