"""Wheels of the distributions in this repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


def built(sources: list[Path], folder: Path) -> list[Path]:
    """Build a wheel of each folder of sources, with what is installed, and return them."""
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    subprocess.run([*PIP, "wheel", *options, *map(str, sources)], check=True, timeout=100)
    return sorted(folder.glob("*.whl"))
