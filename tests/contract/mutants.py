"""Backends that are installed beside ours and do not keep the contract, for the processes of a test."""

from __future__ import annotations

from pathlib import Path

from tests.cli.plugged import plugged

CODE = '''
import itertools
import os
import sys
import threading

from contract_tests.servers.server import Server
from dfbackends.api import Driver
from dfbackends.drivers import config
from dfbackends.drivers.memory import MemoryDb, shared

count = itertools.count()


class Overlooking(MemoryDb):
    """Lists all entries of a table in place of those of a topic."""

    def scan(self, table, topic=None):
        return super().scan(table)


class Flaky(MemoryDb):
    """Every other handle does."""

    def __init__(self, store):
        super().__init__(store)
        self.odd = next(count) % 2

    def scan(self, table, topic=None):
        return super().scan(table, None if self.odd else topic)


class Noting(MemoryDb):
    """Keeps the contract, and writes down what it was told to write: names and values, not where."""

    def write(self, writes, op):
        with open(os.environ["NOTED"], "a") as lines:
            lines.writelines(f"{write.key.name} {write.value} {write.topic}\\n" for write in writes)
        return super().write(writes, op)


class Hanging(MemoryDb):
    """Never lists the entries of a topic."""

    def scan(self, table, topic=None):
        if topic is not None:
            threading.Event().wait()
        return super().scan(table)


def driver(kind):
    return Driver(
        provides=kind,
        open=lambda settings, deadline: kind(shared(settings["name"], log_rows=1000, keep=deadline)),
        options=config.MEMORY,
        address=lambda address: {"name": address.path},
    )


overlooking, flaky, noting, hanging, dead, deaf, unshipped = map(
    driver, (Overlooking, Flaky, Noting, Hanging, MemoryDb, MemoryDb, MemoryDb)
)


def embedded(name):
    return lambda nodes=1: Server.embedded(f"{name}:contract", resumes=True)


overlooking_server, flaky_server, noting_server, hanging_server = map(embedded, ("overlooking", "flaky", "noting", "hanging"))


def dead_server(nodes=1):
    command = [sys.executable, "-c", "import sys; print('no room on the disk'); sys.exit(7)", "{port}"]
    return Server.process(command, url="dead:contract")


def deaf_server(nodes=1):
    command = [sys.executable, "-c", "import time; print('still thinking', flush=True); time.sleep(600)", "{port}"]
    return Server.process(command, url="deaf:contract")
'''

NAMES = ("overlooking", "flaky", "noting", "hanging", "dead", "deaf")


def installed(folder: Path) -> dict[str, str]:
    """Return the environment of a process in which they are installed; ``unshipped`` comes without a harness."""
    points = {
        "db": [f"{name} = mutants:{name}" for name in (*NAMES, "unshipped")],
        "pubsub": [f"{name} = dfbackends.drivers.config:memory_pubsub" for name in (*NAMES, "unshipped")],
        "harness": [f"{name} = mutants:{name}_server" for name in NAMES],
    }
    return plugged(folder, "mutants", "mutants", CODE, **{group: "\n".join(lines) for group, lines in points.items()})
