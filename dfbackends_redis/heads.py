"""The heads of streams, as the store has them."""

from __future__ import annotations

from collections.abc import Sequence

from dfbackends.api import Head, Stream, Table
from dfbackends_redis.names import change_channel
from dfbackends_redis.place import places
from dfbackends_redis.requests import Call, Requests

Heads = dict[str, str]
"""The head of a stream in each bucket, by its label; an empty text where nothing of it has changed there."""


def head_of(table: Table, heads: Heads) -> Head:
    """Return the head of a stream of a table."""
    return heads if table.buckets > 1 else heads[""]


def heads(requests: Requests, streams: Sequence[Stream]) -> list[Heads | Exception]:
    """Return the heads of each stream, or the reason why they could not be had."""
    wanted: dict[str, list[tuple[int, str, str]]] = {}
    slots: dict[str, int] = {}
    found: list[Heads | Exception] = [{} for _ in streams]
    for number, (table, topic) in enumerate(streams):
        channel = change_channel(table.name, topic)
        for place in places(table):
            slots[place.heads] = place.slot
            wanted.setdefault(place.heads, []).append((number, place.label, channel))
    calls = [Call(slots[key], ("HMGET", key, *(channel for _, _, channel in items))) for key, items in wanted.items()]
    for items, answer in zip(wanted.values(), requests.answers(calls), strict=True):
        if isinstance(answer, Exception):
            for number, _, _ in items:
                found[number] = answer
            continue
        for (number, label, _), head in zip(items, answer, strict=True):
            known = found[number]
            if isinstance(known, dict):
                known[label] = (head or b"").decode()
    return found
