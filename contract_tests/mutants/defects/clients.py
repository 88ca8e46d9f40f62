"""Clients of a server that stands still, is killed, or is followed by another one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from contract_tests.mutants.registry import Base, mutant
from contract_tests.mutants.remote.client import Client, Connection, LineLost, NoAnswer, NotConnected
from contract_tests.mutants.remote.db import RemoteDb, RemotePubSub
from contract_tests.mutants.remote.feed import RemoteFeed
from contract_tests.mutants.remote.frames import Buffer
from dfbackends.api import Alive, Change, Feed, Message, Position, Stream

_FULL = 65536


class Impatient(Buffer):
    """Takes what has come for all of it, unless it is as much as can come at once."""

    def feed(self, data: bytes) -> None:
        super().feed(data)
        self.short = len(data) < _FULL

    def next(self) -> Any:
        frame = super().next()
        if frame is None and self._bytes and getattr(self, "short", False):
            raise ConnectionError("half of a frame")
        return frame


@mutant(kills="test_calls_one_byte_at_a_time", base=Base.SERVED)
class AnswersComeInOnePiece(Connection):
    """An answer that comes in several pieces is taken for a broken one."""

    def ask(self, request: Any, until: float) -> Any:
        if request != ["hello"] and type(self.buffer) is Buffer:
            self.buffer = Impatient()
        return super().ask(request, until)


class _OnePiece(RemoteFeed[Any, Any]):
    def __init__(self, connection: Connection, verb: str, *given: Any) -> None:
        super().__init__(connection, verb, *given)
        if verb == self.verb:
            self._buffer = Impatient()

    verb = ""


@mutant(kills="test_messages_one_byte_at_a_time", base=Base.SERVED)
class MessagesComeInOnePiece(_OnePiece):
    """A message that comes in several pieces is taken for the end of the line."""

    verb = "listen"


@mutant(kills="test_changes_one_byte_at_a_time", base=Base.SERVED)
class ChangesComeInOnePiece(_OnePiece):
    """A change that comes in several pieces is taken for the end of the line."""

    verb = "watch"


@mutant(kills="test_a_server_that_stands_still_under_load", base=Base.SERVED)
class TimeOutsAreLong(Connection):
    """A client waits four seconds for each answer, whatever it was told."""

    def ask(self, request: Any, until: float) -> Any:
        return super().ask(request, until if request == ["hello"] else time.monotonic() + 4)


@mutant(kills="test_subscribers_of_a_server_that_stands_still", base=Base.SERVED)
class ProbesProveNothing(RemoteFeed[Any, Any]):
    """A line says that it is alive whenever it is asked, and asks nobody."""

    asked = False

    def probe(self) -> bool:
        self.asked = True
        return True

    def receive(self, timeout: float) -> Sequence[Any]:
        if self.asked:
            self.asked = False
            return [Alive()]
        return super().receive(timeout)


@mutant(kills="test_subscribers_of_a_server_that_is_killed", base=Base.SERVED)
class EndsAreSilent(RemoteFeed[Any, Any]):
    """The end of a line is taken for silence, until it is found to be deaf."""

    ended = False

    def receive(self, timeout: float) -> Sequence[Any]:
        if not self.ended:
            try:
                return super().receive(timeout)
            except LineLost:
                if self._closed:
                    raise
                self.ended = True
        time.sleep(min(timeout, 0.1))
        return []

    def probe(self) -> bool:
        return self.ended or super().probe()


@mutant(kills="test_a_mirror_of_a_server_that_is_killed", base=Base.SERVED)
class RefusedOnceIsForGood(RemoteDb):
    """A line of changes that was refused once is never tried again."""

    refused = False

    def watch(self, after: Position | None = None) -> Feed[Stream, Change]:
        if self.refused:
            raise NotConnected("refused before")
        try:
            return super().watch(after)
        except NotConnected:
            self.refused = True
            raise


@mutant(kills="test_a_mirror_of_a_server_that_stands_still", base=Base.SERVED)
class SilenceIsForGood(Client):
    """A client that was not answered once asks no more for a minute."""

    silent = 0.0

    def call(self, *request: Any) -> Any:
        if time.monotonic() < self.silent:
            raise NotConnected("not answered before")
        try:
            return super().call(*request)
        except NoAnswer as error:
            if isinstance(error.__cause__, TimeoutError):
                self.silent = time.monotonic() + 60
            raise


@mutant(kills="test_a_failover_under_load", base=Base.SERVED)
class Faithful(Client):
    """A client stays with the node that it has found first."""

    def connect(self, until: float) -> Connection:
        connection = super().connect(until)
        self.addresses, self._serving = [self.addresses[self._serving]], 0
        return connection


@mutant(kills="test_subscribers_over_a_failover", base=Base.SERVED)
class SubscribersAreFaithful(RemotePubSub):
    """Lines of messages stay with the node that was found first."""

    def listen(self, after: Position | None = None) -> Feed[str, Message]:
        with _faithful(self):
            return super().listen(after)


@mutant(kills="test_a_mirror_over_a_failover", base=Base.SERVED)
class WatchersAreFaithful(RemoteDb):
    """Lines of changes stay with the node that was found first."""

    def watch(self, after: Position | None = None) -> Feed[Stream, Change]:
        with _faithful(self):
            return super().watch(after)


@contextmanager
def _faithful(driver: RemoteDb | RemotePubSub) -> Iterator[None]:
    """Let a driver use a faithful client, always the same."""
    usual, own = driver._client, driver.__dict__.get("faithful") or Faithful(driver._client.addresses, driver.timeout)
    driver._client = driver.__dict__["faithful"] = own
    try:
        yield
    finally:
        driver._client = usual
