"""Distributions beside ours, as somebody else would install them, for the processes of a test."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]

POOR = """
from dfbackends.api import Driver
from tests.drivers.poor import PoorDb, PoorStore
db = Driver(provides=PoorDb, open=lambda settings, deadline: PoorDb(PoorStore()), address=lambda address: {})
"""
"""A store without transactions and changes, new for each that opens it."""

SLOW = (
    POOR
    + """
import dataclasses

class Slow(PoorDb):
    failover = 15.0

db = dataclasses.replace(db, provides=Slow, open=lambda settings, deadline: Slow(PoorStore()))
"""
)
"""One whose servers take 15 s to be replaced."""


def plugged(folder: Path, distribution: str, module: str, code: str, **points: str) -> dict[str, str]:
    """Return the environment of a process in which a distribution with one module is installed in the folder."""
    info = folder / f"{distribution}-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n")
    groups = [f"[dfbackends.{group}]\n{targets}\n" for group, targets in points.items()]
    (info / "entry_points.txt").write_text("".join(groups))
    (folder / f"{module}.py").write_text(code)
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)}
