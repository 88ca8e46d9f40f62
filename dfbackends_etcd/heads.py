"""The heads of streams, as the store has them or had them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from dfbackends.api import Stream
from dfbackends_etcd.layout import head, stream_prefix
from dfbackends_etcd.members import Members
from dfbackends_etcd.stubs import rpc

_AT_ONCE = 32


class Head(NamedTuple):
    """What identifies the last change of a stream, and how many there were in all."""

    token: str
    puts: int


NONE = Head("", 0)
"""That of a stream in which nothing ever changed."""


def heads(members: Members, streams: Sequence[Stream], revisions: Sequence[int] = ()) -> list[Head]:
    """Return the heads of streams, now or as they were at a revision each; errors as for ``Members.answer``."""
    found = []
    ranges = [
        rpc.RangeRequest(key=stream_prefix(stream), revision=revision)
        for stream, revision in zip(streams, revisions or [0] * len(streams), strict=True)
    ]
    requests = [
        rpc.TxnRequest(success=[rpc.RequestOp(request_range=one) for one in ranges[first : first + _AT_ONCE]])
        for first in range(0, len(ranges), _AT_ONCE)
    ]
    for answer in members.answers("txn", requests):
        if isinstance(answer, Exception):
            raise answer
        found += [_head(response.response_range.kvs) for response in answer.responses]
    return found


def _head(kvs: Sequence[Any]) -> Head:
    return Head(head(kvs[0]), kvs[0].version) if kvs else NONE
