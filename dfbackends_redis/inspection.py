"""What the settings of servers take away from what is promised."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from dfbackends.api import Finding
from dfbackends_redis.node import Node
from dfbackends_redis.resp import packed
from dfbackends_redis.servers import Servers

OLDEST = (6, 2)
"""The oldest version that is tested."""

_SMALLEST_BUFFER = 4 << 20
"""Bytes that a subscriber may lag behind: some messages of the largest size at least."""

_CONFIGURED = ("save", "client-output-buffer-limit", "cluster-node-timeout")


class State(NamedTuple):
    """What a server tells of itself: INFO, and CONFIG GET where that is permitted. And how long a failover is taken to take."""

    info: Mapping[str, str]
    config: Mapping[str, str] | None
    failover: float


def inspected(servers: Servers, failover: float) -> list[Finding]:
    """Return what is found at the masters, each thing once, and at those who replace them.

    :raises NotConnected: nobody could be asked which servers there are
    """
    nodes = servers.masters()
    where: dict[Finding, list[str]] = {}
    for node in nodes:
        for finding in _of_node(node, failover):
            where.setdefault(finding, []).append(str(node.address))
    found = [finding._replace(text=f"{', '.join(places)}: {finding.text}") for finding, places in where.items()]
    return found + servers.findings(failover)


def _of_node(node: Node, failover: float) -> list[Finding]:
    try:
        state = _state(node, failover)
    except Exception as error:  # noqa: BLE001 - whatever it is, this server could not be looked at.
        return [Finding(f"its settings could not be looked at ({type(error).__name__})")]
    if state is None:
        return [Finding("its settings could not be looked at: the user needs +info (see python -m dfbackends_redis.acl)")]
    return findings(state)


def _state(node: Node, failover: float) -> State | None:
    """Return what a server tells; None where it refuses."""
    with node.line() as wire:
        wire.send(packed([("INFO",), *(("CONFIG", "GET", name) for name in _CONFIGURED)]))
        told = wire.reply()
        answers = [wire.reply() for _ in _CONFIGURED]
    if isinstance(told, Exception):
        return None
    info = dict(line.split(":", 1) for line in told.decode().splitlines() if ":" in line)
    if any(isinstance(answer, Exception) for answer in answers):
        return State(info, None, failover)
    config = {name: answer[1].decode() if answer else "" for name, answer in zip(_CONFIGURED, answers, strict=True)}
    return State(info, config, failover)


def findings(state: State) -> list[Finding]:
    """Return what is wrong with one server."""
    return [finding for look in _LOOKS for finding in look(state)]


def _version(state: State) -> Iterator[Finding]:
    version = state.info["redis_version"]
    if tuple(map(int, version.split(".")[:2])) < OLDEST:
        yield Finding(f"version {version} is older than {'.'.join(map(str, OLDEST))}, the oldest that is tested")


def _eviction(state: State) -> Iterator[Finding]:
    policy = state.info["maxmemory_policy"]
    if policy != "noeviction" and state.info["maxmemory"] != "0":
        yield Finding(
            "when its memory is full it throws entries, or outcomes of writes, away: set maxmemory-policy to noeviction, not "
            f"{policy}",
            grave=True,
        )


def _persistence(state: State) -> Iterator[Finding]:
    if state.info["aof_enabled"] != "0":
        return
    if state.config is None:
        yield Finding("without an append-only file what was written last is lost when it ends: set appendonly to yes")
    elif state.config["save"]:
        yield Finding("what was written after the last snapshot is lost when it ends: set appendonly to yes")
    else:
        yield Finding("it keeps nothing on disk, and is empty when it starts again: set appendonly to yes", grave=True)


def _replicas(state: State) -> Iterator[Finding]:
    if not state.failover:
        return
    if state.info["connected_slaves"] == "0":
        yield Finding("it has no replica, which could take over")
    elif "min_slaves_good_slaves" not in state.info:
        yield Finding(
            "when it is cut off from its replicas it takes writes that are lost later: set min-replicas-to-write to 1, and "
            "min-replicas-max-lag to some seconds"
        )


def _buffers(state: State) -> Iterator[Finding]:
    if state.config is None:
        return
    words = state.config["client-output-buffer-limit"].split()
    hard, soft, _ = map(int, words[words.index("pubsub") + 1 :][:3])
    if not hard:
        yield Finding("one slow subscriber can fill its memory: give client-output-buffer-limit pubsub a limit")
    elif min(hard, soft or hard) < _SMALLEST_BUFFER:
        yield Finding(
            f"subscribers are cut off when they are {min(hard, soft or hard)} bytes behind: set client-output-buffer-limit "
            f"pubsub to {_SMALLEST_BUFFER} or more"
        )


def _node_timeout(state: State) -> Iterator[Finding]:
    if state.config is None or state.info.get("cluster_enabled") != "1":
        return
    if not state.failover and state.info["connected_slaves"] == "0":
        # Nobody takes over, and nobody waits for it.
        return
    yield from too_slow("cluster-node-timeout", 1.3 * int(state.config["cluster-node-timeout"]) / 1000 + 2, state.failover)


def too_slow(setting: str, needed: float, failover: float) -> list[Finding]:
    """Return what to say where a failover takes longer, by a setting, than the option says."""
    if failover >= needed:
        return []
    text = (
        f"with its {setting} a failover takes {needed:g} s, and the option failover says {failover:g}: "
        f"set failover to {needed:g}, and deadline to {needed + 2:g}, or {setting} to less"
    )
    return [Finding(text, grave=True)]


def _rights(state: State) -> Iterator[Finding]:
    if state.config is None:
        yield Finding(
            f"{', '.join(_CONFIGURED)} could not be looked at: the user has no right to CONFIG GET, which nothing else needs"
        )


_LOOKS: tuple[Callable[[State], Iterator[Finding]], ...] = (
    _version, _eviction, _persistence, _replicas, _buffers, _node_timeout, _rights,
)  # fmt: skip
