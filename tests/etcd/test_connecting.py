"""How members are connected to, and what becomes of the lines between calls."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from contract_tests.servers.node import HOST, free_port
from contract_tests.waiting import FACTOR
from dfbackends_etcd.access import Access, Address
from dfbackends_etcd.channel import Channel
from dfbackends_etcd.errors import NotConnected
from dfbackends_etcd.lines import Lines
from dfbackends_etcd.members import Members
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.testing import EtcdServer
from tests.etcd.peer import ACCESS, ASKED, Peer, ranged


def test_nobody_who_answers_was_sent_nothing() -> None:
    with closing(Channel(Address(HOST, free_port()), ACCESS)) as channel, pytest.raises(NotConnected):
        ranged(channel)(ASKED, timeout=5)


def test_no_time_is_left_to_ask(peer: Peer) -> None:
    with closing(Channel(peer.address, ACCESS)) as channel, pytest.raises(NotConnected):
        ranged(channel)(ASKED, timeout=-1)


def test_a_server_that_was_started_again_is_not_asked_by_an_old_line(fresh: EtcdServer) -> None:
    fresh.start()
    with closing(Channel(Address(HOST, fresh.port), ACCESS)) as channel:
        ranged(channel)(ASKED, timeout=5)
        fresh.kill()
        fresh.start()

        assert ranged(channel)(ASKED, timeout=5).header.revision


def test_lines_that_are_not_needed_any_more_are_closed(server: EtcdServer) -> None:
    with closing(Lines(Address(HOST, server.port), ACCESS)) as lines:
        taken = [lines.take() for _ in range(3)]
        for wire in taken:
            lines.give(wire)
        taken[0].used -= 3600
        taken[1].used -= 3600

        for _ in range(2):
            last = lines.take()
            lines.give(last)

        now = [lines.take() for _ in range(2)]
        for wire in now:
            lines.give(wire)
        assert now[0] is last is taken[2]
        assert now[1] not in taken


def test_a_line_that_was_in_use_when_all_were_doubted_is_not_used_again(server: EtcdServer) -> None:
    with closing(Lines(Address(HOST, server.port), ACCESS)) as lines:
        taken = lines.take()
        lines.rest()
        lines.give(taken)

        now = lines.take()
        lines.give(now)
        assert now is not taken


@pytest.fixture
def hole() -> Iterator[Address]:
    """An address at which nothing is refused, and nobody answers."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind((HOST, 0))
        full.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        yield Address(HOST, full.getsockname()[1])


def test_connecting_takes_no_longer_than_the_call_may(hole: Address) -> None:
    began = time.monotonic()

    with closing(Channel(hole, Access(connect_timeout=30.0))) as channel, pytest.raises(NotConnected):
        ranged(channel)(ASKED, timeout=0.2)

    assert time.monotonic() - began < 10 * FACTOR


def test_a_member_that_does_not_answer_takes_no_time_from_the_others(hole: Address, server: EtcdServer) -> None:
    good = Address(HOST, server.port)
    with closing(Members([hole, good], Access(connect_timeout=0.5))) as members:
        told = dict(members.everyone("status", rpc.StatusRequest()))

    assert {member.address: type(answer) for member, answer in told.items()} == {hole: NotConnected, good: rpc.StatusResponse}


@pytest.mark.parametrize("host", ["no-such-host.invalid", "etcd..example", "x" * 70])
def test_a_host_that_there_can_not_be_is_not_connected(host: str) -> None:
    with closing(Channel(Address(host, 2379), ACCESS)) as channel, pytest.raises(NotConnected):
        ranged(channel)(ASKED, timeout=5)
