"""Backends that do not end, or end too much."""

from __future__ import annotations

import os
import threading
from collections import deque
from types import TracebackType
from typing import Any, ClassVar
from weakref import WeakSet

from contract_tests.mutants.registry import mutant
from dfbackends.backend import Backend
from dfbackends.drivers.memory import MemoryDb, Store
from dfbackends.errors import Closed
from dfbackends.line import Line
from dfbackends.reliable import Reliable


@mutant(kills="test_close_while_the_backend_is_away[down]")
class ClosingWaitsForTheLine(Line[Any, Any]):
    """To close waits, up to eight seconds, for a line that is down."""

    def close(self, until: float) -> None:
        if self.code is not None:
            self._closing.wait(8.0)
        super().close(until)


@mutant(kills="test_close_is_idempotent")
class ClosingTwiceIsAnError(Backend):
    """To close what is closed is an error."""

    def close(self) -> None:
        if self._closed:
            raise Closed
        super().close()


@mutant(kills="test_close_leaves_nothing")
class ClosingLeavesAThread(Backend):
    """To close leaves a thread, which ends two seconds later."""

    def close(self) -> None:
        super().close()
        threading.Timer(2.0, int).start()


@mutant(kills="test_openings_and_closings_leak_nothing")
class OpeningLeavesAFile(MemoryDb):
    """Each tenth handle leaves a file open."""

    count: ClassVar[int] = 0
    files: ClassVar[deque[int]] = deque()

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        type(self).count += 1
        if self.count % 10 == 0:
            self.files.append(os.open(os.devnull, os.O_RDONLY))
        # Not more than a process may have.
        if len(self.files) > 100:
            os.close(self.files.popleft())


@mutant(kills="test_after_close_everything_raises_closed")
class ClosedStoresAreUnavailable(Reliable):
    """A call of a closed backend gets the error of its client."""

    def check_open(self) -> None:
        return


@mutant(kills="test_a_with_block_closes")
class BlocksSwallowExceptions(Backend):
    """The end of a ``with`` block swallows the exception that ended it."""

    def __exit__(  # type: ignore[override]
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        super().__exit__(kind, error, trace)
        return isinstance(error, ArithmeticError)


@mutant(kills="test_handles_are_independent")
class HandlesEndTogether(MemoryDb):
    """To close a handle closes all others on the store."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        store.__dict__.setdefault("handles", WeakSet()).add(self)

    def close(self) -> None:
        for handle in list(self._held.__dict__["handles"] if self._held is not None else ()):
            handle._held = None


@mutant(kills="test_a_fork")
class ForksShareTheBackend(Backend):
    """After a fork the child uses the backend of its parent."""

    def abandon(self) -> None:
        return


@mutant(kills="test_close_from_a_handler")
class ClosingInAHandlerLeavesAThread(Backend):
    """To close from a handler leaves a thread, which ends 15 seconds later."""

    def close(self) -> None:
        super().close()
        if self.pubsub._delivery.is_handler():
            timer = threading.Timer(15.0, int)
            timer.daemon = True
            timer.start()
