"""What is said of a case that failed, and what a report carries of any."""

from __future__ import annotations

import shlex
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from contract_tests.clauses import clauses
from contract_tests.floor import TooLittle
from contract_tests.notes import NOTES
from contract_tests.report.conformance import Deviation, Outcome
from contract_tests.run.selection import bare, case_of


class Telling:
    """Says it; ``command`` is how the verification of this backend began, where it is one."""

    def __init__(self, *, profile: str, seed: int, command: str = "") -> None:
        self._options = f"{'' if profile == 'full' else f' --contract-profile {profile}'} --contract-seed {seed}"
        if command:
            self._options = self._options.replace("--contract-", "--")
        self._command = command

    def again(self, item: pytest.Item) -> str:
        """Return the command that runs just this case, with the same seed."""
        if self._command:
            return f"{self._command} --case {shlex.quote(bare(item.name))}{self._options}"
        return f"pytest {shlex.quote(bare(item.nodeid))}{self._options}"

    def add(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport, known: Deviation | None) -> None:
        """Add to a report what the tally takes, and where it failed what one has to know."""
        notes = item.stash[NOTES]
        outcome, reason = _outcome(call, report)
        if outcome is Outcome.PASSED and known is not None and not hasattr(report, "wasxfail"):
            # It was run as any other case: its deviation has expired.
            outcome, reason = Outcome.FAILED, f"the deviation {known.id} has expired, on {known.until}: {known.reason}"
            report.outcome, report.longrepr = "failed", reason
        told = ""
        if outcome in (Outcome.FAILED, Outcome.INVALID):
            about = "\n".join([*self._about(item), *(_stacks(report) if _hung(reason) else ())])
            report.sections.append((f"contract {case_of(item).clause}", about))
            told = "\n\n".join(filter(None, [reason, _place(report), about]))
        facts: dict[str, Any] = {
            "outcome": outcome.value if outcome is not None else "",
            "reason": told or reason,
            "again": self.again(item) if told else "",
            "deviation": [known.id, known.kind, known.reason, known.until] if known is not None else [],
            "faults": {},
            "recoveries": [],
            "limits": {},
        }
        if report.when == "teardown":
            facts |= notes.facts()
        report.contract = facts  # type: ignore[attr-defined]

    def _about(self, item: pytest.Item) -> Iterator[str]:
        case = case_of(item)
        norm = (getattr(item, "obj", None).__doc__ or "").partition("\n")[0]
        done = list(item.stash[NOTES].trace.lines())
        yield f"clause   {case.clause}: {clauses()[case.clause].promise}"
        yield f"case     {bare(item.name)}: {norm}"
        yield f"done     {'the last calls on its handles' if done else 'nothing on a handle'}"
        yield from done
        yield f"again    {self.again(item)}"


def _hung(reason: str) -> bool:
    """Tell whether a case was ended by its time-out, which pytest-timeout says in these words."""
    return reason.startswith("Failed: Timeout")


def _stacks(report: pytest.TestReport) -> Iterator[str]:
    """Yield where the case was when it was ended, and where the other threads are."""
    yield "\nthe case was here"
    yield report.longreprtext
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for identity, frame in sys._current_frames().items():  # noqa: SLF001 - there is no other way.
        if identity != threading.get_ident():
            yield f"\nthread {names.get(identity, identity)} is here"
            yield "".join(traceback.format_stack(frame)).rstrip()


def _outcome(call: pytest.CallInfo[None], report: pytest.TestReport) -> tuple[Outcome | None, str]:
    """Return what a phase says of its case; None where it says nothing."""
    error = call.excinfo
    said = error.exconly().strip() if error is not None else str(report.longrepr or "")
    if report.failed:
        invalid = error is not None and isinstance(error.value, TooLittle)
        return (Outcome.INVALID if invalid else Outcome.FAILED), said
    if report.skipped:
        return (Outcome.DEVIATION if hasattr(report, "wasxfail") else Outcome.NOT_RUN), said
    return (Outcome.PASSED if report.when == "call" else None), ""


def _place(report: pytest.TestReport) -> str:
    """Return where the assertion stands that failed."""
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    return f"at {crash.path}:{crash.lineno}" if crash is not None else ""
