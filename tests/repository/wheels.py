"""Wheels of the distributions in this repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


def built(sources: list[Path], folder: Path) -> list[Path]:
    """Build a wheel of each folder of sources, from what is installed, and return them."""
    command = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder, *sources]
    subprocess.run(command, check=True, timeout=100)
    return sorted(folder.glob("*.whl"))
