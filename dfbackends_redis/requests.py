"""Sending requests to the servers that have what they are about, and following where these point."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from redis.exceptions import AskError, MovedError, NoScriptError, TryAgainError

from dfbackends_redis.access import Address
from dfbackends_redis.errors import NotReplicated
from dfbackends_redis.node import Node
from dfbackends_redis.resp import Command, pack, packed
from dfbackends_redis.scripts import ALL
from dfbackends_redis.servers import Servers
from dfbackends_redis.wire import Wire

_HOPS = 5
_PAUSE = 0.02


class Call(NamedTuple):
    """A request about one slot; its answer counts when so many replicas have what was written before it."""

    slot: int
    command: Command
    replicas: int = 0


def all_of(answers: list[Any]) -> list[Any]:
    """Return the answers, if none is an exception, and raise the first one else."""
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


class _Sent(NamedTuple):
    node: Node
    wire: Wire
    calls: list[int]


class Requests:
    """All calls of one handle. Nothing is repeated that may have been done."""

    def __init__(self, servers: Servers, timeout: float) -> None:
        self.servers = servers
        self._timeout = timeout

    def answer(self, slot: int, *command: str | bytes | int) -> Any:
        """Return the answer to one request.

        :raises NotConnected: it was not sent
        :raises redis.RedisError: the server's error, or one of the line, after which it may have been done
        """
        until = time.monotonic() + self._timeout
        node = self.servers.owner(slot)
        try:
            wire = node.take()
            try:
                # What it took to get a line is not to be waited for once more.
                late = time.monotonic() > until - 0.9 * self._timeout
                if late:
                    wire.within(until - time.monotonic())
                reply = wire.ask(pack(command))
                if late:
                    wire.renew()
            except BaseException:
                node.drop(wire)
                raise
            node.give(wire)
        except Exception as error:
            self.servers.failed(node, error)
            raise
        if isinstance(reply, Exception):
            [reply] = self._followed([Call(slot, command)], [reply], [node])
            if isinstance(reply, Exception):
                raise reply
        return reply

    @contextlib.contextmanager
    def line(self, slot: int) -> Iterator[tuple[Node, Wire]]:
        """Give the line for a slot for a block; what fails there is not sent elsewhere."""
        node = self.servers.owner(slot)
        try:
            with node.line() as wire:
                yield node, wire
        except MovedError as error:
            self.servers.at(_named(error, node), slot)
            raise
        except Exception as error:
            self.servers.failed(node, error)
            raise

    def answers(self, calls: Sequence[Call]) -> list[Any]:
        """Return the answers to several requests, an exception for each that failed; those of a server go out together."""
        replies: list[Any] = [None] * len(calls)
        nodes: list[Node | None] = [None] * len(calls)
        self._exchange(calls, dict.fromkeys(range(len(calls))), replies, nodes)
        if any(isinstance(reply, Exception) for reply in replies):
            return self._followed(calls, replies, nodes)
        return replies

    def _exchange(
        self,
        calls: Sequence[Call],
        where: dict[int, Node | None],
        replies: list[Any],
        nodes: list[Node | None],
        *,
        ask: bool = False,
    ) -> None:
        """Send calls to where they belong, and set their replies and who gave them."""
        until = time.monotonic() + self._timeout
        sent: list[_Sent] = []
        for node, group in self._by_server(calls, where, replies, nodes).items():
            commands: list[Command] = []
            for i in group:
                commands += self._commands(calls[i], ask=ask)
            try:
                wire = node.take()
            except Exception as error:  # noqa: BLE001
                self._fail(node, group, replies, error)
                continue
            try:
                wire.send(packed(commands))
            except Exception as error:  # noqa: BLE001
                node.drop(wire)
                self._fail(node, group, replies, error)
            else:
                sent.append(_Sent(node, wire, group))
        while sent:
            one = sent.pop(0)
            try:
                self._receive(one, calls, replies, until, ask=ask)
            except BaseException:
                for node, wire, _ in sent:
                    node.drop(wire)
                raise

    def _by_server(
        self, calls: Sequence[Call], where: dict[int, Node | None], replies: list[Any], nodes: list[Node | None]
    ) -> dict[Node, list[int]]:
        groups: dict[Node, list[int]] = {}
        for i, target in where.items():
            try:
                node = target or self.servers.owner(calls[i].slot)
            except Exception as error:  # noqa: BLE001 - it is the answer to this call.
                replies[i] = error
            else:
                nodes[i] = node
                groups.setdefault(node, []).append(i)
        return groups

    def _commands(self, call: Call, *, ask: bool) -> list[Command]:
        commands: list[Command] = [("ASKING",)] if ask else []
        commands.append(call.command)
        if call.replicas:
            commands.append(("WAIT", call.replicas, round(self._timeout * 500)))
        return commands

    def _receive(self, sent: _Sent, calls: Sequence[Call], replies: list[Any], until: float, *, ask: bool) -> None:
        node, wire, group = sent
        done = 0
        try:
            shortened = time.monotonic() > until - 0.9 * self._timeout
            if shortened:
                wire.within(until - time.monotonic())
            for i in group:
                if ask:
                    wire.reply()
                reply = wire.reply()
                if calls[i].replicas:
                    confirmed = wire.reply()
                    if not isinstance(reply, Exception) and not (isinstance(confirmed, int) and confirmed >= calls[i].replicas):
                        reply = NotReplicated()
                replies[i] = reply
                done += 1
            if shortened:
                wire.renew()
        except Exception as error:  # noqa: BLE001
            node.drop(wire)
            self._fail(node, group[done:], replies, error)
        except BaseException:
            node.drop(wire)
            raise
        else:
            node.give(wire)

    def _fail(self, node: Node, group: Sequence[int], replies: list[Any], error: Exception) -> None:
        self.servers.failed(node, error)
        for i in group:
            replies[i] = error

    def _followed(self, calls: Sequence[Call], replies: list[Any], nodes: Sequence[Node | None]) -> list[Any]:
        """Send again, in order, what a server has not done because another one has it, or because it knows no scripts."""
        found = list(nodes)
        until = time.monotonic() + self._timeout
        hops = 0
        while hops < (_HOPS if time.monotonic() < until else 1):
            late = time.monotonic() >= until
            again: dict[int, Node | None] = {}
            asking: dict[int, Node | None] = {}
            for i, reply in enumerate(replies):
                node = found[i]
                if not isinstance(reply, Exception) or node is None:
                    continue
                if isinstance(reply, MovedError):
                    again[i] = self.servers.at(_named(reply, node), calls[i].slot)
                elif isinstance(reply, AskError):
                    asking[i] = self.servers.at(_named(reply, node))
                elif isinstance(reply, TryAgainError) and not late:
                    # Some keys of the slot have moved; soon all have, or the server says who has them.
                    again[i] = None
                elif isinstance(reply, NoScriptError) or "NOSCRIPT" in str(reply):
                    self._teach(node)
                    again[i] = node
                else:
                    self.servers.failed(node, reply)
            if not again and not asking:
                break
            if None in again.values():
                time.sleep(_PAUSE)
            else:
                hops += 1
            self._exchange(calls, again, replies, found)
            self._exchange(calls, asking, replies, found, ask=True)
        return replies

    def _teach(self, node: Node) -> None:
        with node.line() as wire:
            wire.send(packed([("SCRIPT", "LOAD", script.text) for script in ALL]))
            for _ in ALL:
                wire.reply()

    def close(self) -> None:
        """Close all lines."""
        self.servers.close()


def _named(error: AskError, node: Node) -> Address:
    # A server that does not know its own name means the one by which it was reached.
    return Address(error.host or node.address.host, error.port)
