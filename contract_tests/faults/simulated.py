"""Faults of calls put around a driver, where there is no network that could fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from contract_tests.fault import Fault
from contract_tests.faults.faulty_line import LineBroke, NotAllowed
from contract_tests.faults.injector import Injector, R
from dfbackends.errors import ErrorTable, Meaning, OutcomeUnknown, Refused, Unavailable

SECRET = "hunter2"
"""Stands in the text of each exception of this client, as clients put passwords and values into theirs."""

TIMEOUT = 0.1


class Injected(Exception):
    """The base of what this client raises."""

    def __init__(self, what: object = "") -> None:
        super().__init__(f"user admin password {SECRET}: {what}")


class NotSent(Injected):
    """The request has not left."""


class Lost(Injected):
    """There was no answer."""


class WrongPassword(Injected):
    """The server does not know this client."""


class Full(Injected):
    """The server has no more room."""


class ReadOnly(Injected):
    """The server is a replica at present."""


class Overloaded(Injected):
    """The server has too much to do, or is not ready yet."""


ERRORS: ErrorTable = [
    Meaning(NotSent, None, Unavailable, "unreachable"),
    Meaning(Lost, None, OutcomeUnknown, "unreachable"),
    Meaning(WrongPassword, None, Refused, "unauthenticated"),
    Meaning(Full, None, Refused, "full"),
    Meaning(ReadOnly, None, Unavailable, "read_only"),
    Meaning(Overloaded, None, Unavailable, "overloaded"),
    Meaning(LineBroke, None, Unavailable, "unreachable"),
    Meaning(NotAllowed, None, Refused, "forbidden"),
]

_ANSWERS: dict[Fault, type[Injected]] = {
    Fault.REFUSED: NotSent,
    Fault.UNAUTHENTICATED: WrongPassword,
    Fault.FULL: Full,
    Fault.READ_ONLY: ReadOnly,
    Fault.OVERLOADED: Overloaded,
}


class Simulated(Injector):
    """Does, or does not do, a call, and raises what a client would."""

    def timeout(self, driver: Any) -> float:
        return TIMEOUT

    def sent(self, verb: str, request: Callable[[], R], what: object, *, partly: bool = False) -> R:
        plan = self.plan
        fault = plan.strike(verb)
        if fault is None:
            return request()
        plan.hit(fault)
        if fault is Fault.DELAYED:
            return request()
        if fault in _ANSWERS:
            # An error that says that nothing was done would be a lie.
            raise Lost(what) if partly else _ANSWERS[fault](what)
        if fault is Fault.LOST_REPLY:
            request()
        elif fault is Fault.FROZEN:
            if plan.freeze(TIMEOUT):
                return request()
            plan.hold(request)
        elif fault is Fault.LATE:
            plan.hold(request)
        raise Lost(what)

    def scanned(self, begin: Callable[[], Iterator[R]], what: object) -> Iterator[R]:
        for item in begin():
            self.sent("scan", lambda: None, what)
            yield item

    def opened(self, verb: str, line: Callable[[], R], what: object) -> R:
        if Fault.DOWN in self.plan.state:
            raise NotSent(what)
        return self.sent(verb, line, what)
