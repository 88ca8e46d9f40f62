"""Where entries live: the keys of a bucket, all of which are in one slot."""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import NamedTuple

from redis.crc import key_slot

from dfbackends.api import Table
from dfbackends_redis.names import change_channel, encoded


class Place(NamedTuple):
    """One table in one bucket of its partition. ``label`` tells the bucket from the others of the table."""

    slot: int
    tag: str
    label: str
    records: str
    topics: str
    heads: str
    channel: str

    def outcome(self, op: str) -> str:
        """Return the key of what an operation did here."""
        return f"dfb:{self.tag}o:{op}"


@lru_cache(maxsize=16_384)
def place(table: Table, bucket: int = 0) -> Place:
    """Return a bucket of a table."""
    name, partition, buckets = table
    label = str(bucket) if buckets > 1 else ""
    # Never empty, since Redis takes an empty tag for none.
    tag = f"{{{encoded(partition)}:{label}}}"
    end = encoded(name)
    return Place(
        slot=slot(tag),
        tag=tag,
        label=label,
        records=f"dfb:{tag}r:{end}",
        topics=f"dfb:{tag}t:{end}",
        heads=f"dfb:{tag}h",
        channel=change_channel(name, None),
    )


def place_of(table: Table, name: str) -> Place:
    """Return where an entry lives. How names are spread must never change."""
    buckets = table.buckets
    return place(table) if buckets == 1 else place(table, zlib.crc32(name.encode()) % buckets)


def places(table: Table) -> list[Place]:
    """Return all buckets of a table."""
    return [place(table, bucket) for bucket in range(table.buckets)]


def slot(key: str) -> int:
    """Return the slot of a key in a cluster."""
    return int(key_slot(key.encode()))
