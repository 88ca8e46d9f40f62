"""Listing, in pages that cost the server a moment."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Any

from dfbackends.api import Record
from dfbackends_etcd.errors import CallFailed, HandleClosed, NotConnected, is_compacted
from dfbackends_etcd.layout import end, split, table_prefix, topic_prefix
from dfbackends_etcd.members import Begun, Members
from dfbackends_etcd.names import unescaped
from dfbackends_etcd.stubs import rpc

Entry = tuple[str, Record]

_COLUMNS = attrgetter("key", "value", "mod_revision")

# How large entries are is not known before the first page.
_FIRST, _GROWTH, _MOST = 64, 64, 4096
_BYTES = 2 << 20
_SAMPLE = 64


def table(members: Members, name: str) -> Iterator[list[Entry]]:
    """Yield the entries of a table in pages, as they were together at one revision, if that is kept so long."""
    prefix, new = table_prefix(name), tuple.__new__
    size = len(prefix)
    for kvs in _pages(members, prefix):
        page = []
        # Each line of it is a tenth of the time of a listing.
        for key, value, revision in map(_COLUMNS, kvs):
            if b"%" in key:
                entry, topic = split(key, prefix)
            else:
                entry, _, topic = key[size:].decode().partition("/")
            page.append((entry, new(Record, (value, revision, topic))))
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
    asked = _asked(members, prefix, after, revision, limit)
    try:
        while True:
            [answer] = asked.answers()
            if isinstance(answer, Exception):
                if not (revision and is_compacted(answer)):
                    raise answer
                # Another topic may be what the last name has now.
                name, slash, _ = after[len(prefix) :].partition(b"/")
                after, revision = prefix + name + (b"0" if slash else b""), 0
                asked = _asked(members, prefix, after, revision, limit)
                continue
            kvs = answer.kvs
            if answer.more:
                # The member is at the next page while this one is taken in.
                revision = revision or answer.header.revision
                after = kvs[-1].key + b"\0"
                limit = max(1, min(_MOST, _GROWTH * limit, _BYTES // _bytes_each(kvs)))
                failure = None
                try:
                    asked = _asked(members, prefix, after, revision, limit)
                except (CallFailed, HandleClosed, NotConnected) as error:
                    # It is raised behind what has come.
                    failure = error
            if kvs:
                yield kvs
            if not answer.more:
                return
            if failure is not None:
                raise failure
    finally:
        asked.drop()


def _asked(members: Members, prefix: bytes, after: bytes, revision: int, limit: int) -> Begun:
    return members.begin("range", [rpc.RangeRequest(key=after, range_end=end(prefix), limit=limit, revision=revision)])


def _bytes_each(kvs: Any) -> int:
    """Return how large entries are, by some of them: to look at all takes longer than to read them."""
    sample = kvs[:: -(-len(kvs) // _SAMPLE)]
    return max(1, sum(len(kv.key) + len(kv.value) for kv in sample) // len(sample))
