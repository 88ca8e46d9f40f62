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

from contract_tests.checks.operation import Operation
from contract_tests.clients.interleaving import interleaved
from contract_tests.floor import TooLittle
from dfbackends import Conflict, Database, KeyExists, KeyNotFound, OutcomeUnknown, Refused, Unavailable

VERBS = ("get", "get", "get", "put", "create", "update", "delete", "swap", "swap")
KEYS = ("x", "y")
SELDOM = 20
"""One operation in so many must have met another one."""


class Recorder:
    """Lets clients work on the same keys, and writes down what they saw.

    Each value that is written is its own, so that a revision stands for the value that was written with it.
    """

    def __init__(self, table: str, keys: Sequence[str] = KEYS) -> None:
        self.table = table
        self.keys = keys
        self.outcomes: Counter[str] = Counter()
        self.histories: defaultdict[str, list[Operation]] = defaultdict(list)
        # Guards the two above.
        self._lock = threading.Lock()
        self._values = itertools.count(1)

    def run(self, clients: Sequence[Database], operations: int, seed: str) -> None:
        """Let each client do so many operations, at the same time."""
        # Else the first would be through before the last one is there.
        begins = threading.Barrier(len(clients))
        with ThreadPoolExecutor(len(clients)) as pool:
            work = [
                pool.submit(self._client, db, operations, random.Random(f"{seed} {number}"), begins)
                for number, db in enumerate(clients)
            ]
            for done in work:
                done.result()

    @property
    def kinds(self) -> set[str]:
        """Which of these there were: done, refused, failed, unknown."""
        return {what.split()[1] for what in self.outcomes}

    def check(self, least: int) -> None:
        """Return if the histories can tell anything: so many operations were answered, and enough overlapped.

        :raises TooLittle: it was less
        """
        answered = [one for history in self.histories.values() for one in history if not one.unknown]
        if len(answered) < least:
            raise TooLittle(f"{len(answered)} operations were answered, not {least}: {dict(self.outcomes)}")
        met = sum(map(_met, self.histories.values()))
        if met < len(answered) // SELDOM:
            raise TooLittle(f"{met} of {len(answered)} operations overlapped another one on their key")

    def _client(self, db: Database, operations: int, chosen: random.Random, begins: threading.Barrier) -> None:
        begins.wait()
        with interleaved(random.Random(chosen.random())):
            for _ in range(operations):
                self._do(db, chosen.choice(VERBS), chosen.choice(self.keys))

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
        revision = found
        if verb == "get":
            written, revision = (found.value, found.revision) if found is not None else (None, None)
        with self._lock:
            self.outcomes[f"{verb} {'refused' if refused else outcome}"] += 1
            if outcome != "failed":
                last = end if outcome == "done" else Operation._field_defaults["end"]
                self.histories[key].append(Operation(verb, written, expected, refused, begin, last, revision))
        return found


def _met(history: Sequence[Operation]) -> int:
    """Return how many operations on a key began while another one, that was answered, was on its way."""
    answered = sorted((one for one in history if not one.unknown), key=lambda one: one.begin)
    return sum(second.begin < first.end for first, second in itertools.pairwise(answered))
