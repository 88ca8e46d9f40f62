"""The backend with a network that the suite is proven by, installed as another would install it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_INSTALLED = str(Path(__file__).parent / "installed")


@contextmanager
def installed() -> Iterator[None]:
    """Let the backend be found by its name, here and in processes that are started meanwhile."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = _INSTALLED if not before else f"{_INSTALLED}{os.pathsep}{before}"
    sys.path.insert(0, _INSTALLED)
    try:
        yield
    finally:
        sys.path.remove(_INSTALLED)
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
