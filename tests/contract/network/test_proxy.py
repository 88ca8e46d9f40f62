"""The network that fails on demand: what it does to connections."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from contract_tests.network.flow import Mode
from contract_tests.network.proxy import HOST, Proxy
from contract_tests.network.thread import Network
from contract_tests.network.trap import Hold
from contract_tests.waiting import eventually
from tests.contract.network.capitals import HELLO, Client, Upper, works


def test_what_is_sent_arrives_unchanged_both_ways(client: Client, server: Upper) -> None:
    long = os.urandom(400_000).replace(b"\n", b"-") + b"\n"

    assert client.ask(long) == long.upper()
    assert server.got == HELLO + long


def test_an_end_is_handed_on(client: Client, server: Upper, proxy: Proxy) -> None:
    client.socket.shutdown(socket.SHUT_WR)

    assert client.answer() == b""
    eventually(lambda: server.ends == ["closed"] and proxy.connections == 0, "both sides have ended")


def test_a_refused_port_can_be_used_again(client: Client, server: Upper, proxy: Proxy) -> None:
    assert proxy.refuse() == 1

    with pytest.raises(ConnectionResetError):
        client.ask(b"x\n")
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            Client(proxy)
    proxy.accept()
    assert works(proxy)
    eventually(lambda: "reset" in server.ends, "the server is told")


def test_all_connections_are_reset_and_new_ones_work(client: Client, proxy: Proxy) -> None:
    assert proxy.reset() == 1

    with pytest.raises(ConnectionResetError):
        client.answer()
    assert works(proxy)


def test_only_those_are_reset_that_wait_for_nothing(client: Client, proxy: Proxy, server: Upper) -> None:
    waiting = Client(proxy)
    waiting.socket.sendall(b"half")
    eventually(lambda: server.got.endswith(b"half"), "the server has it")

    assert proxy.reset(idle=True) == 1

    with pytest.raises(ConnectionResetError):
        client.answer()
    assert waiting.ask(b"way\n") == b"HALFWAY\n"
    waiting.socket.close()


def test_a_half_closed_connection_ends_properly_for_the_client(client: Client, proxy: Proxy, server: Upper) -> None:
    assert proxy.half_close() == 1

    assert client.answer() == b""
    client.socket.sendall(b"still heard\n")
    eventually(lambda: server.got.endswith(b"still heard\n"), "the server hears it")


def test_what_the_server_sends_vanishes_and_the_connection_is_reset_when_mended(client: Client, proxy: Proxy) -> None:
    assert proxy.impair(down=Mode(swallows=True)) == 1
    client.socket.sendall(b"x\n")
    assert client.hears_nothing()
    fresh = Client(proxy, greets=False)
    fresh.socket.sendall(HELLO)
    assert fresh.hears_nothing()

    proxy.mend()

    for each in (client, fresh):
        with pytest.raises(ConnectionResetError):
            each.answer()
    fresh.socket.close()
    assert works(proxy)


def test_what_the_client_sends_vanishes(client: Client, proxy: Proxy, server: Upper) -> None:
    proxy.impair(up=Mode(swallows=True))
    client.socket.sendall(b"x\n")

    assert client.hears_nothing()
    assert server.got == HELLO


def test_a_line_that_has_lost_nothing_survives_being_mended(client: Client, proxy: Proxy) -> None:
    proxy.impair(down=Mode(swallows=True))
    proxy.mend()

    assert client.ask(b"x\n") == b"X\n"


def test_everything_comes_later_and_in_order(client: Client, proxy: Proxy) -> None:
    proxy.impair(down=Mode(delay=0.3))
    began = time.monotonic()

    for number in range(3):
        client.socket.sendall(b"%d\n" % number)
    got = b""
    while len(got) < 6:
        got += client.socket.recv(100)

    assert got == b"0\n1\n2\n"
    # One after the other, and not three times as late.
    assert 0.3 <= time.monotonic() - began < 0.8


def test_bytes_come_one_by_one(client: Client, proxy: Proxy) -> None:
    proxy.impair(up=Mode(sliced=True), down=Mode(sliced=True))
    client.socket.sendall(b"abcdefgh\n")

    pieces: list[bytes] = []
    while b"".join(pieces) != b"ABCDEFGH\n":
        pieces.append(client.socket.recv(100))

    assert len(pieces) > 4


def test_a_server_that_is_away_is_a_reset(network: Network) -> None:
    with socket.create_server((HOST, 0)) as place:
        address = place.getsockname()
    proxy = Proxy(network, address)

    with pytest.raises(ConnectionResetError):
        Client(proxy)

    proxy.close()


def test_nothing_is_left(server: Upper) -> None:
    def files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before, threads = files(), set(threading.enumerate())
    with Network() as network:
        proxy = Proxy(network, server.address)
        clients = [Client(proxy) for _ in range(5)]
        for gives_up in (True, False):
            hold = Hold(gives_up=gives_up)
            proxy.set(hold)
            clients[gives_up].socket.sendall(b"held\n")
            eventually(lambda hold=hold: hold.connection is not None, "it is held")  # type: ignore[misc]
            assert proxy.remove(hold)
        proxy.close()
        proxy.close()
        for client in clients:
            client.socket.close()
    eventually(lambda: len(server.ends) == 5, "the server has ended its connections")

    assert files() == before
    eventually(lambda: set(threading.enumerate()) - threads <= set(server._threads), "no thread is left")
