"""Concurrent histories of a few keys, recorded while faults strike."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from contract_tests.linearizability import Operation
from dfbackends import Conflict, Database, KeyExists, KeyNotFound, OutcomeUnknown, Refused, Unavailable

VERBS = ("get", "get", "get", "put", "create", "update", "delete", "swap", "swap")
KEYS = ("x", "y")


class Recorder:
    """Lets clients work on the same keys, and writes down what they saw.

    Each value that is written is its own, so that a revision stands for the value that was written with it.
    """

    def __init__(self, table: str) -> None:
        self.table = table
        self.outcomes: Counter[str] = Counter()
        self.histories: defaultdict[str, list[Operation]] = defaultdict(list)
        # Guards the two above.
        self._lock = threading.Lock()
        self._values = itertools.count(1)

    def run(self, clients: Sequence[Database], operations: int, seed: str) -> None:
        """Let each client do so many operations, at the same time."""
        with ThreadPoolExecutor(len(clients)) as pool:
            work = [
                pool.submit(self._client, db, operations, random.Random(f"{seed} {number}"))
                for number, db in enumerate(clients)
            ]
            for done in work:
                done.result()

    def _client(self, db: Database, operations: int, chosen: random.Random) -> None:
        for _ in range(operations):
            self._do(db, chosen.choice(VERBS), chosen.choice(KEYS))

    def _do(self, db: Database, verb: str, key: str) -> None:
        if verb == "swap":
            found = self._recorded(key, "get", lambda: db.entry(self.table, key))
            if found is None:
                return
            value = next(self._values)
            self._recorded(
                key, verb, lambda: db.put(self.table, key, value, revision=found.revision), value, expected=found.value
            )
            return
        value = next(self._values)
        call: dict[str, Callable[[], Any]] = {
            "get": lambda: db.entry(self.table, key),
            "put": lambda: db.put(self.table, key, value),
            "create": lambda: db.create(self.table, key, value),
            "update": lambda: db.update(self.table, key, value, topic=""),
            "delete": lambda: db.delete(self.table, key),
        }
        self._recorded(key, verb, call[verb], value)

    def _recorded(self, key: str, verb: str, call: Callable[[], Any], value: int = 0, expected: Any = None) -> Any:
        """Do a call, and write down what became of it; return what it returned, None where it did not."""
        begin = time.monotonic()
        found, refused, outcome = None, False, "done"
        try:
            found = call()
        except (KeyExists, KeyNotFound, Conflict):
            refused = verb != "get"
        except OutcomeUnknown:
            outcome = "unknown"
        except (Unavailable, Refused):
            outcome = "failed"
        end = time.monotonic()
        written: Hashable = value
        if verb == "get":
            written = found.value if found is not None else None
        with self._lock:
            self.outcomes[f"{verb} {'refused' if refused else outcome}"] += 1
            if outcome != "failed":
                last = end if outcome == "done" else Operation._field_defaults["end"]
                self.histories[key].append(Operation(verb, written, expected, refused, begin, last))
        return found
