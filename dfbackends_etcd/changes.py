"""The changes of tables, as they arrive.

All that one transaction does to a stream comes together: first the head, then the entries. A head counts how often it was
put, and is never removed: so a change shows whether one is missing before it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from dfbackends.api import Change, Record, Stream
from dfbackends_etcd.feed import EtcdFeed, Events
from dfbackends_etcd.heads import Head, heads
from dfbackends_etcd.layout import destinations, end, head, split, stream_prefix
from dfbackends_etcd.names import unescaped
from dfbackends_etcd.stubs import kv as entries
from dfbackends_etcd.watches import Watched

LOG = logging.getLogger(__name__)

_PUT = entries.Event.PUT
_TOGETHER = 1.0
"""Seconds for which what leaves a topic waits for where it goes; only a member in trouble takes as long to tell of both."""


class ChangeFeed(EtcdFeed[Stream, Change]):
    """The changes of streams on one line. The heads tell what came before a confirmation."""

    def _receive(self, timeout: float, events: Events[Change, Stream]) -> None:
        self._gone: list[tuple[Stream, int]] = []
        super()._receive(timeout, events)
        until = time.monotonic() + _TOGETHER
        while self._failure is None and self._is_on_its_way() and (remaining := until - time.monotonic()) > 0:
            super()._receive(remaining, events)
        changes = [event for event in events if isinstance(event, Change)]
        if len({change.stream for change in changes}) > 1 and len(changes) == len(events):
            # What enters comes before what leaves, so that an entry that moves is never missing.
            events.sort(key=_order)

    def _is_on_its_way(self) -> bool:
        """Tell whether an entry has left a topic for another one that is watched, and has not been told to be there yet."""
        return any(self._watches.is_behind(stream, revision) for stream, revision in self._gone)

    def _range(self, topic: Stream) -> tuple[bytes, bytes]:
        prefix = stream_prefix(topic)
        return prefix, end(prefix)

    def _enter_all(self, topics: Sequence[tuple[Stream, int]]) -> None:
        streams, revisions = [topic for topic, _ in topics], [revision for _, revision in topics]
        found = heads(self._members, streams, revisions) if topics else []
        self._heads: dict[tuple[Stream, int], Head] = dict(zip(topics, found, strict=True))

    def _enter(self, watch: Watched[Stream]) -> None:
        watch.head, watch.count = self._heads[watch.topic, watch.at]

    def _heard(self, watch: Watched[Stream], found: Sequence[Any], events: Events[Change, Stream]) -> Any:
        for revision, group in groupby(found, key=lambda event: event.kv.mod_revision):
            first, *rest = group
            if first.kv.key != watch.key:
                LOG.warning("something that is no change was put into table %r", watch.topic.table.name)
                continue
            prev = watch.head if first.kv.version == watch.count + 1 else f"{watch.head}+"
            told = list(_entries(watch, rest))
            self._gone += [(Stream(watch.topic.table, topic), revision) for topic in destinations(first.kv)]
            watch.head, watch.count = head(first.kv), first.kv.version
            for number, (name, record) in enumerate(told, 1):
                after = watch.head if number == len(told) else f"{watch.head}/{number}"
                events.append(Change(watch.topic, name, record, revision, prev, after))
                prev = after
        # The heads that are read when a line goes on know the store well enough.
        return None


def _entries(watch: Watched[Stream], found: Sequence[Any]) -> Iterator[tuple[str, Record | None]]:
    """Yield what became of entries, those that are there first."""
    topic, size = watch.topic.topic, len(watch.key)
    there = set()
    left = []
    for event in found:
        kv = event.kv
        name, place = split(kv.key, watch.key) if topic is None else (unescaped(kv.key[size:]), topic)
        if event.type == _PUT:
            there.add(name)
            yield name, Record(kv.value, kv.mod_revision, place)
        else:
            left.append(name)
    for name in left:
        # In a table an entry that moves leaves one topic for another.
        if name not in there:
            yield name, None


def _order(change: Any) -> tuple[int, bool]:
    return change.revision, change.record is None
