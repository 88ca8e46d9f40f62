"""A data plane that is a directory: a file for each flow, and one named STALE while nobody vouches for them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

_SUFFIX = ".flow"


class Flow(NamedTuple):
    """What is done with the packets to one port."""

    match: str
    action: str


class DataPlane:
    """Outlives its agent, as a switch does, and goes on forwarding. Each call may be repeated, and may be killed at any moment.

    :raises OSError: the directory can not be used
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._stale = folder / "STALE"

    def put(self, name: str, flow: Flow) -> None:
        """Add a flow, or replace the one of that name."""
        path = self._path(name)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(flow._asdict()))
        os.replace(fresh, path)

    def remove(self, name: str) -> None:
        """Remove a flow, if it is there."""
        self._path(name).unlink(missing_ok=True)

    def flows(self) -> dict[str, Flow]:
        """Return what is forwarded now."""
        paths = sorted(self._folder.glob(f"*{_SUFFIX}"))
        return {unquote(path.name.removesuffix(_SUFFIX)): Flow(**json.loads(path.read_text())) for path in paths}

    def doubt(self, reason: str) -> None:
        """Mark the flows as stale."""
        self._stale.write_text(f"{reason}\n")

    def trust(self) -> None:
        """Mark the flows as current."""
        self._stale.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / (quote(name, safe="") + _SUFFIX)
