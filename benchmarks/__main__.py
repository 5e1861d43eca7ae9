"""Run the benchmarks, print tables, and write `benchmarks/results/<date>.json`."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import cache

from rich.console import Console

from benchmarks import (
    backlog,
    clocks,
    figures,
    imports,
    lab,
    latency,
    reads,
    rules,
    startup,
    transition,
)
from benchmarks.figures import Figure
from benchmarks.place import Place, place

AT_A_PLACE: dict[str, Callable[[Place], Awaitable[list[Figure]]]] = {
    "latency": latency.measure,
    "backlog": backlog.measure,
    "reads": reads.measure,
    "transition": transition.measure,
    "imports": imports.measure,
    "rules": rules.measure,
    "lab": lab.measure,
    "clocks": clocks.measure,
}
"""These share one database, in this order; `reads` reads what `latency` or `backlog` left."""
NAMES = ("startup", *AT_A_PLACE)


def main(chosen: Sequence[str]) -> int:
    """Run the chosen benchmarks, or all; the process's exit code."""
    if unknown := set(chosen) - set(NAMES):
        sys.stderr.write(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}\n")
        return 2
    console, before = Console(), figures.machine()
    found: dict[str, Sequence[Figure]] = {}
    with ExitStack() as stack:
        here = cache(lambda: stack.enter_context(place()))
        for name in chosen or NAMES:
            work = startup.measure() if name == "startup" else AT_A_PLACE[name](here())
            found[name] = asyncio.run(_list(work))
            figures.show(name, found[name], console)
    console.print(f"written to {figures.store(found, before)}")
    return 0


async def _list(work: Awaitable[list[Figure]]) -> list[Figure]:
    return await work


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
