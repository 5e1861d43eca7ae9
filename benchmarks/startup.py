"""How long it takes until the first request can be answered, database included."""

import time

import httpx2

from benchmarks.figures import Figure
from benchmarks.place import PROGRAM, environment, folder, free_port, process, ready


async def measure() -> list[Figure]:
    """The first start makes the database, later ones find it."""
    with folder() as data:
        _, first, second, third = [await _start(data / "warm")] + [
            await _start(data / "measured") for _ in range(3)
        ]
    return [
        Figure(name="first start", value=first, unit="s", note="makes the database"),
        Figure(name="second start", value=min(second, third), unit="s", note="better of two"),
    ]


async def _start(data: object) -> float:
    port = free_port()
    env = environment(data)  # type: ignore[arg-type] # a path
    began = time.perf_counter()
    with process([*PROGRAM, "serve", "--port", str(port)], env):
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            await ready(http)
        return time.perf_counter() - began
