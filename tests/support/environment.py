"""A Python environment that has all this one has but its plugins: they must stand alone."""

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

UV = Path(sys.executable).with_name("uv")
_FOREIGN = ("PYTHON", "PYTEST", "REFUND_GQL", "VIRTUAL_ENV", "COV")
"""Variables that begin so belong to the session that asks, not to the environment."""


@dataclass(frozen=True)
class Environment:
    """One environment; nothing is downloaded for it."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return Path(sysconfig.get_path("scripts", "venv", {"base": str(self.folder)}), "python")

    def run(
        self, *words: str | Path, cwd: Path, **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run its Python with these arguments."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        return subprocess.run(
            [self.python, *words],
            cwd=cwd,
            env={**kept, **variables},
            capture_output=True,
            text=True,
            timeout=120,
        )

    def install(self, package: Path) -> None:
        """Install a package as its author does, editable and offline."""
        words = ["pip", "install", "--offline", "--no-deps", "--no-build-isolation", "-q"]
        done = subprocess.run(
            [UV, *words, "--python", self.python, "-e", package],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr


def make(folder: Path) -> Environment:
    """An environment with everything installed here but plugins."""
    venv.create(folder, with_pip=False)
    made = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    hidden = _plugin_files() | {"__pycache__"}
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if entry.name not in hidden:
            (made / entry.name).symlink_to(entry)
    return Environment(folder)


def _plugin_files() -> set[str]:
    """What the installed plugins put into site-packages."""
    plugins = [entry.dist for entry in entry_points(group="refund_gql") if entry.dist]
    return {file.parts[0] for plugin in plugins for file in plugin.files or ()}
