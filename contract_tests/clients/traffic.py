"""Threads that write at full speed."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType

import dfbackends
from contract_tests.waiting import eventually

KEYS = 60


class Traffic:
    """Adds, changes, moves and deletes entries of a table, one thread for each handle, until the end of its ``with`` block.

    The block begins when each has written. Some keys are never deleted: those that begin with ``s``.
    """

    def __init__(self, handles: Sequence[dfbackends.Database], table: str, topics: Sequence[str], *, seed: int) -> None:
        self._table = table
        self._topics = topics
        self._threads = [
            threading.Thread(target=self._run, args=(handle, random.Random(f"{seed} {number}")), daemon=True)
            for number, handle in enumerate(handles)
        ]
        # Guards all below.
        self._changed = threading.Condition()
        self._held = self._ended = False
        self._writing = 0
        self._failures: list[Exception] = []
        self.written: int = 0
        """How many writes were done."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let nothing be written in this block."""
        with self._changed:
            self._held = True
            self._changed.wait_for(lambda: self._writing == 0)
        try:
            yield
        finally:
            with self._changed:
                self._held = False
                self._changed.notify_all()

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        eventually(lambda: self.written > KEYS or bool(self._failures), "something is written")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        assert not self._failures, self._failures

    def _run(self, db: dfbackends.Database, chosen: random.Random) -> None:
        try:
            while self._begin():
                try:
                    self._write(db, chosen)
                finally:
                    self._end()
        except Exception as error:  # noqa: BLE001 - the case fails with it
            self._failures.append(error)

    def _write(self, db: dfbackends.Database, chosen: random.Random) -> None:
        key = f"{chosen.choice('sk')}{chosen.randrange(KEYS // 2)}"
        if key.startswith("k") and chosen.random() < 0.5:
            try:
                db.delete(self._table, key)
            except dfbackends.KeyNotFound:
                return
        else:
            db.put(self._table, key, self.written, topic=chosen.choice(self._topics))

    def _begin(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._ended or not self._held)
            self._writing += not self._ended
            return not self._ended

    def _end(self) -> None:
        with self._changed:
            self._writing -= 1
            self.written += 1
            if self._held:
                self._changed.notify_all()
