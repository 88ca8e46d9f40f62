"""Lines to a member that reaches the others."""

from __future__ import annotations

import time

from dfbackends_etcd.access import Metadata
from dfbackends_etcd.errors import LineLost, NotConnected
from dfbackends_etcd.layout import STORE
from dfbackends_etcd.member import Member
from dfbackends_etcd.members import Members
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.wire import End, Wire

RANGE = "/etcdserverpb.KV/Range"
PROOF = rpc.RangeRequest(key=STORE, keys_only=True)
"""Is answered when the member has heard from most of the others, and has taken in what they had agreed on."""


def dialled(members: Members) -> tuple[Wire, Member, Metadata]:
    """Return a line to the member that is called at present, or to the next one that answers; and what goes along with calls.

    :raises LineLost: a member answers, and does not reach the others
    """
    until = time.monotonic() + members.timeout
    tries = len(members.all)
    while True:
        member, metadata = members.reach(until)
        try:
            wire = Wire(member.address, members.access)
            try:
                _prove(wire, metadata, min(until, time.monotonic() + members.access.connect_timeout))
            except BaseException:
                wire.close()
                raise
        except (NotConnected, LineLost):
            members.leave(member)
            tries -= 1
            if not tries or time.monotonic() >= until:
                raise
        else:
            return wire, member, metadata


def is_answer(end: End) -> bool:
    """Return whether this is the end of a call that a member has answered, be it that it refused it."""
    return end.status in _ANSWERS


def _prove(wire: Wire, metadata: Metadata, until: float) -> None:
    stream = wire.open(RANGE, metadata)
    wire.send(stream, [PROOF], last=True)
    while True:
        remaining = until - time.monotonic()
        if remaining <= 0:
            raise LineLost("the member does not answer, or does not reach the others")
        for part in wire.receive(remaining):
            if isinstance(part, End):
                if is_answer(part):
                    return
                raise LineLost(f"the member does not reach the others: {part.text}")


_ANSWERS = (0, 3, 7, 16)
"""Well, and that the token or the right is missing, which is looked at last."""
