"""The heads of streams, as the store has them."""

from __future__ import annotations

from collections.abc import Sequence

from dfbackends.api import Stream
from dfbackends_redis.chain import Chain
from dfbackends_redis.names import change_channel
from dfbackends_redis.place import places
from dfbackends_redis.requests import Call, Requests


def heads(requests: Requests, streams: Sequence[Stream]) -> list[Chain | Exception]:
    """Return a chain for each stream, or the reason why it could not be had."""
    wanted: dict[str, list[tuple[int, bytes, str]]] = {}
    slots: dict[str, int] = {}
    chains: list[Chain | Exception] = [Chain(plain=stream.table.buckets == 1) for stream in streams]
    for number, (table, topic) in enumerate(streams):
        channel = change_channel(table.name, topic)
        for place in places(table):
            slots[place.heads] = place.slot
            wanted.setdefault(place.heads, []).append((number, place.label.encode(), channel))
    calls = [Call(slots[key], ("HMGET", key, *(channel for _, _, channel in items))) for key, items in wanted.items()]
    for items, answer in zip(wanted.values(), requests.answers(calls), strict=True):
        if isinstance(answer, Exception):
            for number, _, _ in items:
                chains[number] = answer
            continue
        for (number, label, _), head in zip(items, answer, strict=True):
            chain = chains[number]
            if isinstance(chain, Chain):
                chain[label] = head or b""
    return chains
