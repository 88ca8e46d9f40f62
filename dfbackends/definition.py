"""The definition of a table, as applications see it."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class TableDefinition(NamedTuple):
    """What ``create_table`` said of a table, or its first write: the JSON Schema of its values, and where it lives.

    A table that was ``dropped`` has no schema any more, but keeps its place.
    """

    name: str
    schema: dict[str, Any] | None
    partition: str
    buckets: int
    dropped: bool = False


def canonical(schema: dict[str, Any] | None) -> str:
    """Return what is the same for the same schemas; in Python 1 equals True, which in a schema is another value."""
    return json.dumps(schema, sort_keys=True)
