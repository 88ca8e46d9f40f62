"""How long operations take, beside those of ``memory`` in the same minute."""

from __future__ import annotations

import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import dfbackends
from contract_tests.report.conformance import Speed
from contract_tests.servers.server import Server

_ENTRIES = 1000
_ROUNDS = 200
_LONGEST = 0.3
"""Seconds after which no other round of an operation begins."""
_PATIENCE = 5.0


def speeds(server: Server) -> list[Speed]:
    """Return how many times as long each operation takes on a store as on ``memory``. What was written is removed.

    :raises BackendError: the store failed
    :raises NotStarted: the server did not start
    """
    space = f"speed-{secrets.token_hex(6)}"
    with tempfile.TemporaryDirectory(prefix="dfbackends-") as folder:
        try:
            server.start(Path(folder))
            url = server.url()
            mine = dict(_measured(f"{url}{'&' if '?' in url else '?'}namespace={space}"))
        finally:
            server.stop()
    theirs = dict(_measured(f"memory:{space}"))
    return [Speed(operation, mine[operation] / theirs[operation]) for operation in mine]


def _measured(url: str) -> Iterator[tuple[str, float]]:
    with dfbackends.open(url, wait=_PATIENCE) as backend:
        db, pubsub = backend.db, backend.pubsub
        arrived = threading.Event()
        pubsub.subscribe("t", lambda topic, data: arrived.set(), on_loss=dfbackends.renew)

        def publish() -> None:
            arrived.clear()
            pubsub.publish("t", 1)
            if not arrived.wait(_PATIENCE):
                raise dfbackends.Unavailable("a message did not arrive", code="unreachable")

        db.put("one", "k", {"n": 1})
        yield "put", _median(lambda: db.put("one", "k", {"n": 1}))
        yield "get", _median(lambda: db.get("one", "k"))
        db.put_many("many", {f"k{number}": {"n": number} for number in range(_ENTRIES)})
        yield f"entries of a table of {_ENTRIES:,}", _median(lambda: list(db.entries("many")))
        yield "publish to handler", _median(publish)
        for table in ("one", "many"):
            db.drop(table)


def _median(operation: Callable[[], object]) -> float:
    times = []
    end = time.perf_counter() + _LONGEST
    for _ in range(_ROUNDS):
        begin = time.perf_counter()
        operation()
        times.append(time.perf_counter() - begin)
        if begin > end:
            break
    return median(times)
