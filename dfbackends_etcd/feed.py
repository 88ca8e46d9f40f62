"""Lines on which messages and changes arrive: one stream of watches, each of which sees every change of its keys."""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Hashable, Sequence
from itertools import count
from typing import Any, ClassVar, TypeVar

from dfbackends.api import Alive, Change, Confirmed, Denied, Feed, Gone, Message, Position
from dfbackends_etcd.dial import PROOF, RANGE, dialled, is_answer
from dfbackends_etcd.errors import CallFailed, HandleClosed, LineLost, is_forbidden
from dfbackends_etcd.members import Members
from dfbackends_etcd.place import found
from dfbackends_etcd.store import store
from dfbackends_etcd.stubs import numbered, rpc
from dfbackends_etcd.watches import Asked, Number, Watched, Watches
from dfbackends_etcd.wire import End, Part

_WATCH = "/etcdserverpb.Watch/Watch"
_WITH_LEADER = ("hasleader", "true")
_CLOSE_WITHIN = 4.0

T = TypeVar("T", bound=Hashable)
M = TypeVar("M", bound=Message | Change)


Events = list[M | Confirmed[T] | Denied[T] | Alive]


class EtcdFeed(Feed[T, M]):
    """Watches on one stream. A second watch of a topic, which answers who asks for it once more, is given up at once.

    A probe is a read for which the member has to hear from most of the others: it proves that the member is with them, and not
    only that it is there.
    """

    filters: ClassVar[Sequence[int]] = ()

    def __init__(self, members: Members, after: Position | None) -> None:
        self._members = members
        self._base = found(members, after) if after is not None else None
        # Where topics begin that are asked for before the first receive.
        self._start = self._base
        self._store = store(members) if self._base is None else self._base.store
        # Guards the order of what is asked for, and the watches.
        self._lock = threading.Lock()
        self._watches: Watches[T] = Watches(self._store.revision if self._store is not None else 0)
        # Held by the one who uses the line: receive, or close at the end.
        self._in_use = threading.Lock()
        self._closed = False
        self._failure: Exception | None = None
        self._numbers = count(1)
        self._doubted = False
        self._wire, self._member, self._metadata = dialled(members)
        self._begin_stream()

    @property
    def position(self) -> Position | None:
        return self._watches.place(self._store, self._base).position if self._store is not None else None

    def subscribe(self, topics: Sequence[T]) -> None:
        with self._lock:
            self._watches.wanted.update(topics)
            start, asked = self._start, []
            for topic in topics:
                key, _ = self._range(topic)
                asked.append(Asked(topic, key, 0 if start is None else start.ahead.get(key.decode(), start.revision) + 1))
            self._ask(asked)

    def unsubscribe(self, topics: Sequence[T]) -> None:
        with self._lock:
            self._cancel([number for topic in topics if (number := self._watches.discard(topic)) is not None])

    def receive(self, timeout: float) -> Sequence[M | Confirmed[T] | Denied[T] | Alive]:
        until = time.monotonic() + timeout
        with self._in_use:
            with self._lock:
                self._start = None
            while True:
                if self._closed:
                    raise HandleClosed
                if self._failure is not None:
                    raise self._failure
                events: Events[M, T] = []
                self._receive(max(0.0, until - time.monotonic()), events)
                if events or time.monotonic() >= until:
                    return events

    def probe(self) -> bool:
        stream = self._wire.open(RANGE, self._metadata)
        self._wire.send(stream, [PROOF], last=True)
        self._doubted = True
        return True

    def close(self) -> None:
        if self._doubted and not self._closed:
            # Whoever comes next had better not begin with this one.
            self._members.leave(self._member)
        self._closed = True
        self._wire.end()
        if self._in_use.acquire(timeout=_CLOSE_WITHIN):
            try:
                self._wire.close()
            finally:
                self._in_use.release()

    def _receive(self, timeout: float, events: Events[M, T]) -> None:
        """Add what arrives, in its order; a failure is raised when what came before it was returned."""
        try:
            parts = self._wire.receive(timeout)
            answers = []
            for part in parts:
                waiting = self._watches.asked.get(part.stream)
                if waiting is None:
                    self._answered(part, events)
                elif isinstance(part, End):
                    raise LineLost(f"the member has ended the watches: {part.text}")
                else:
                    response = rpc.WatchResponse.FromString(part.data)
                    answers.append((part.stream, response, waiting.popleft() if response.created else None))
            self._enter_all(
                [
                    (asked.topic, asked.start - 1 if asked.start else response.header.revision)
                    for _, response, asked in answers
                    if asked is not None and not response.canceled
                ]
            )
            for stream, response, asked in answers:
                if asked is not None:
                    self._begin(stream, asked, response, events)
                else:
                    self._take(stream, response, events)
        except Exception as error:
            if not events:
                raise
            self._failure = error

    def _answered(self, part: Part | End, events: Events[M, T]) -> None:
        """Take in the answer to a probe."""
        if isinstance(part, Part):
            self._watches.see(rpc.RangeResponse.FromString(part.data).header.revision)
        elif not is_answer(part):
            return
        self._doubted = False
        events.append(Alive())

    def _take(self, stream: int, response: Any, events: Events[M, T]) -> None:
        watch = self._watches[Number(stream, response.watch_id)]
        if watch is None:
            # It was given up.
            return
        if response.canceled:
            if response.compact_revision:
                raise Gone("what came after this place is compacted")
            raise LineLost(f"the member has ended a watch: {response.cancel_reason}")
        if response.events:
            self._watches.last = self._heard(watch, response.events, events)
            watch.at = response.events[-1].kv.mod_revision
            self._watches.see(watch.at)
        else:
            watch.at = max(watch.at, response.header.revision)

    def _begin(self, stream: int, asked: Asked[T], response: Any, events: Events[M, T]) -> None:
        topic, key, start = asked
        if response.canceled:
            self._refused(stream, asked, response.cancel_reason, events)
            return
        number = Number(stream, response.watch_id)
        watch = Watched(topic, key, start - 1 if start else response.header.revision)
        self._enter(watch)
        with self._lock:
            known = self._watches.add(number, watch)
            if self._watches[number] is None:
                self._cancel([number])
        events.append(Confirmed(topic, (known or watch).head))

    def _refused(self, stream: int, asked: Asked[T], reason: str, events: Events[M, T]) -> None:
        """Tell that a topic is refused, or ask again: a member does not tell a missing right from a token that is too old."""
        key, range_end = self._range(asked.topic)
        try:
            self._members.answer("range", rpc.RangeRequest(key=key, range_end=range_end, limit=1, keys_only=True))
        except CallFailed as error:
            if not is_forbidden(error):
                raise
            events.append(Denied(asked.topic, error))
            return
        _, metadata = self._members.reach(time.monotonic() + self._members.timeout)
        with self._lock:
            if stream == self._stream:
                if metadata == self._metadata:
                    raise LineLost(f"the member refuses a watch: {reason}")
                self._metadata = metadata
                self._begin_stream()
            self._ask([asked])

    def _begin_stream(self) -> None:
        """Ask by another stream from now on, with the token that there is now."""
        self._stream = self._wire.open(_WATCH, (*self._metadata, _WITH_LEADER))
        self._watches.asked[self._stream] = deque()

    def _ask(self, asked: Sequence[Asked[T]]) -> None:
        """Ask for watches by numbers of ours: etcd 3.5 at first refused one by the number that it gives to another one,
        which then told nothing more.
        """
        self._watches.asked[self._stream].extend(asked)
        requests = []
        for topic, key, start in asked:
            create = rpc.WatchCreateRequest(
                key=key, range_end=self._range(topic)[1], start_revision=start, filters=self.filters, progress_notify=True
            )
            requests.append(rpc.WatchRequest(create_request=numbered(create, next(self._numbers))))
        self._wire.send(self._stream, requests)

    def _cancel(self, numbers: Sequence[Number]) -> None:
        for stream, watch in numbers:
            cancel = rpc.WatchCancelRequest(watch_id=watch)
            self._wire.send(stream, [rpc.WatchRequest(cancel_request=cancel)])

    @abstractmethod
    def _range(self, topic: T) -> tuple[bytes, bytes]:
        """Return the keys that tell of a topic: the first, and what comes behind the last where there are several."""

    def _enter_all(self, topics: Sequence[tuple[T, int]]) -> None:
        """Get ready for topics that begin behind a revision."""

    @abstractmethod
    def _enter(self, watch: Watched[T]) -> None:
        """Begin with a topic."""

    @abstractmethod
    def _heard(self, watch: Watched[T], found: Sequence[Any], events: Events[M, T]) -> Any:
        """Add what events of etcd tell; return a key that was put by one of them, by which the store will be known."""
