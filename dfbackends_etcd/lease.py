"""What is kept for some time: keys hang on a lease, and go with it."""

from __future__ import annotations

import math
import threading
import time

from dfbackends_etcd.members import Members
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.turn import turn

_SHARE = 10
"""A lease takes keys for a tenth of the time for which they are kept, so that not too many go at once."""

_SLACK = 5.0


class Lease:
    """Names a lease that is never prolonged: what hangs on it stays for ``keep`` seconds at least, and a tenth more at most.

    A request that names it and arrives after its end is refused as a whole.
    """

    def __init__(self, members: Members, keep: float) -> None:
        self._members = members
        self._takes = keep / _SHARE
        self._ttl = math.ceil(keep + self._takes + _SLACK)
        # Guards the lease: one caller asks for it, the others wait for that.
        self._lock = threading.Lock()
        self._id = 0
        self._until = 0.0

    def id(self, until: float | None = None) -> int:
        """Return the lease; errors as for ``Members.answer``, to which a new one costs a call."""
        began = time.monotonic()
        if began < self._until:
            return self._id
        until = began + self._members.timeout if until is None else until
        with turn(self._lock, until):
            began = time.monotonic()
            if began >= self._until:
                self._id = self._members.answer("grant", rpc.LeaseGrantRequest(TTL=self._ttl), until).ID
                self._until = began + self._takes
            return self._id

    def lost(self, lease: int) -> None:
        """Take in that a lease is gone before its time: the next one who asks gets another."""
        with self._lock:
            if self._id == lease:
                self._until = 0.0
