"""Which distribution a backend comes from."""

from __future__ import annotations

from importlib import metadata
from typing import NamedTuple

from dfbackends.loader import DB


class Origin(NamedTuple):
    """A distribution and its version."""

    name: str
    version: str


def origin(backend: str) -> Origin:
    """Return the distribution that has registered a backend; its own name where none has."""
    for point in metadata.entry_points(group=DB, name=backend):
        if point.dist is not None:
            return Origin(point.dist.name, point.dist.version)
    return Origin(backend, "not installed")
