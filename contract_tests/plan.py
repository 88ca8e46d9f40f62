"""Which faults strike which calls and lines: what a case says, and a faulty driver obeys."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, Protocol

from contract_tests.fault import CALLS, Fault
from contract_tests.floor import TooLittle

WRITING = ("write", "commit")
SENDING = ("write", "commit", "publish")
ANY = ("read", "write", "scan", "drop", "commit", "cancel", "publish", "listen", "watch")

FOREVER = 1 << 60


class _Armed(NamedTuple):
    fault: Fault
    verbs: Collection[str]
    first: int
    last: int
    counted: list[str]


class Line(Protocol):
    """What a plan asks of a line."""

    def drop(self, name: str, items: int) -> None:
        """Remove the next messages of a topic, or changes of a table."""


class MessageLine(Line, Protocol):
    """What a plan asks of a line of messages."""

    def insert(self, topic: str, data: bytes) -> None:
        """Let bytes arrive on a topic."""


class Plan:
    """The faults of one namespace. Any thread."""

    on_network = False
    """Whether a network does what can be done by one; else it is done around the driver."""

    def __init__(self, public: Callable[[str], str]) -> None:
        # Guards all below; told of each change, so that what is frozen or deaf wakes up.
        self.changed = threading.Condition(threading.RLock())
        self.calls: Counter[str] = Counter()
        self.lines: list[MessageLine] = []
        self.change_lines: list[Line] = []
        self.state: frozenset[Fault] = frozenset()
        self.broken = 0
        self.gone = 0
        self.denied: frozenset[str] = frozenset()
        self.hits: Counter[Fault] = Counter()
        """How often each fault had something to strike."""
        self.missed: list[str] = []
        """Calls that should have been struck, and were not."""
        self.spent = 0.0
        """Seconds for which calls have waited until a server was in a state, or out of it."""
        self._inflicted: set[Fault] = set()
        self._public = public
        self._carried: Counter[tuple[str, str]] = Counter()
        self._armed: list[_Armed] = []
        self._held: list[Callable[[], Any]] = []
        self._then: tuple[Fault | None, Callable[[], Any]] | None = None

    def arm(self, fault: Fault, *, verbs: Collection[str] = WRITING, at: int = 1, times: int = 1) -> None:
        """Let a fault strike the calls from the ``at``-th on from now. Each write of a sequence counts as a call."""
        assert fault in CALLS
        with self.changed:
            self._inflicted.add(fault)
            self._armed.append(_Armed(fault, verbs, at, at + times - 1, []))

    def when_struck(self, action: Callable[[], Any], fault: Fault | None = None) -> None:
        """Do something in the thread of the next call that is struck (by this fault), before anything else is done about it."""
        with self.changed:
            self._then = fault, action

    def mend(self) -> None:
        """Undo all faults; let nothing go that is held."""
        with self.changed:
            self._armed.clear()
            self._then = None
            self.state = frozenset()
            self.denied = frozenset()
            self.changed.notify_all()

    @contextmanager
    def armed(self, fault: Fault, *, verbs: Collection[str] = WRITING, at: int = 1, times: int = FOREVER) -> Iterator[None]:
        """Arm a fault, and mend all at the end."""
        self.arm(fault, verbs=verbs, at=at, times=times)
        try:
            yield
        finally:
            self.mend()

    def strike(self, verb: str) -> Fault | None:
        """Count a call; return the fault that strikes it."""
        with self.changed:
            self.calls[verb] += 1
            struck = None
            for armed in self._armed:
                if verb in armed.verbs:
                    armed.counted.append(verb)
                    if struck is None and armed.first <= len(armed.counted) <= armed.last:
                        struck = armed.fault
            action = None
            if struck is not None and self._then is not None and self._then[0] in (None, struck):
                action, self._then = self._then[1], None
        if action is not None:
            action()
        return struck

    def awaits(self, verb: str) -> bool:
        """Tell whether something is armed for such a call."""
        with self.changed:
            return any(verb in armed.verbs for armed in self._armed)

    def hit(self, fault: Fault, times: int = 1) -> None:
        """Note that a fault has struck."""
        with self.changed:
            self.hits[fault] += times

    def miss(self, fault: Fault, verb: str) -> None:
        """Note that a call came about without the fault that it was to meet."""
        with self.changed:
            self.missed.append(f"{verb}: {fault.value}")

    def spend(self, seconds: float) -> None:
        """Note that a call has waited for a state."""
        with self.changed:
            self.spent += seconds

    def check(self) -> None:
        """Return if all that was said has happened.

        :raises TooLittle: a fault has struck nothing, so that the case has shown nothing
        """
        with self.changed:
            idle = sorted(fault.value for fault in self._inflicted if not self.hits[fault])
            if idle:
                raise TooLittle(f"these faults have struck nothing: {idle}")
            if self.missed:
                raise TooLittle(f"these calls came about without their fault: {self.missed}")

    def hold(self, request: Callable[[], Any]) -> None:
        """Keep a request that arrives later."""
        with self.changed:
            self._held.append(request)

    def release(self) -> int:
        """Let all arrive that is held; return how many requests did."""
        with self.changed:
            held, self._held = self._held, []
        for request in held:
            # Nobody is there any more to be told what comes of it.
            with suppress(Exception):
                request()
        return len(held)

    def freeze(self, timeout: float) -> bool:
        """Wait until the plan is mended, or for the time-out of the client; return whether it was mended."""
        with self.changed:
            return self.changed.wait_for(lambda: not self._armed, timeout)

    def lose_line(self, fault: Fault = Fault.BROKEN_LINE) -> None:
        """End all lines: BROKEN_LINE, GONE, or DOWN until mended."""
        with self.changed:
            self._inflict(fault)
            self.broken += 1
            if fault is Fault.GONE:
                self.gone += 1
            if fault is Fault.DOWN:
                self.state |= {fault}
            self.changed.notify_all()

    def impair(self, fault: Fault) -> None:
        """Make all lines, those of the future too, DEAF, SLOW or SLICED until mended."""
        with self.changed:
            self._inflict(fault)
            self.state |= {fault}
            self.changed.notify_all()

    def _inflict(self, fault: Fault) -> None:
        self._inflicted.add(fault)
        self.hits[fault] += len(self.lines) + len(self.change_lines)

    def drop(self, topic: str, messages: int = 1) -> None:
        """Remove the next messages of a topic from each line."""
        with self.changed:
            self._inflicted.add(Fault.DROPPED)
            for line in self.lines:
                line.drop(self._public(topic), messages)

    def drop_changes(self, table: str, changes: int = 1) -> None:
        """Remove the next changes of a table from each line."""
        with self.changed:
            self._inflicted.add(Fault.DROPPED)
            for line in self.change_lines:
                line.drop(self._public(table), changes)

    def carry(self, name: str, topic: str) -> None:
        """Note that an entry, or a change, of a table and a topic in it has come to a client."""
        with self.changed:
            self._carried[name, topic] += 1

    def carried(self, table: str) -> Counter[str]:
        """Return how many entries and changes of a table have come to clients, by lists and by lines, topic by topic."""
        with self.changed:
            return Counter({topic: count for (name, topic), count in self._carried.items() if name == self._public(table)})

    def insert(self, topic: str, data: bytes) -> None:
        """Let bytes arrive on each line."""
        with self.changed:
            self._inflict(Fault.GARBAGE)
            for line in self.lines:
                line.insert(self._public(topic), data)
            self.changed.notify_all()

    def deny(self, topic: str) -> None:
        """Refuse subscriptions of a topic, or of a table of this name, until mended."""
        with self.changed:
            self._inflicted.add(Fault.DENIED)
            self.denied |= {self._public(topic)}
