"""One caller asks a member for what all of them need, and the others wait for that."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dfbackends_etcd.errors import NotConnected


@contextmanager
def turn(lock: threading.Lock, until: float) -> Iterator[None]:
    """Hold a lock.

    :raises NotConnected: it was not to be had until then (time.monotonic): who had it got no answer either
    """
    if not lock.acquire(timeout=max(0.0, until - time.monotonic())):
        raise NotConnected("another caller waits for an answer")
    try:
        yield
    finally:
        lock.release()
