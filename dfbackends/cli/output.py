"""What a command prints to standard output: text for people, a JSON document a line for machines."""

from __future__ import annotations

import json
import os
import sys
from typing import Any


class Output:
    """Standard output; ``machine`` is whether ``--json`` was given."""

    def __init__(self, *, machine: bool) -> None:
        self.machine = machine

    def text(self, line: str) -> None:
        """Print a line."""
        sys.stdout.write(line + "\n")

    def document(self, value: Any) -> None:
        """Print a JSON document on a line of its own."""
        self.text(compact(value))

    def say(self, line: str, **document: Any) -> None:
        """Print the line, or the document for a machine."""
        if self.machine:
            self.document(document)
        else:
            self.text(line)

    def flush(self) -> None:
        """Hand all over to the reader now."""
        sys.stdout.flush()


def compact(value: Any) -> str:
    """Return JSON without needless space; the read-only values of a mirror, too."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=dict)


def readable(value: Any) -> str:
    """Return JSON in lines."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def shown(name: str) -> str:
    """Return a name as it is; as JSON where it has a tab, a new line, or anything else that does not print."""
    return name if name.isprintable() and not name.startswith('"') else json.dumps(name)


def drop_output() -> None:
    """Forget what is not written yet: nobody reads it any more, and Python would complain about it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
