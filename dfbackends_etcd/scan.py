"""Listing, in pages that cost the server a moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc

from dfbackends.api import Record
from dfbackends_etcd.errors import is_compacted
from dfbackends_etcd.layout import end, split, table_prefix, topic_prefix
from dfbackends_etcd.members import Members
from dfbackends_etcd.names import unescaped
from dfbackends_etcd.stubs import rpc

Entry = tuple[str, Record]

# How large entries are is not known before the first page.
_FIRST, _GROWTH, _MOST = 64, 8, 4096
_BYTES = 2 << 20


def table(members: Members, name: str) -> Iterator[list[Entry]]:
    """Yield the entries of a table in pages, as they were together at one revision, if that is kept so long."""
    prefix, new = table_prefix(name), tuple.__new__
    size = len(prefix)
    for kvs in _pages(members, prefix):
        page = []
        # Each line of it is a tenth of the time of a listing.
        for kv in kvs:
            key = kv.key
            if b"%" in key:
                entry, topic = split(key, prefix)
            else:
                entry, _, topic = key[size:].decode().partition("/")
            page.append((entry, new(Record, (kv.value, kv.mod_revision, topic))))
        yield page


def topic(members: Members, table: str, topic: str) -> Iterator[list[Entry]]:
    """Yield the entries of a topic in a table likewise."""
    prefix = topic_prefix(table, topic)
    size = len(prefix)
    for kvs in _pages(members, prefix):
        yield [(unescaped(kv.key[size:]), Record(kv.value, kv.mod_revision, topic)) for kv in kvs]


def _pages(members: Members, prefix: bytes) -> Iterator[Any]:
    """Yield what is below a prefix, in the order of the keys.

    Where the revision is compacted in the meantime it goes on behind the last name, with what is there now.
    """
    after, revision, limit = prefix + b"\0", 0, _FIRST
    while True:
        request = rpc.RangeRequest(key=after, range_end=end(prefix), limit=limit, revision=revision)
        try:
            answer = members.answer("range", request)
        except grpc.RpcError as error:
            if revision and is_compacted(error):
                # Another topic may be what the last name has now.
                name, slash, _ = after[len(prefix) :].partition(b"/")
                after = prefix + name + (b"0" if slash else b"")
                revision = 0
                continue
            raise
        kvs = answer.kvs
        if kvs:
            yield kvs
        if not answer.more:
            return
        revision = revision or answer.header.revision
        after = kvs[-1].key + b"\0"
        limit = max(1, min(_MOST, _GROWTH * limit, _BYTES * len(kvs) // max(answer.ByteSize(), 1)))
