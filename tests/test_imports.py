"""Imports point one way; the rules stand in pyproject.toml."""

import subprocess
import sys
from pathlib import Path


def test_the_layers_hold() -> None:
    lint = Path(sys.executable).parent / "lint-imports"
    root = Path(__file__).parent.parent
    result = subprocess.run([lint, "--no-cache"], cwd=root, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout
