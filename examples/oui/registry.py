"""The IEEE registry of prefixes of network cards (OUI), as JSON Lines for ``dfbackends load``.

    python examples/oui/registry.py > oui.jsonl
    dfbackends load --url sqlite:oui.db oui oui.jsonl
    dfbackends ls --url sqlite:oui.db oui --topic 00 | head

The key is the prefix (``00-00-0C``), the topic its first octet (``00``), the value the organisation with its address.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterable, Iterator
from importlib import util
from pathlib import Path
from typing import Any

DEBIAN = Path("/usr/share/ieee-data/oui.txt")
_MARK = "(hex)"


def found() -> Path:
    """Return the copy of Debian's package ``ieee-data``, else the one inside the package ``netaddr`` of PyPI.

    :raises FileNotFoundError: neither is installed
    """
    if DEBIAN.exists():
        return DEBIAN
    spec = util.find_spec("netaddr")
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).with_name("eui") / "oui.txt"
    raise FileNotFoundError("install Debian's package ieee-data, or netaddr from PyPI, or name a copy of oui.txt")


def records(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield an entry for each prefix. The registry lists a few prefixes twice: the later one counts when they are loaded.

    A block begins with ``10-E9-92   (hex)  ORGANISATION``, repeats that in another form, and ends after the address with an
    empty line.
    """
    entry: dict[str, Any] | None = None
    for line in lines:
        prefix, mark, organisation = line.partition(_MARK)
        if mark:
            if entry is not None:
                yield entry
            key = prefix.strip()
            value = {"organisation": organisation.strip(), "address": []}
            entry = {"key": key, "topic": key[:2], "value": value}
        elif entry is not None and "(base 16)" not in line and line.strip():
            entry["value"]["address"].append(" ".join(line.split()))
    if entry is not None:
        yield entry


def main() -> None:
    """Write the registry to standard output."""
    parser = argparse.ArgumentParser(description="Turn the IEEE registry of prefixes of network cards into JSON Lines.")
    parser.add_argument("file", type=Path, nargs="?", help="a copy of oui.txt; by default the one that is installed")
    chosen: Path = parser.parse_args().file or found()
    # A filter ends in silence when nobody reads it any more.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    with chosen.open(encoding="utf-8", errors="replace") as lines:
        for record in records(lines):
            sys.stdout.buffer.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")


if __name__ == "__main__":
    main()
