"""A plan whose faults of lines are done by a network."""

from __future__ import annotations

from typing import Protocol

from contract_tests.fault import Fault
from contract_tests.plan import Plan


class Wires(Protocol):
    """What a plan asks of the network of one handle."""

    def lose(self, fault: Fault) -> int:
        """End all lines: BROKEN_LINE, GONE, or DOWN until mended; return how many there were."""

    def impair(self, fault: Fault) -> int:
        """Make connections DEAF, SLOW or SLICED until mended; return how many there are."""

    def mend(self) -> None:
        """Undo all."""


class NetworkPlan(Plan):
    """What a network can not do without rewriting (DROPPED, GARBAGE, DENIED, GONE) is done around the lines, as elsewhere."""

    on_network = True

    def __init__(self, namespace: str) -> None:
        from dfbackends.names import Namespace

        super().__init__(Namespace(namespace).public)
        self._wires: list[Wires] = []
        self._lasting: set[Fault] = set()

    def join(self, wires: Wires) -> None:
        """Let the network of another handle take part."""
        with self.changed:
            self._wires.append(wires)
            for fault in self._lasting:
                wires.lose(fault) if fault is Fault.DOWN else wires.impair(fault)

    def lose_line(self, fault: Fault = Fault.BROKEN_LINE) -> None:
        with self.changed:
            if fault is Fault.GONE:
                self.gone += 1
            if fault is Fault.DOWN:
                self._lasting.add(fault)
            self._inflicted.add(fault)
            self.hits[fault] += sum(wires.lose(fault) for wires in self._wires)

    def impair(self, fault: Fault) -> None:
        with self.changed:
            self._lasting.add(fault)
            self._inflicted.add(fault)
            self.hits[fault] += sum(wires.impair(fault) for wires in self._wires)

    def mend(self) -> None:
        super().mend()
        with self.changed:
            self._lasting.clear()
            wires = list(self._wires)
        # A call that leaves a state, for which this waits, has something to note here.
        for each in wires:
            each.mend()
