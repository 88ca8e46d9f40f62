"""Check what a subscriber got against what was published: nothing is missing without a loss between its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

from dfbackends.loss import Loss, Reason

EXPLAINS = {Reason.GAP, Reason.OVERFLOW, Reason.RECOVERED}
"""Notices after which messages may be missing. DOWN announces one of the others, or RESUMED."""


class Fate(Enum):
    """What its publisher knows of a message."""

    SENT = "sent"
    UNKNOWN = "unknown"
    NOT_SENT = "not sent"


class Sent(NamedTuple):
    """A call of publish that began after the subscription was confirmed."""

    publisher: str
    number: int
    fate: Fate = Fate.SENT


def complaints(sent: Sequence[Sent], history: Sequence[tuple[str, int] | Loss]) -> list[str]:
    """Return what is wrong with a history of (publisher, number) and notices.

    ``sent`` are the calls of each publisher in the order of their numbers. The end of the history counts as a neighbour, so
    that it must be taken after the last message or heartbeat of each publisher has come.
    """
    found = _doubts(sent, history)
    for publisher in dict.fromkeys(call.publisher for call in sent):
        found += _unexplained([call for call in sent if call.publisher == publisher], history)
    return found


def _doubts(sent: Sequence[Sent], history: Sequence[tuple[str, int] | Loss]) -> list[str]:
    """Return what came though it should not, twice, or in the wrong order."""
    found = []
    allowed = {(call.publisher, call.number) for call in sent if call.fate is not Fate.NOT_SENT}
    latest: dict[str, int] = {}
    for item in history:
        if isinstance(item, Loss):
            continue
        publisher, number = item
        if item not in allowed:
            found.append(f"{publisher} did not send {number}")
        if number <= latest.get(publisher, -1):
            found.append(f"{publisher}: {number} came after {latest[publisher]}")
        latest[publisher] = number
    return found


def _unexplained(calls: Sequence[Sent], history: Sequence[tuple[str, int] | Loss]) -> list[str]:
    """Return the messages of one publisher that are missing without a notice between their neighbours."""
    numbers = [call.number for call in calls]
    places: list[int] = [-1]
    explained = [False]
    for item in history:
        if isinstance(item, Loss):
            explained[-1] = explained[-1] or item.reason in EXPLAINS
        elif item[0] == calls[0].publisher and item[1] in numbers:
            places.append(numbers.index(item[1]))
            explained.append(False)
    places.append(len(calls))
    return [
        f"{call.publisher}: {call.number} is missing"
        for (before, after), told in zip(pairwise(places), explained, strict=True)
        for call in calls[before + 1 : after]
        if call.fate is Fate.SENT and not told
    ]
