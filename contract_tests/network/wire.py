"""The network between one handle and its server, which does to real requests what a plan says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from contract_tests.fault import Fault
from contract_tests.faults.injector import Injector, R
from contract_tests.faults.simulated import Lost
from contract_tests.network.flow import Mode
from contract_tests.network.gate import Gate
from contract_tests.network.plan import NetworkPlan
from contract_tests.network.proxy import Proxy
from contract_tests.network.trap import CutInside, DropReply, DropRequest, HalfClose, Hold, Trap
from contract_tests.servers.server import Server
from contract_tests.waiting import Stopwatch

_LATENCY = 0.3

_TRAPS: dict[Fault, Callable[[bytes, Callable[[], None]], Trap]] = {
    Fault.CUT: DropRequest,
    Fault.LOST_REPLY: DropReply,
    Fault.HALF_CLOSED: HalfClose,
    Fault.CUT_INSIDE: CutInside,
    Fault.LATE: partial(Hold, gives_up=True),
    Fault.FROZEN: partial(Hold, gives_up=False),
}
_MODES = {
    Fault.DEAF: Mode(swallows=True),
    Fault.SLOW: Mode(delay=_LATENCY),
    Fault.SLICED: Mode(sliced=True),
}


class Wire(Injector):
    """Has a proxy before each process of the server for calls, and another for lines.

    A request is known by ``needle``; where that is empty, the next bytes of the handle are meant. ``states`` is common to all
    handles: the whole server is put into a state for one call, which no other should meet.
    """

    def __init__(
        self, plan: NetworkPlan, server: Server, calls: Sequence[Proxy], lines: Sequence[Proxy], needle: bytes, states: Gate
    ) -> None:
        super().__init__(plan)
        self._server = server
        self._calls = calls
        self._lines = lines
        self._needle = needle
        self._gate = Gate()
        self._states = states

    def timeout(self, driver: Any) -> float:
        timeout: float = driver.timeout
        return timeout

    def sent(self, verb: str, request: Callable[[], R], what: object, *, partly: bool = False) -> R:
        fault = self.plan.strike(verb)
        try:
            if fault is None or fault is Fault.DELAYED:
                if fault is not None:
                    self.plan.hit(fault)
                with self._gate.passing(), self._states.passing():
                    return request()
            return self._struck(fault, verb, request)
        except Exception as error:
            if partly:
                # What the driver says of this request is not true of those before it.
                raise Lost(what) from error
            raise

    def scanned(self, begin: Callable[[], Iterator[R]], what: object) -> Iterator[R]:
        # The client may have the next items at hand; then the fault strikes when it asks for more, if it does.
        pending: Fault | None = None
        items: Iterator[R] | None = None

        def following() -> R | None:
            nonlocal items
            if items is None:
                items = begin()
            return next(items, None)

        while True:
            pending = pending or self.plan.strike("scan")
            if pending is None:
                with self._gate.passing(), self._states.passing():
                    item = following()
            else:
                before = self.plan.hits[pending]
                item = self._struck(pending, "scan", following, begun=items is not None)
                if self.plan.hits[pending] > before:
                    pending = None
            if item is None:
                return
            yield item

    def opened(self, verb: str, line: Callable[[], R], what: object) -> R:
        fault = self.plan.strike(verb)
        if fault is None:
            return line()
        self.plan.hit(fault)
        with ExitStack() as undone:
            if fault in self._server.states:
                undone.enter_context(self._states.alone())
                undone.enter_context(self._server.states[fault](self._server))
            else:
                for proxy in self._lines:
                    proxy.refuse(others=True)
                    undone.callback(proxy.accept)
            return line()

    def lose(self, fault: Fault) -> int:
        if fault is Fault.DOWN:
            # Who is between two lines is struck, too.
            return sum(max(1, proxy.refuse()) for proxy in self._lines)
        return sum(proxy.reset() for proxy in self._lines)

    def impair(self, fault: Fault) -> int:
        mode = _MODES[fault]
        if fault is Fault.SLICED:
            return sum(proxy.impair(up=mode, down=mode) for proxy in [*self._calls, *self._lines])
        return sum(proxy.impair(down=mode) for proxy in self._lines)

    def mend(self) -> None:
        with self._states.passing():
            # The server is in no state any more.
            pass
        for proxy in [*self._calls, *self._lines]:
            proxy.mend()

    def cut_off(self) -> None:
        """Reset everything, and refuse all until mended: the server is not there."""
        for proxy in [*self._calls, *self._lines]:
            proxy.refuse()

    def close(self) -> None:
        """Give the proxies up."""
        for proxy in [*self._calls, *self._lines]:
            proxy.close()

    def _struck(self, fault: Fault, verb: str, request: Callable[[], R], *, begun: bool = False) -> R:
        """Make a call that is struck; one that has ``begun`` may need no further request."""
        with self._gate.alone() as go_on:
            if fault in _TRAPS:
                # What one that has begun sends may name no table.
                needle = b"" if begun and not self._server.chatty else self._needle
                return self._trapped(fault, verb, request, _TRAPS[fault](needle, go_on), begun=begun)
            if fault is Fault.REFUSED:
                return self._refused(verb, request, begun=begun)
            with self._states.alone():
                # Once it is mended, nobody expects it any more.
                if not self.plan.awaits(verb):
                    return request()
                self.plan.hit(fault)
                return self._in_state(fault, request)

    def _in_state(self, fault: Fault, request: Callable[[], R]) -> R:
        entering = Stopwatch()
        with ExitStack() as state:
            state.enter_context(self._server.states[fault](self._server))
            # All are on one network.
            self._calls[0].settle()
            self.plan.spend(entering.seconds)
            try:
                return request()
            finally:
                leaving = Stopwatch()
                state.close()
                self.plan.spend(leaving.seconds)

    def _refused(self, verb: str, request: Callable[[], R], *, begun: bool) -> R:
        for proxy in self._calls:
            proxy.refuse()
        try:
            answer = request()
        except Exception:
            self.plan.hit(Fault.REFUSED)
            raise
        finally:
            for proxy in self._calls:
                proxy.accept()
        if not begun:
            self._came_about(Fault.REFUSED, verb)
        return answer

    def _trapped(self, fault: Fault, verb: str, request: Callable[[], R], trap: Trap, *, begun: bool) -> R:
        before = self.plan.hits[fault]
        for proxy in self._calls:
            proxy.set(trap)
        try:
            answer = request()
        except Exception:
            if self._removed(fault, trap, failed=True) and isinstance(trap, Hold):
                trap.abandoned = True
                self.plan.hold(lambda: self._calls[0].release(trap))
            raise
        # Where calls share a connection, another one's fault may have held this one up until all was mended.
        held_up = self._server.chatty and self.plan.hits[fault] > before
        if not self._removed(fault, trap) and not begun and not held_up:
            self._came_about(fault, verb)
        return answer

    def _came_about(self, fault: Fault, verb: str) -> None:
        # Whoever mends meanwhile lets everything pass.
        if self.plan.awaits(verb):
            self.plan.miss(fault, verb)

    def _removed(self, fault: Fault, trap: Trap, *, failed: bool = False) -> bool:
        struck = [proxy.remove(trap, settle=failed) for proxy in self._calls]
        self.plan.hit(fault, any(struck))
        return any(struck)
