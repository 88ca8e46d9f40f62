"""What befalls the processes of a server."""

from __future__ import annotations

from collections.abc import Iterable

from contract_tests.fault import Fault
from contract_tests.harness import Process
from contract_tests.network.wire import Wire
from contract_tests.plan import Plan
from contract_tests.servers.server import Server


class Outage(Process):
    """Does it to the processes, and lets the proxies before them behave as if they were not there."""

    def __init__(self, server: Server, wires: Iterable[Wire], plan: Plan) -> None:
        self._server = server
        self._wires = wires
        self._plan = plan

    def kill(self) -> None:
        for wire in self._wires:
            wire.cut_off()
        self._server.kill()
        self._plan.hit(Fault.KILLED)

    def restart(self) -> None:
        self._server.restart()
        for wire in self._wires:
            wire.mend()

    def freeze(self) -> None:
        self._server.freeze()
        self._plan.hit(Fault.STOPPED)

    def thaw(self) -> None:
        self._server.thaw()

    def fail_over(self) -> None:
        self._server.fail_over()
        self._plan.hit(Fault.FAILED_OVER)
