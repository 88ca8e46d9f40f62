"""The network that fails on demand, in front of a small server that remembers what it got."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract_tests.network.flow import Mode
from contract_tests.network.proxy import HOST, Proxy
from contract_tests.network.thread import Network
from contract_tests.network.trap import CutInside, DropReply, DropRequest, HalfClose, Hold, Trap
from contract_tests.waiting import eventually, never

HELLO = b"hello\n"


class Upper:
    """Answers each line in capitals. ``got`` is all that came, ``ends`` how connections ended."""

    def __init__(self) -> None:
        self.got = b""
        self.ends: list[str] = []
        self._listening = socket.create_server((HOST, 0))
        self.address: tuple[str, int] = self._listening.getsockname()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            line = b""
            try:
                while data := connection.recv(65536):
                    self.got += data
                    line += data
                    while b"\n" in line:
                        first, line = line.split(b"\n", 1)
                        connection.sendall(first.upper() + b"\n")
            except ConnectionResetError:
                self.ends.append("reset")
            else:
                self.ends.append("closed")

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()


class Client:
    """A connection, greeted already, so that it is there on both sides."""

    def __init__(self, proxy: Proxy, *, greets: bool = True) -> None:
        self.socket = socket.create_connection((HOST, proxy.port), timeout=5)
        try:
            assert not greets or self.ask(HELLO) == b"HELLO\n"
        except OSError:
            self.socket.close()
            raise

    def ask(self, data: bytes) -> bytes:
        self.socket.sendall(data)
        return self.answer()

    def answer(self) -> bytes:
        """Return a line, or what came before the end."""
        got = b""
        while not got.endswith(b"\n"):
            data = self.socket.recv(65536)
            if not data:
                return got
            got += data
        return got

    def hears_nothing(self) -> bool:
        self.socket.settimeout(0.2)
        try:
            return self.socket.recv(1) is None
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(5)


@pytest.fixture
def server() -> Iterator[Upper]:
    server = Upper()
    yield server
    server.close()


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as network:
        yield network


@pytest.fixture
def proxy(network: Network, server: Upper) -> Iterator[Proxy]:
    proxy = Proxy(network, server.address)
    yield proxy
    proxy.close()


@pytest.fixture
def client(proxy: Proxy) -> Iterator[Client]:
    client = Client(proxy)
    yield client
    client.socket.close()


def works(proxy: Proxy) -> bool:
    client = Client(proxy)
    client.socket.close()
    return True


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
