"""The members of a cluster, as one that answers."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Literal

from dfbackends_etcd.access import Access, Address, Metadata
from dfbackends_etcd.channel import Asked, Call
from dfbackends_etcd.errors import CallFailed, HandleClosed, NotConnected, is_silent, is_token_refused
from dfbackends_etcd.login import Login
from dfbackends_etcd.member import Member
from dfbackends_etcd.turn import turn

Name = Literal["range", "put", "txn", "grant", "status", "alarm", "members"]

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

    def answer(self, call: Name, request: Any, until: float | None = None) -> Any:
        """Return what a member answers until a time (time.monotonic), by default in ``timeout`` seconds.

        :raises NotConnected: none could be reached; nothing was sent
        :raises HandleClosed: this was closed before; nothing was sent
        :raises CallFailed: the answer is an error, or there is none
        """
        [answer] = self.answers(call, (request,), until)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def answers(self, call: Name, requests: Sequence[Any], until: float | None = None) -> list[Any]:
        """Return the answers to several requests that are under way together, an exception in the place of each that failed.

        Errors of reaching a member as for ``answer``.
        """
        found: list[Any] = []
        for first in range(0, len(requests), _AT_ONCE):
            latest = time.monotonic() + self.timeout if until is None else until
            found += self.begin(call, requests[first : first + _AT_ONCE], latest).answers(latest)
        return found

    def begin(self, call: Name, requests: Sequence[Any], until: float | None = None) -> Begun:
        """Send some requests that are under way together, and return what will know their answers.

        Errors of reaching a member as for ``answer``.
        """
        until = time.monotonic() + self.timeout if until is None else until
        tries = len(self.all)
        while True:
            member, metadata = self.reach(until)
            try:
                asked = self._call(member, call).begin(requests, until, metadata)
            except NotConnected:
                self.leave(member)
                tries -= 1
                if not tries or time.monotonic() >= until:
                    raise
            else:
                return Begun(self, member, metadata, call, requests, asked)

    def refused(self, metadata: Metadata) -> bool:
        """Take in that a member did not take what went along with a call; return whether there will be something else."""
        return self._login.refused(metadata)

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
            except CallFailed as error:
                # Of a login; the call itself was not sent.
                if not is_silent(error):
                    raise
                self.leave(member)
                raise NotConnected(str(member.address)) from error

    def everyone(self, call: Name, request: Any) -> list[tuple[Member, Any]]:
        """Return what each member answers, an exception where it fails; errors of reaching any of them as for ``answer``."""
        timeout = self.access.connect_timeout
        _, metadata = self.reach(time.monotonic() + self.timeout)
        with ExitStack() as given_up:
            sent: list[tuple[Member, Asked | NotConnected]] = []
            for member in self.all:
                sent.append((member, asked := self._begun(member, call, request, time.monotonic() + timeout, metadata)))
                if isinstance(asked, Asked):
                    given_up.callback(asked.drop)
            until = time.monotonic() + timeout
            return [(member, asked.answers(until)[0] if isinstance(asked, Asked) else asked) for member, asked in sent]

    @property
    def ignores_users(self) -> bool:
        """Whether there is a user that nobody asked for."""
        return self._login.ignored

    def leave(self, member: Member) -> None:
        """Take in that a member is silent: the next call goes to another one, if there is one."""
        with self._lock:
            if member.proven:
                member.doubt()
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

    def _begun(self, member: Member, call: Name, request: Any, until: float, metadata: Metadata) -> Asked | NotConnected:
        try:
            return self._call(member, call).begin([request], until, metadata)
        except NotConnected as error:
            return error

    @staticmethod
    def _call(member: Member, call: Name) -> Call:
        found: Call = getattr(member, call)
        return found


class Begun:
    """Requests that were sent to a member together."""

    def __init__(
        self, members: Members, member: Member, metadata: Metadata, call: Name, requests: Sequence[Any], asked: Asked
    ) -> None:
        self._members = members
        self._member = member
        self._metadata = metadata
        self._call: Name = call
        self._requests = requests
        self._asked = asked

    def answers(self, until: float | None = None, *, renew: bool = True) -> list[Any]:
        """Return the answers, once, an exception in the place of each that failed; as long is waited as for ``answer``.

        What is refused for an old token, and so was not looked at, goes out once more with a new one, unless ``renew`` is
        false; errors of reaching a member then as for ``answer``.
        """
        until = time.monotonic() + self._members.timeout if until is None else until
        found = self._asked.answers(until)
        if any(isinstance(answer, Exception) and is_silent(answer) for answer in found):
            self._members.leave(self._member)
        refused = [number for number, answer in enumerate(found) if isinstance(answer, Exception) and is_token_refused(answer)]
        if renew and refused and self._members.refused(self._metadata):
            again = self._members.begin(self._call, [self._requests[number] for number in refused], until)
            for number, answer in zip(refused, again.answers(until, renew=False), strict=True):
                found[number] = answer
        return found

    def drop(self) -> None:
        """Give the answers up."""
        self._asked.drop()
