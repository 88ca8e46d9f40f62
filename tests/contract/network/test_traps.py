"""The network that fails on demand: what it does to one request."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from contract_tests.network.proxy import Proxy
from contract_tests.network.trap import CutInside, DropReply, DropRequest, HalfClose, Hold, Trap
from contract_tests.waiting import eventually, never
from tests.contract.network.capitals import HELLO, Client, Upper, works


@pytest.mark.parametrize("needle", [b"", b"topic"])
def test_a_request_vanishes_and_the_connection_is_reset(client: Client, proxy: Proxy, server: Upper, needle: bytes) -> None:
    trap = DropRequest(needle)
    proxy.set(trap)

    with pytest.raises(ConnectionResetError):
        client.ask(b"a topic\n")

    assert proxy.remove(trap)
    eventually(lambda: server.ends == ["reset"], "the server is told")
    assert server.got == HELLO
    assert works(proxy)


def test_what_is_not_meant_passes_the_trap(client: Client, proxy: Proxy) -> None:
    trap = DropRequest(b"topic")
    proxy.set(trap)

    assert client.ask(b"another\n") == b"ANOTHER\n"
    assert works(proxy)
    assert not proxy.remove(trap)
    assert client.ask(b"a topic\n") == b"A TOPIC\n"


def test_what_is_meant_is_known_in_pieces(client: Client, proxy: Proxy, server: Upper) -> None:
    trap = DropRequest(b"topic")
    proxy.set(trap)
    client.socket.sendall(b"a to")
    eventually(lambda: server.got.endswith(b"a to"), "the first piece is handed on")

    with pytest.raises(ConnectionResetError):
        client.ask(b"pic\n")

    assert proxy.remove(trap)
    assert server.got == HELLO + b"a to"


def test_an_answer_vanishes(client: Client, proxy: Proxy, server: Upper) -> None:
    trap = DropReply(b"x")
    proxy.set(trap)

    with pytest.raises(ConnectionResetError):
        client.ask(b"x\n")

    assert proxy.remove(trap)
    assert server.got == HELLO + b"x\n"


def test_a_request_arrives_in_part(client: Client, proxy: Proxy, server: Upper) -> None:
    trap = CutInside(share=0.5)
    proxy.set(trap)

    with pytest.raises(ConnectionResetError):
        client.ask(b"abcdefg\n")

    eventually(lambda: server.ends == ["reset"], "the server is told")
    assert server.got in (HELLO, HELLO + b"abcd")


def test_a_request_is_answered_with_a_proper_end(client: Client, proxy: Proxy, server: Upper) -> None:
    trap = HalfClose()
    proxy.set(trap)

    assert client.ask(b"x\n") == b""
    client.socket.close()
    eventually(lambda: proxy.connections == 0, "it has ended")
    assert server.got == HELLO


def test_a_held_request_arrives_after_its_client_was_reset(client: Client, proxy: Proxy, server: Upper) -> None:
    hold = Hold(gives_up=True)
    proxy.set(hold)
    with pytest.raises(ConnectionResetError):
        client.ask(b"late\n")
    assert proxy.remove(hold)
    assert works(proxy)
    assert b"late" not in server.got

    assert proxy.release(hold)

    assert server.got.endswith(b"late\n")
    assert not proxy.release(hold)


def test_a_held_request_arrives_after_its_client_gave_up(client: Client, proxy: Proxy, server: Upper) -> None:
    hold = Hold(gives_up=False)
    proxy.set(hold)
    client.socket.sendall(b"late\n")
    assert client.hears_nothing()
    client.socket.close()
    eventually(lambda: proxy.connections == 0, "the client is gone")
    never(lambda: b"late" in server.got, "it arrived")

    assert proxy.release(hold)

    assert server.got.endswith(b"late\n")


def test_a_held_request_that_was_abandoned_arrives_only_when_it_is_released(
    client: Client, proxy: Proxy, server: Upper
) -> None:
    hold = Hold(gives_up=False)
    proxy.set(hold)
    client.socket.sendall(b"late\n")
    assert client.hears_nothing()
    hold.abandoned = True

    proxy.mend()

    eventually(lambda: proxy.connections == 0, "the client may open another connection")
    never(lambda: b"late" in server.got, "it arrived")
    assert proxy.release(hold)
    assert server.got.endswith(b"late\n")


def test_a_held_request_goes_on_when_mended_in_time(client: Client, proxy: Proxy, server: Upper) -> None:
    hold = Hold(gives_up=False)
    proxy.set(hold)
    client.socket.sendall(b"slow\n")
    assert client.hears_nothing()

    proxy.mend()

    assert client.answer() == b"SLOW\n"
    assert not proxy.release(hold)
    proxy.mend()
    assert client.ask(b"next\n") == b"NEXT\n"
    assert server.got.count(b"slow\n") == 1
    assert client.ask(b"x\n") == b"X\n"
    proxy.set(DropRequest())
    with pytest.raises(ConnectionResetError):
        client.ask(b"y\n")


def test_a_request_that_went_on_draws_no_other_into_the_next_trap(client: Client, proxy: Proxy) -> None:
    hold = Hold(b"key", gives_up=False)
    proxy.set(hold)
    client.socket.sendall(b"get key\n")
    assert client.hears_nothing()
    proxy.mend()
    assert client.answer() == b"GET KEY\n"

    trap = DropRequest(b"key")
    proxy.set(trap)

    assert client.ask(b"topology\n") == b"TOPOLOGY\n"
    assert not proxy.remove(trap)


@pytest.mark.parametrize("kind", [DropRequest, DropReply, HalfClose, lambda: Hold(gives_up=True)])
def test_a_trap_catches_one_request_only(client: Client, proxy: Proxy, kind: Callable[[], Trap]) -> None:
    trap = kind()
    proxy.set(trap)
    with contextlib.suppress(ConnectionResetError):
        client.ask(b"x\n")

    assert works(proxy)
    assert proxy.remove(trap)
