"""A line of changes on which some are told in another way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dfbackends.api import Alive, Change, Confirmed, Denied, Feed, Position, Stream

Event = Change | Confirmed[Stream] | Denied[Stream] | Alive


def _same(stream: Stream) -> Stream:
    return stream


class TurnedFeed(Feed[Stream, Change]):
    """Hands on to another one what ``asked`` makes of streams, and from there what ``told`` makes of events."""

    def __init__(
        self, feed: Feed[Stream, Change], told: Callable[[Event], Event], asked: Callable[[Stream], Stream] = _same
    ) -> None:
        self._feed = feed
        self._told = told
        self._asked = asked

    @property
    def position(self) -> Position | None:
        return self._feed.position

    def subscribe(self, topics: Sequence[Stream]) -> None:
        self._feed.subscribe([self._asked(topic) for topic in topics])

    def unsubscribe(self, topics: Sequence[Stream]) -> None:
        self._feed.unsubscribe([self._asked(topic) for topic in topics])

    def receive(self, timeout: float) -> Sequence[Event]:
        return [self._told(item) for item in self._feed.receive(timeout)]

    def probe(self) -> bool:
        return self._feed.probe()

    def close(self) -> None:
        self._feed.close()
