"""`refund-gql new-plugin`: a plugin that works, and what the conformance kit says about it."""

import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from refund_gql import scaffold
from refund_gql.providers import ProviderKind

_KIT = ("pytest", "pytest_asyncio")
_NO_CACHE = ("-p", "no:cacheprovider")
_HEADING = "refund-gql conformance"


def new_plugin(
    kind: ProviderKind,
    name: str,
    *,
    folder: Path = Path(),
    check: Annotated[bool, Parameter(name="--check", negative="--no-check")] = True,
) -> int:
    """Write a plugin that works against a made-up provider, and run the conformance kit on it.

    Nothing is installed. Ends with 2 when nothing was written, with 1 when the kit found fault.

    Parameters
    ----------
    kind
        What it connects: a gateway, a courier, a crm or a notifier.
    name
        The provider's name: lower-case letters, digits and dashes.
    folder
        Where to put the folder of the package.
    check
        Run the conformance kit on what was written.
    """
    try:
        target = scaffold.write(kind, name, folder)
    except FileExistsError as error:
        sys.stderr.write(f"{error.filename} exists already: choose another name or folder\n")
        return 2
    except (scaffold.InvalidName, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{target} is written.\n")
    green = _checked(target) if check else True
    sys.stdout.write(_next(target))
    return 0 if green else 1


def _checked(target: Path) -> bool:
    """Run the kit and say what it found; whether nothing was red."""
    if missing := [module for module in _KIT if find_spec(module) is None]:
        sys.stderr.write(
            f"The kit did not run, for want of {' and '.join(missing)}: "
            'pip install "refund-gql[testing]"\n'
        )
        return False
    run = _run(target)
    report = run.stdout.partition(_HEADING)[2].partition("\n")[2]
    # Without a report it is pytest that failed, and its own words say why.
    sys.stdout.write(_readable(report) if report else run.stdout + run.stderr)
    return run.returncode == 0


def _run(target: Path) -> "subprocess.CompletedProcess[str]":
    # Only the plugins that the kit needs: whatever else is installed has no say in this. No caches:
    # what is left behind is what was written.
    plugins = ["-p", "pytest_asyncio.plugin", "-p", "refund_gql.testing.plugin"]
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(  # noqa: S603 - this Python, on what was just written
        [sys.executable, "-m", "pytest", "-q", "--tb=short", "--color=no", *plugins, *_NO_CACHE],
        cwd=target,
        env={**os.environ, **alone},
        capture_output=True,
        text=True,
        check=False,
    )


def _readable(report: str) -> str:
    """The kit's report, with the page to read beside each rule that is red."""
    failed = r"^(  failed ([\w-]+): .*)$"
    return re.sub(failed, r"\1\n         read docs/conformance.md#\2", report, flags=re.MULTILINE)


def _next(target: Path) -> str:
    return f"""
Next:
  cd {shlex.quote(str(target))} && pip install -e .
  pytest
  refund-gql plugins
"""
