"""What the settings of members take away from what is promised."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from http.client import HTTPException
from typing import Any, NamedTuple

from dfbackends.api import Finding
from dfbackends_etcd.layout import ROOT
from dfbackends_etcd.members import Members
from dfbackends_etcd.metrics import COMPACTED, QUOTA, REVISION, metrics
from dfbackends_etcd.stubs import rpc

OLDEST = (3, 4)
"""The oldest version that is tested."""

_LOSING = ((3, 5, 0), (3, 5, 3))
"""From the first of these on, and before the second, a member may come back from a crash without what it had acknowledged."""

_MUCH = 0.8
_LONG = 100_000
"""Changes that may well be kept: with them watching goes on where it was."""

_GET = rpc.AlarmRequest(action=rpc.AlarmRequest.GET)


class State(NamedTuple):
    """What a member tells of itself."""

    version: str
    size: int
    figures: Mapping[str, float] | None
    """None where it could not be asked for them."""


class Cluster(NamedTuple):
    """What all members tell of it; None what they do not tell us."""

    alarms: Sequence[Any] | None
    members: int | None
    named: int
    takes_ops: bool
    ignores_users: bool


def inspected(members: Members, ops: int) -> list[Finding]:
    """Return what is found, each thing once.

    :raises NotConnected: nobody could be asked
    """
    where: dict[Finding, list[str]] = {}
    for member, told in members.everyone("status", rpc.StatusRequest()):
        if isinstance(told, Exception):
            found = [Finding("it does not answer")]
        else:
            found = findings(State(told.version, told.dbSize, _figures(members, member)))
        for finding in found:
            where.setdefault(finding, []).append(str(member.address))
    of_members = [finding._replace(text=f"{', '.join(found)}: {finding.text}") for finding, found in where.items()]
    return [*of_members, *cluster_findings(_cluster(members, ops))]


def _figures(members: Members, member: Any) -> Mapping[str, float] | None:
    try:
        return metrics(member.address, members.access)
    except (OSError, ValueError, HTTPException):
        return None


def _cluster(members: Members, ops: int) -> Cluster:
    look = rpc.RequestOp(request_range=rpc.RangeRequest(key=ROOT, limit=1, keys_only=True))
    [alarms] = members.answers("alarm", [_GET])
    [listed] = members.answers("members", [rpc.MemberListRequest()])
    [took] = members.answers("txn", [rpc.TxnRequest(success=[look] * ops)])
    return Cluster(
        alarms=None if isinstance(alarms, Exception) else alarms.alarms,
        members=None if isinstance(listed, Exception) else len(listed.members),
        named=len(members.all),
        takes_ops=not isinstance(took, Exception),
        ignores_users=members.ignores_users,
    )


def findings(state: State) -> list[Finding]:
    """Return what is wrong with one member."""
    return [finding for look in _LOOKS for finding in look(state)]


def cluster_findings(cluster: Cluster) -> list[Finding]:
    """Return what is wrong with all of them together."""
    return [finding for look in _CLUSTER_LOOKS for finding in look(cluster)]


def _version(state: State) -> Iterator[Finding]:
    version = tuple(int(part) for part in state.version.partition("-")[0].split("."))
    if version < OLDEST:
        yield Finding(f"version {state.version} is older than {'.'.join(map(str, OLDEST))}, the oldest that is tested")
    if _LOSING[0] <= version < _LOSING[1]:
        yield Finding(
            f"version {state.version} can lose writes that were acknowledged when it is killed under load: install "
            f"{'.'.join(map(str, _LOSING[1]))} or later",
            grave=True,
        )


def _quota(state: State) -> Iterator[Finding]:
    if state.figures is None or QUOTA not in state.figures:
        yield Finding("how much it may store could not be looked at: it answers no GET /metrics, which nothing else needs")
    elif state.size > _MUCH * state.figures[QUOTA]:
        yield Finding(
            f"{state.size} of the {state.figures[QUOTA]:.0f} bytes of its quota are used, after which it takes no writes: "
            "compact and defragment it, or set quota-backend-bytes to more"
        )


def _history(state: State) -> Iterator[Finding]:
    figures = state.figures or {}
    kept = figures.get(REVISION, 0) - max(figures.get(COMPACTED, 0), 0)
    if kept > _LONG:
        yield Finding(
            f"it keeps the last {kept:.0f} changes, which use up its quota: set auto-compaction-retention, to 1h for example"
        )


def _alarms(cluster: Cluster) -> Iterator[Finding]:
    kinds = {alarm.alarm for alarm in cluster.alarms or ()}
    if rpc.NOSPACE in kinds:
        yield Finding("its quota is used up, and it takes no writes: compact and defragment it, then disarm the alarm")
    if kinds - {rpc.NOSPACE, rpc.NONE}:
        yield Finding("its members do not hold the same: replace the one that is named by the alarm", grave=True)
    if cluster.alarms is None:
        yield Finding("alarms could not be looked at: the user has no right to it")


def _members(cluster: Cluster) -> Iterator[Finding]:
    if cluster.members is None:
        yield Finding("the list of members could not be looked at: the user has no right to it")
        return
    count = cluster.members
    if count != cluster.named:
        yield Finding(
            f"it has {count} members, of which hosts names {cluster.named}: name all, so that a dead one is passed over"
        )
    if count % 2 == 0:
        yield Finding(f"{count} members survive no more failures than {count - 1} do: add one, or remove one")


def _operations(cluster: Cluster) -> Iterator[Finding]:
    if not cluster.takes_ops:
        yield Finding("a transaction may hold fewer operations than max_txn_ops says: set it to the max-txn-ops of the members")


def _users(cluster: Cluster) -> Iterator[Finding]:
    if cluster.ignores_users:
        yield Finding("it lets everybody in: the user was not asked for, since authentication is not enabled")


_LOOKS: tuple[Callable[[State], Iterator[Finding]], ...] = (_version, _quota, _history)
_CLUSTER_LOOKS: tuple[Callable[[Cluster], Iterator[Finding]], ...] = (_alarms, _members, _operations, _users)
