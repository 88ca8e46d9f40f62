"""What another process does for a case: ``python -m contract_tests.clients.worker JOB ARGUMENT...``, each argument in JSON."""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import dfbackends
from contract_tests.clients.traffic import Traffic

_output = threading.Lock()


def say(what: Any) -> None:
    """Send a line to the case."""
    with _output:
        print(json.dumps(what), flush=True)


def hear() -> Any:
    """Return the next line of the case."""
    return json.loads(sys.stdin.readline())


def increment(url: str, table: str, key: str, times: int) -> None:
    """Count up by compare-and-swap, after being told to begin; say how often that met a conflict."""
    with dfbackends.open(url) as backend:
        say("ready")
        hear()
        say(counted_up(backend.db, table, key, times))


def counted_up(db: dfbackends.Database, table: str, key: str, times: int) -> int:
    """Count up by compare-and-swap; return how often that met a conflict."""
    conflicts = 0
    for _ in range(times):
        while True:
            entry = db.entry(table, key)
            # On a busy machine a thread would do all of its turns in one go, and nobody would meet anybody.
            time.sleep(1e-4)
            try:
                db.put(table, key, entry.value + 1, revision=entry.revision)
                break
            except dfbackends.Conflict:
                conflicts += 1
    return conflicts


def allocate(url: str, table: str, times: int) -> None:
    """Allocate ids, after being told to begin, and say them."""
    with dfbackends.open(url) as backend:
        say("ready")
        hear()
        say([backend.db.allocate(table) for _ in range(times)])


def write(url: str, table: str, values: dict[str, Any]) -> None:
    """Write values, and say their revisions."""
    with dfbackends.open(url) as backend:
        say(backend.db.put_many(table, values))


def write_on(url: str, table: str) -> None:
    """Write keys 0, 1, 2 ... until killed, and say each once it is acknowledged."""
    with dfbackends.open(url) as backend:
        for number in itertools.count():
            backend.db.create(table, str(number), number)
            say(number)


def scribble(url: str, table: str, topics: list[str], seed: int) -> None:
    """Write at full speed, whatever comes; each line of the case stops it until the next one."""
    with dfbackends.open(url) as backend, Traffic([backend.db], table, topics, seed=seed) as traffic:
        say("ready")
        while True:
            hear()
            with traffic.paused():
                say("paused")
                hear()


def read(url: str, table: str) -> None:
    """Say the values of a table by their keys."""
    with dfbackends.open(url) as backend:
        say({entry.key: entry.value for entry in backend.db.entries(table)})


def listen(url: str, topic: str) -> None:
    """Say "ready", then the data of each message, until the case ends the input."""
    with dfbackends.open(url) as backend:
        backend.pubsub.subscribe(topic, lambda _, data: say(data), on_loss=dfbackends.renew)
        say("ready")
        sys.stdin.read()


def publish(url: str, topic: str, messages: list[Any]) -> None:
    """Publish messages."""
    with dfbackends.open(url) as backend:
        backend.pubsub.publish_many((topic, message) for message in messages)
        say("done")


def leave_open(url: str, topic: str) -> None:
    """Subscribe, and end the program without closing anything."""
    backend = dfbackends.open(url)
    backend.pubsub.subscribe(topic, lambda *_: None, on_loss=dfbackends.renew)
    say("ready")


def open_only(url: str) -> None:
    """Open a backend, and say what comes of it: an empty text, or the kind and text of the error."""
    try:
        dfbackends.open(url).close()
    except dfbackends.Error as error:
        say([type(error).__name__, str(error)])
    else:
        say(["", ""])


JOBS: dict[str, Callable[..., None]] = {
    job.__name__: job for job in (increment, allocate, write, write_on, scribble, read, listen, publish, leave_open, open_only)
}

if __name__ == "__main__":
    JOBS[sys.argv[1]](*map(json.loads, sys.argv[2:]))
