"""Print the page of the contract, from the clauses and their cases: ``python docs/clauses.py > docs/contract.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby

from contract_tests.capability import Capability
from contract_tests.clauses import Clause, clauses
from contract_tests.contract import BackendContract
from contract_tests.marks import Case

HEAD = """\
# The contract, clause by clause

What every backend promises. This page is made from [clauses.toml](../contract_tests/clauses.toml), from which the cases of
the [suite](../contract_tests/README.md) take their ids; an id is never used for something else.

* A clause that is *required* holds for every backend that has that side at all. One that *needs* something holds for the
  backends that can do it.
* The level says what it takes to find out: *Core* one process, *Concurrent* threads, processes and forks, *Resilient* faults,
  *Verified* histories that are checked, and repeated runs.

Below each group stand its cases: the norm of each, the faults that the suite injects, and what a backend must be able to do.
"""


TITLES = {
    "KV": "Tables and keys",
    "CAS": "Compare-and-swap",
    "BATCH": "Batches",
    "TX": "Transactions",
    "ANN": "Announcements",
    "ID": "Numbers",
    "LIST": "Listing",
    "TOPIC": "Topics of entries",
    "PS": "Publish and subscribe",
    "LOSS": "Losses",
    "MIR": "Mirrors",
    "LIFE": "Opening and closing",
    "ERR": "Errors",
    "CONF": "Configuration",
}

NEEDS = {
    Capability.TRANSACTIONAL: "transactions",
    Capability.JOINT: "messages carried by the store itself",
    Capability.WATCHING: "changes that the store tells of",
    Capability.RESUMING: "lines that resume",
    Capability.DURABLE: "a store that outlives its process",
    Capability.REPLICATED: "servers that lose nothing when one takes over",
    Capability.SHARED: "several processes on one store",
}


def page() -> Iterator[str]:
    """Yield the lines."""
    yield HEAD
    for prefix, group in groupby(clauses().values(), key=lambda clause: clause.id.rpartition("-")[0]):
        yield f"## {TITLES[prefix]}\n"
        yield "| id | level | holds | promise |"
        yield "|---|---|---|---|"
        cases: list[tuple[str, str]] = []
        for clause in group:
            yield f"| {clause.id} | {clause.level} | {condition(clause)} | {cell(clause.promise)} |"
            cases += [(clause.id, norm) for norm in norms(clause)]
        yield ""
        yield "| clause | the norm of a case | faults | needs |"
        yield "|---|---|---|---|"
        for identity, norm in cases:
            yield f"| {identity} | {norm} |"
        yield ""


def norms(clause: Clause) -> Iterator[str]:
    """Yield the rest of a row for each case of a clause, in the order of their names."""
    for name in dir(BackendContract):
        test = getattr(BackendContract, name)
        for mark in getattr(test, "pytestmark", ()):
            if mark.name != "clause" or mark.args[0].clause != clause.id:
                continue
            case: Case = mark.args[0]
            norm = " ".join(str(test.__doc__).split())
            faults = ", ".join(sorted(fault.value for fault in case.injects))
            needs = ", ".join(
                [*sorted(need.value for need in case.needs), *(f"not {lack.value}" for lack in sorted(case.lacks))]
            )
            yield f"{cell(norm)} | {faults} | {needs}"


def condition(clause: Clause) -> str:
    """Return for which backends a clause holds."""
    needs = sorted(NEEDS[need] for need in clause.needs)
    return "required" if clause.required else f"needs {' and '.join(needs)}"


def cell(text: str) -> str:
    """Return a text as it stands in a table."""
    return text.replace("|", "\\|").replace("<", "\\<").replace("*", "\\*").replace("_", "\\_")


if __name__ == "__main__":
    sys.stdout.write("\n".join(page()).rstrip() + "\n")
