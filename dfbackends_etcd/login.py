"""The token by which calls are known to come from a user."""

from __future__ import annotations

import threading
import time

from dfbackends_etcd.access import Access, Metadata
from dfbackends_etcd.errors import CallFailed, has_no_users
from dfbackends_etcd.member import Member
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.turn import turn


class Login:
    """Fetches a token where there is a user, and another one when a server takes it no more. All members take the same."""

    def __init__(self, access: Access) -> None:
        self._access = access
        # Guards what goes along, None where it has to be fetched: one caller does, the others wait for that.
        self._lock = threading.Lock()
        self._metadata: Metadata | None = () if access.user is None else None

    def metadata(self, member: Member, until: float) -> Metadata:
        """Return what goes along with a call, at the time given (time.monotonic) at last.

        :raises NotConnected: nothing was sent: there is no line, or another caller waits for a token
        :raises CallFailed: the server did not take the password, or did not answer; nothing else was sent
        """
        metadata = self._metadata
        if metadata is None:
            with turn(self._lock, until):
                metadata = self._metadata
                if metadata is None:
                    metadata = self._metadata = self._fetched(member, until - time.monotonic())
        return metadata

    @property
    def ignored(self) -> bool:
        """Whether there is a user, and the server has said that it knows none."""
        return self._access.user is not None and self._metadata == ()

    def refused(self, metadata: Metadata) -> bool:
        """Take in that a server did not take what went along; return whether there will be something else."""
        if self._access.user is None:
            return False
        with self._lock:
            # Another caller may have fetched a new one already.
            if self._metadata == metadata:
                self._metadata = None
        return True

    def _fetched(self, member: Member, timeout: float) -> Metadata:
        """Return a token; nothing where the server knows no users."""
        request = rpc.AuthenticateRequest(name=self._access.user, password=self._access.password or "")
        try:
            return (("token", member.authenticate(request, timeout=timeout).token),)
        except CallFailed as error:
            if has_no_users(error):
                return ()
            raise
