"""Whether there is a server to be tested."""

from __future__ import annotations

import os

from dfbackends_redis.testing.program import PROGRAM

HOW = PROGRAM.missing
"""Why there is none, and how to have one."""

MISSING = bool(HOW) and "CI" not in os.environ
"""Then tests are skipped; in CI they fail."""
