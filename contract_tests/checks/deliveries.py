"""What a subscriber is promised of the messages of each publisher on each topic: order, none twice, none lost in silence.

One function a promise; each returns what breaks it, and nothing where it is kept.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from dfbackends import Loss, Reason


class Heard(NamedTuple):
    """A message: a publisher numbers those that it sends to a topic."""

    topic: str
    publisher: Hashable
    number: int


Told = Heard | Loss
"""What a subscriber is told, in the order in which he is told it."""


class Missing(NamedTuple):
    """A message that did not come, and the two that came in its place; None where it would have been the first."""

    message: Heard
    before: Heard | None
    behind: Heard


def told(events: Iterable[tuple[str, Any]], numbered: Callable[[Any], tuple[Hashable, int]]) -> list[Told]:
    """Return what an inbox has kept, whose data ``numbered`` makes into publisher and number."""
    return [Heard(event[0], *numbered(event[1])) if kind == "message" else event for kind, event in events]


def disordered(events: Iterable[Told]) -> list[tuple[Heard, Heard]]:
    """Return each message that came for the first time behind a later one of its publisher on its topic, with that one."""
    latest: dict[tuple[str, Hashable], Heard] = {}
    seen: set[Heard] = set()
    found = []
    for event in events:
        if isinstance(event, Heard) and event not in seen:
            seen.add(event)
            before = latest.setdefault(event[:2], event)
            if before.number > event.number:
                found.append((before, event))
            else:
                latest[event[:2]] = event
    return found


def repeated(events: Iterable[Told]) -> list[Heard]:
    """Return each message that had come before, as often as it came again."""
    times = Counter(event for event in events if isinstance(event, Heard))
    return list((times - Counter(times.keys())).elements())


def unreported(events: Sequence[Told], sent: Iterable[Heard]) -> list[Missing]:
    """Return what was sent and is missing though its topic was told no loss between the two that came in its place.

    What is behind the last one that came can not be judged: it may be on its way. That a line was DOWN is no loss any more
    where it RESUMED.
    """
    came = {event for event in events if isinstance(event, Heard)}
    absent: defaultdict[tuple[str, Hashable], list[Heard]] = defaultdict(list)
    for message in sorted(set(sent) - came, key=lambda one: one.number, reverse=True):
        absent[message[:2]].append(message)
    # By topic, all that was told; and how much of it was when a message of a publisher came last.
    reasons: defaultdict[str, list[Reason]] = defaultdict(list)
    last: dict[tuple[str, Hashable], tuple[Heard, int]] = {}
    found: list[Missing] = []
    for event in events:
        if isinstance(event, Loss):
            reasons[event.topic].append(event.reason)
            continue
        before, known = last.get(event[:2], (None, 0))
        missing = absent[event[:2]]
        while missing and missing[-1].number < event.number:
            message = missing.pop()
            if not _lossy(reasons[event.topic][known:]):
                found.append(Missing(message, before, event))
        last[event[:2]] = event, len(reasons[event.topic])
    return found


def _lossy(reasons: Iterable[Reason]) -> bool:
    """Tell whether something was lost, as far as these say."""
    lost, down = False, False
    for reason in reasons:
        if reason in (Reason.DOWN, Reason.RESUMED):
            down = reason is Reason.DOWN
        else:
            lost = True
    return lost or down
