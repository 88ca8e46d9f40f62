"""Calls of one member, as the services of etcd3 make them: they want no more of a channel of gRPC than this."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.message import DecodeError

from dfbackends_etcd.access import Access, Address, Metadata
from dfbackends_etcd.errors import CallFailed, LineLost, NotConnected, Status
from dfbackends_etcd.lines import Lines
from dfbackends_etcd.wire import End, Wire


class Channel:
    """Connects when it is called."""

    def __init__(self, address: Address, access: Access) -> None:
        self._lines = Lines(address, access)

    def unary_unary(
        self, path: str, request_serializer: Callable[[Any], bytes], response_deserializer: Callable[[bytes], Any]
    ) -> Call:
        """Return a call with one request and one answer; requests serialize themselves."""
        return Call(self._lines, path, response_deserializer)

    def unary_stream(self, path: str, **_: Any) -> None:
        """Return nothing: such calls are not used."""

    def stream_stream(self, path: str, **_: Any) -> None:
        """Return nothing: watches have lines of their own."""

    def rest(self) -> None:
        """Close the lines that are idle; what is under way goes on."""
        self._lines.rest()

    def close(self) -> None:
        """Close the lines, and wake who waits for an answer. Twice is harmless."""
        self._lines.close()


class Call:
    """One of the calls that a member answers."""

    def __init__(self, lines: Lines, path: str, parse: Callable[[bytes], Any]) -> None:
        self._lines = lines
        self._path = path
        self._parse = parse

    def __call__(self, request: Any, *, timeout: float, metadata: Metadata = ()) -> Any:
        """Return the answer.

        :raises NotConnected: nothing was sent
        :raises HandleClosed: the channel was closed before; nothing was sent
        :raises CallFailed: the answer is an error, or there is none after so many seconds
        """
        until = time.monotonic() + timeout
        [answer] = self.begin((request,), until, metadata).answers(until)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def begin(self, requests: Sequence[Any], until: float, metadata: Metadata = ()) -> Asked:
        """Send requests that are under way together, and return what will know their answers.

        :raises NotConnected: there was no line until then (time.monotonic); nothing was sent
        :raises HandleClosed: the channel was closed before; nothing was sent
        """
        wire = self._lines.take(until)
        if time.monotonic() >= until:
            self._lines.give(wire)
            raise NotConnected("the time was over before there was a line")
        asked = Asked(self._lines, wire, self._parse)
        try:
            asked.send(self._path, metadata, requests, until)
        except BaseException:
            asked.drop()
            raise
        return asked


class Asked:
    """Requests that were sent on one line, which is theirs until all are answered."""

    def __init__(self, lines: Lines, wire: Wire, parse: Callable[[bytes], Any]) -> None:
        self._lines = lines
        self._wire = wire
        self._parse = parse
        self._answers: list[Any] = []
        # Requests that are not sent yet, since the member takes no more at once; and those that wait for an answer.
        self._unsent: deque[int] = deque()
        self._waiting: dict[int, int] = {}
        self._failure: CallFailed | None = None
        self._done = False

    def send(self, path: str, metadata: Metadata, requests: Sequence[Any], until: float) -> None:
        """Send requests, once; some of them later, where the member takes no more."""
        self._path, self._metadata, self._requests = path, metadata, requests
        self._answers = [None] * len(requests)
        self._unsent.extend(range(len(requests)))
        self._send(until)

    def _send(self, until: float) -> None:
        try:
            while self._unsent and len(self._waiting) < self._wire.most and self._failure is None:
                number = self._unsent.popleft()
                stream = self._wire.open(self._path, self._metadata)
                self._waiting[stream] = number
                self._wire.send(stream, (self._requests[number],), last=True, until=until)
        except LineLost as error:
            self._failure = _unanswered(error)

    def answers(self, until: float) -> list[Any]:
        """Return the answers, CallFailed in the place of each that is an error, or did not come until then; once."""
        try:
            while self._waiting and self._failure is None:
                self._receive(until - time.monotonic())
                self._send(until)
        except BaseException:
            self.drop()
            raise
        if self._failure is None:
            self._done = True
            self._lines.give(self._wire)
            return self._answers
        self.drop()
        missing = {*self._waiting.values(), *self._unsent}
        return [self._failure if number in missing or answer is None else answer for number, answer in enumerate(self._answers)]

    def drop(self) -> None:
        """Wait for no more answers: where some are missing, that closes the line."""
        if not self._done:
            self._done = True
            self._lines.drop(self._wire)

    def _receive(self, remaining: float) -> None:
        try:
            parts = self._wire.receive(max(0.0, remaining))
        except LineLost as error:
            self._failure = _unanswered(error)
            return
        if not parts and remaining <= 0:
            self._failure = CallFailed(Status.DEADLINE_EXCEEDED, "no answer in time")
        for part in parts:
            if isinstance(part, End):
                number = self._waiting.pop(part.stream)
                if part.status:
                    self._answers[number] = CallFailed(part.status, part.text)
                elif self._answers[number] is None:
                    self._failure = CallFailed(Status.INTERNAL, "an answer without a message")
            else:
                self._take(self._waiting[part.stream], part.data)

    def _take(self, number: int, data: bytes) -> None:
        try:
            self._answers[number] = self._parse(data)
        except DecodeError:
            self._failure = CallFailed(Status.INTERNAL, "an answer that is no message of etcd")


def _unanswered(error: LineLost) -> CallFailed:
    failure = CallFailed(Status.UNAVAILABLE, str(error))
    failure.__cause__ = error
    return failure
