"""How long it takes until the first request can be answered, database included."""

import time
from pathlib import Path

import httpx2

from benchmarks.figures import Figure, spread
from benchmarks.place import PROGRAM, environment, folder, free_port, process, ready


async def measure() -> list[Figure]:
    """The first start makes the database, later ones find it."""
    with folder() as data:
        await _start(data / "warm")  # Python compiles what it imports for the first time
        first, *later = [await _start(data / "measured") for _ in range(4)]
    return [
        Figure(name="first start", value=first, unit="s", note="makes the database"),
        spread("later start", later, "s", aim="< 2 s"),
    ]


async def _start(data: Path) -> float:
    port = free_port()
    env = environment(data)
    began = time.perf_counter()
    with process([*PROGRAM, "serve", "--port", str(port)], env):
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            await ready(http)
        return time.perf_counter() - began
