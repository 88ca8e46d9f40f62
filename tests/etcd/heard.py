"""What a line has told, and how a test looks at it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from dfbackends.api import Alive, Change, Feed, Position
from dfbackends_etcd.testing import EtcdServer

SILENT = 3.0
"""Seconds within which the core gives up a line: it probes one that was silent for a second, and waits for two more."""


def data(events: list[Any]) -> list[bytes]:
    return [event.data for event in events]


def told_of(change: Change) -> tuple[str, bytes | None, str | None]:
    record = change.record
    return (change.name, record.value, record.topic) if record is not None else (change.name, None, None)


def chained(events: list[Any], head: str) -> bool:
    """Return whether each event begins where the one before ended."""
    for event in events:
        if event.prev != head:
            return False
        head = event.head
    return True


def proven(feed: Feed[Any, Any], seconds: float) -> bool:
    """Return whether a probe is answered in time."""
    feed.probe()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if Alive() in feed.receive(0.05):
            return True
    return False


@contextmanager
def frozen(*nodes: EtcdServer) -> Iterator[None]:
    """Freeze members; all their threads stand still when this begins."""
    with ExitStack() as frozen:
        for node in nodes:
            assert node.pid is not None
            frozen.enter_context(node.freezing())
            os.waitid(os.P_PID, node.pid, os.WSTOPPED | os.WNOWAIT)
        yield


def position_of(feed: Feed[Any, Any]) -> Position:
    position = feed.position
    assert position is not None
    return position
