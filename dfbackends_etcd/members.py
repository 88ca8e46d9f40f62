"""The members of a cluster, as one that answers."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from typing import Any, Literal

import grpc

from dfbackends_etcd.access import Access, Address
from dfbackends_etcd.errors import HandleClosed, NotConnected, is_silent, is_token_refused, never_connected
from dfbackends_etcd.forking import calling
from dfbackends_etcd.login import Login, Metadata
from dfbackends_etcd.member import Member
from dfbackends_etcd.turn import turn

Call = Literal["range", "put", "txn", "grant", "status", "alarm", "members"]

_AT_ONCE = 16


class Members:
    """Calls one member until it falls silent, then another one.

    A call that may have been done is never sent twice; one that was not sent, or was refused for an old token, goes out again.
    """

    def __init__(self, addresses: Sequence[Address], access: Access) -> None:
        self.access = access
        self.timeout: float = access.timeout
        """Seconds for which an answer is waited for."""
        # In any order, so that clients are spread over the members.
        self.all: list[Member] = [Member(address, access) for address in random.sample(addresses, len(addresses))]
        self._login = Login(access)
        # Guards which one is called.
        self._lock = threading.Lock()
        self._current = 0
        # One caller proves, the others wait for that.
        self._proving = threading.Lock()
        self._closed = False

    def answer(self, call: Call, request: Any, until: float | None = None) -> Any:
        """Return what a member answers until a time (time.monotonic), by default in ``timeout`` seconds.

        :raises NotConnected: none could be reached; nothing was sent
        :raises HandleClosed: this was closed before; nothing was sent
        :raises grpc.RpcError: the answer is an error, or there is none
        """
        until = time.monotonic() + self.timeout if until is None else until
        tries = len(self.all)
        renewed = False
        while True:
            member, metadata = self.reach(until)
            try:
                with calling():
                    return getattr(member, call)(request, timeout=until - time.monotonic(), metadata=metadata)
            except grpc.RpcError as error:
                if is_token_refused(error) and not renewed and self._login.refused(metadata):
                    renewed = True
                    continue
                if is_silent(error):
                    self.leave(member)
                    tries -= 1
                    if tries and never_connected(error):
                        continue
                raise
            except ValueError as error:
                raise self._ended(error) from error

    def answers(self, call: Call, requests: Sequence[Any], until: float | None = None) -> list[Any]:
        """Return the answers to several requests that are under way together, an exception in the place of each that failed.

        Errors of reaching a member as for ``answer``.
        """
        found: list[Any] = []
        for first in range(0, len(requests), _AT_ONCE):
            part = requests[first : first + _AT_ONCE]
            latest = time.monotonic() + self.timeout if until is None else until
            member, metadata = self.reach(latest)
            send = getattr(member, call).future
            try:
                with calling():
                    sent = [send(request, timeout=latest - time.monotonic(), metadata=metadata) for request in part]
            except ValueError as error:
                raise self._ended(error) from error
            found += [self._outcome(future, member, call, request, latest) for future, request in zip(sent, part, strict=True)]
        return found

    def reach(self, until: float) -> tuple[Member, Metadata]:
        """Return a member that is there, and what has to go along with a call; errors as for ``answer``."""
        tries = len(self.all)
        while True:
            if self._closed:
                raise HandleClosed
            member = self.all[self._current]
            try:
                if not member.proven:
                    self._prove(member, until)
                return member, self._login.metadata(member, until)
            except NotConnected:
                self.leave(member)
                tries -= 1
                if not tries or time.monotonic() >= until:
                    raise
            except ValueError as error:
                raise self._ended(error) from error
            except grpc.RpcError as error:
                # Of a login; the call itself was not sent.
                if not is_silent(error):
                    raise
                self.leave(member)
                raise NotConnected(str(member.address)) from error

    def everyone(self, call: Call, request: Any) -> list[tuple[Member, Any]]:
        """Return what each member answers, an exception where it fails; errors of reaching any of them as for ``answer``."""
        timeout = self.access.connect_timeout
        _, metadata = self.reach(time.monotonic() + self.timeout)
        with calling():
            sent = [(member, getattr(member, call).future(request, timeout=timeout, metadata=metadata)) for member in self.all]
        return [(member, future.exception() or future.result()) for member, future in sent]

    @property
    def ignores_users(self) -> bool:
        """Whether there is a user that nobody asked for."""
        return self._login.ignored

    def leave(self, member: Member) -> None:
        """Take in that a member is silent: the next call goes to another one, if there is one."""
        with self._lock:
            if member.proven and not self._closed:
                member.proven = False
                member.renew()
            if self.all[self._current] is member:
                self._current = (self._current + 1) % len(self.all)

    def close(self) -> None:
        """Give up all lines. Twice is harmless."""
        with self._lock:
            self._closed = True
        for member in self.all:
            member.close()

    def _prove(self, member: Member, until: float) -> None:
        with turn(self._proving, until):
            if not member.proven:
                member.prove(max(0.0, until - time.monotonic()))

    def _outcome(self, future: Any, member: Member, call: Call, request: Any, until: float) -> Any:
        try:
            return future.result()
        except grpc.FutureCancelledError as error:
            return error
        except grpc.RpcError as error:
            if is_token_refused(error) or never_connected(error):
                # It was not looked at, or not sent.
                try:
                    return self.answer(call, request, until)
                except Exception as failure:  # noqa: BLE001 - it is an answer like the others.
                    return failure
            if is_silent(error):
                self.leave(member)
            return error

    def _ended(self, error: ValueError) -> Exception:
        # So gRPC says that a channel was closed.
        return HandleClosed() if self._closed else error
