"""The definition of a table, as applications see it."""

from __future__ import annotations

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
