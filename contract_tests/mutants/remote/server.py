"""The process that serves a store: ``python -m contract_tests.mutants.remote.server PORT PATH ROLE DEFECT``.

The role is ``serves``, or ``stands by`` until it is told otherwise; the defect is the name of a mutant, or left out.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from itertools import islice
from typing import Any, ClassVar

from contract_tests.mutants.registry import mutants, part
from contract_tests.mutants.remote import frames
from contract_tests.mutants.remote.frames import Buffer, framed
from contract_tests.mutants.remote.node import Node
from dfbackends.api import Fence, Gone, Table
from dfbackends.drivers.sqlite import SqliteDb

PAGE = 20


class Session(socketserver.BaseRequestHandler):
    """One connection: a greeting, then requests, one of which may turn it into a feed."""

    served: ClassVar[Node]
    request: socket.socket

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = Buffer()
        self._list: Iterator[Any] = iter(())
        # Guards what is sent.
        self._sending = threading.Lock()

    def handle(self) -> None:
        self.served.sessions.add(self.request)
        with contextlib.suppress(OSError):
            while (asked := self._buffer.read(self.request)) is not None:
                verb, *arguments = asked
                if verb in ("listen", "watch") and not self.served.stands_by:
                    self._serve_feed(verb, *arguments)
                    return
                self._send(self._answer(verb, arguments))

    def finish(self) -> None:
        self.served.sessions.discard(self.request)

    def _send(self, value: Any) -> None:
        with self._sending:
            self.request.sendall(framed(value))

    def _answer(self, verb: str, arguments: list[Any]) -> list[Any]:
        if verb == "state":
            [self.served.state] = arguments
            return ["ok", None]
        if verb == "stand by":
            self.served.stand_by(self.request)
            return ["ok", None]
        if verb == "serve":
            self.served.stands_by = False
            return ["ok", None]
        if self.served.stands_by:
            return ["stands by"]
        if self.served.state == "unauthenticated":
            return ["denied"]
        if verb == "hello":
            return ["ok", None]
        refusal = self.served.refuses(verb)
        return [refusal] if refusal else ["ok", getattr(self, f"_{verb}")(*arguments)]

    def _read(self, keys: list[Any]) -> Any:
        return [frames.pack_record(record) for record in self.served.db.read(list(map(frames.key, keys)))]

    def _write(self, writes: list[Any], op: Any) -> Any:
        return self.served.db.write(list(map(frames.write, writes)), op)

    def _scan(self, table: Any, topic: str | None) -> Any:
        self._list = iter(self.served.db.scan(Table(*table), topic))
        return self._more()

    def _more(self) -> Any:
        return [[name, frames.pack_record(record)] for name, record in islice(self._list, PAGE)]

    def _drop(self, table: Any) -> None:
        self.served.db.drop(Table(*table))

    def _commit(self, writes: list[Any], checks: list[Any], messages: list[Any], op: Any) -> Any:
        expected = {frames.key(key): frames.expect(expect) for key, expect in checks}
        return self.served.db.commit(list(map(frames.write, writes)), expected, list(map(frames.message, messages)), op)

    def _cancel(self, keys: list[Any], op: Any) -> Any:
        answers = self.served.db.cancel(list(map(frames.key, keys)), op)
        return [answer.value if isinstance(answer, Fence) else answer for answer in answers]

    def _heads(self, streams: list[Any]) -> Any:
        return self.served.db.heads(list(map(frames.stream, streams)))

    def _publish(self, messages: list[Any]) -> None:
        self.served.pubsub.publish(list(map(frames.message, messages)))

    def _serve_feed(self, verb: str, after: Any) -> None:
        topic = frames.stream if verb == "watch" else str
        try:
            feed: Any = self.served.db.watch(after) if verb == "watch" else self.served.pubsub.listen(after)
        except Gone:
            self._send(["gone"])
            return
        self._send(["ok", feed.position])
        teller = threading.Thread(target=self._tell, args=(feed,), daemon=True)
        try:
            while (asked := self._buffer.read(self.request)) is not None:
                what, topics = asked
                if what == "begin":
                    teller.start()
                elif what == "ping":
                    self._send([[["alive"]], None])
                else:
                    getattr(feed, what)(list(map(topic, topics)))
        finally:
            feed.close()
            if teller.is_alive():
                teller.join()

    def _tell(self, feed: Any) -> None:
        try:
            while True:
                events = feed.receive(5.0)
                if events:
                    self._send([list(map(frames.pack_event, events)), feed.position])
        except Gone:
            with contextlib.suppress(OSError):
                self._send([None, None])
        except Exception:  # noqa: BLE001 - the feed was closed, or nobody listens: the other thread knows.
            with contextlib.suppress(OSError):
                self.request.shutdown(socket.SHUT_RDWR)


class Serving(socketserver.ThreadingTCPServer):
    """A thread for each connection."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def main(port: str, path: str, role: str, defect: str = "") -> None:
    """Serve until killed."""
    kind = mutants()[defect].kind if defect else Node
    served = part(kind, Node)
    served.db_kind = part(kind, SqliteDb)
    Session.served = served(path, stands_by=role != "serves")
    with Serving(("127.0.0.1", int(port)), Session) as serving:
        serving.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
