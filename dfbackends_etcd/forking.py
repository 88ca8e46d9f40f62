"""Calls of gRPC and forks of the process, which must not happen at once.

gRPC gets ready for a fork in a process that does not call it in that moment, and where its environment does not forbid that;
else a child that calls it hangs, or is ended by the system. So a fork waits for the calls that are under way, and a child
for which it has waited in vain refuses to call.
"""

from __future__ import annotations

import os
import threading

from dfbackends_etcd.errors import Forked

_PATIENCE = 5.0
_VARIABLE = "GRPC_ENABLE_FORK_SUPPORT"
_OFF = ("0", "false", "no", "off")


class _Calls:
    """How many calls are under way, and whether there may be more."""

    def __init__(self) -> None:
        # Guards all below.
        self.changed = threading.Condition()
        self.count = 0
        self.forking = 0
        self.ever = False
        self.broken = False


_calls = _Calls()


class calling:  # noqa: N801 - it reads as what it does, and as a function it would take longer.
    """Call gRPC in the block.

    :raises Forked: this process is a child that must not; nothing was sent
    """

    __slots__ = ("_calls",)

    def __enter__(self) -> None:
        calls = self._calls = _calls
        with calls.changed:
            if calls.broken:
                raise Forked(
                    f"gRPC was in use, or {_VARIABLE} forbids it, when this process was forked: start one anew instead"
                )
            while calls.forking:
                calls.changed.wait()
            calls.ever = True
            calls.count += 1

    def __exit__(self, *_: object) -> None:
        calls = self._calls
        with calls.changed:
            calls.count -= 1
            if calls.forking:
                calls.changed.notify_all()


def _before() -> None:
    calls = _calls
    with calls.changed:
        calls.forking += 1
        calls.changed.wait_for(lambda: not calls.count, _PATIENCE)


def _in_parent() -> None:
    calls = _calls
    with calls.changed:
        calls.forking -= 1
        calls.changed.notify_all()


def _in_child() -> None:
    global _calls
    # What the other threads held is held by nobody now.
    before, _calls = _calls, _Calls()
    forbidden = os.environ.get(_VARIABLE, "").lower() in _OFF
    _calls.broken = before.broken or bool(before.count) or (before.ever and forbidden)


os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
