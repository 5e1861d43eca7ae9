"""What the conformance kit recorded about a package: tiers, bound to the code they came from.

The record is the file `conformance.json` beside the package's `__init__.py`, so it travels inside
the wheel. This module only reads and writes it; no test is run here and no package is imported.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FILE_NAME = "conformance.json"


class Tier(StrEnum):
    """How far a provider can be trusted; computed from the rules it passed, lowest first."""

    BRONZE = "BRONZE"
    """It cannot lose money."""
    SILVER = "SILVER"
    """It stays up."""
    GOLD = "GOLD"
    """It is pleasant."""

    @property
    def rank(self) -> int:
        """1 for Bronze to 3 for Gold."""
        return list(Tier).index(self) + 1


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What was computed for one provider."""

    tier: Tier | None
    """None when it did not even reach Bronze."""
    waivers: Mapping[str, str] = field(default_factory=dict)
    """Rule id -> why the author says it does not apply."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """The standings of one package's providers."""

    api: str
    """`PLUGIN_API` of the kit that computed them."""
    digest: str
    """Of the code they were computed from; see `digest`."""
    providers: Mapping[str, Standing]
    """By provider name."""


def standing(package: str, provider: str) -> Standing | None:
    """What was recorded for a provider; None when nothing was, or the code has changed since."""
    record = read(package)
    if record is None or is_stale(package, record):
        return None
    return record.providers.get(provider)


def recorded_tier(package: str, provider: str) -> Tier | None:
    """The tier of a provider of an import package; None when none holds for its present code."""
    found = standing(package, provider)
    return found.tier if found else None


def is_stale(package: str, record: Record) -> bool:
    """Whether the package's code has changed since the record was written."""
    return record.digest != digest(package)


def read(package: str) -> Record | None:
    """The record of an import package, stale or not; None without one, or one nobody can read."""
    folder = folder_of(package)
    try:
        return _parsed(json.loads((folder / FILE_NAME).read_text("utf-8"))) if folder else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # A record somebody mangled proves as much as none.
        return None


def write(package: str, record: Record) -> Path:
    """Store the record beside the package's code; returns the file.

    Raises ValueError when there is no such package, OSError when it cannot be written.
    """
    folder = folder_of(package)
    if folder is None:
        raise ValueError(f"{package} is not an installed package, so it has no place for a record")
    file = folder / FILE_NAME
    file.write_text(json.dumps(asdict(record), indent=2, ensure_ascii=False) + "\n", "utf-8")
    return file


def digest(package: str) -> str:
    """SHA-256 over the names and contents of the package's Python files; "" without a package."""
    folder = folder_of(package)
    if folder is None:
        return ""
    total = hashlib.sha256()
    for file in sources(folder):
        total.update(file.relative_to(folder).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def sources(folder: Path) -> list[Path]:
    """The Python files of a package's folder, in a stable order."""
    return sorted(folder.rglob("*.py"), key=lambda file: file.relative_to(folder).as_posix())


def folder_of(package: str) -> Path | None:
    """The folder of an import package, without importing a top-level one; None without any."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def _parsed(found: Any) -> Record:
    return Record(
        api=str(found["api"]),
        digest=str(found["digest"]),
        providers={
            str(name): Standing(
                tier=Tier(one["tier"]) if one["tier"] else None, waivers=dict(one["waivers"])
            )
            for name, one in found["providers"].items()
        },
    )
