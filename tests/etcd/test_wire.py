"""A line of HTTP/2, to a member that does what no etcd does on demand."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from h2.connection import H2Connection

from contract_tests.servers.node import HOST, free_port
from contract_tests.waiting import eventually
from dfbackends_etcd.access import Address
from dfbackends_etcd.errors import LineLost, NotConnected
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.wire import End, Part, Wire
from tests.etcd.peer import ACCESS, Peer, framed


@pytest.fixture
def wire(peer: Peer) -> Iterator[Wire]:
    wire = Wire(peer.address, ACCESS)
    yield wire
    wire.close()


def begun(wire: Wire, peer: Peer) -> int:
    """Return a stream that the peer has seen, and answered well."""
    stream = wire.open("/some/Call", (("token", "t"),))
    wire.send(stream, ())
    eventually(lambda: stream in peer.streams, "the stream")
    peer.do(lambda protocol: protocol.send_headers(stream, [(b":status", b"200")]))
    return stream


def received(wire: Wire, count: int) -> list[Part | End]:
    found: list[Part | End] = []
    until = time.monotonic() + 5
    while len(found) < count:
        assert time.monotonic() < until, found
        found += wire.receive(0.1)
    return found


def test_messages_arrive_whole_however_they_are_cut(wire: Wire, peer: Peer) -> None:
    stream = begun(wire, peer)
    messages = [b"", b"one", b"x" * 10_000]

    for byte in range(0, len(data := b"".join(map(framed, messages))), 7):
        peer.do(lambda protocol, byte=byte: protocol.send_data(stream, data[byte : byte + 7]))  # type: ignore[misc]

    assert received(wire, 3) == [Part(stream, message) for message in messages]


def test_a_call_ends_with_its_status_behind_what_it_has_told(wire: Wire, peer: Peer) -> None:
    stream = begun(wire, peer)

    trailers = [(b"grpc-status", b"14"), (b"grpc-message", b"no%20leader")]
    peer.do(lambda protocol: protocol.send_data(stream, framed(b"last")))
    peer.do(lambda protocol: protocol.send_headers(stream, trailers, end_stream=True))

    assert received(wire, 2) == [Part(stream, b"last"), End(stream, 14, "no leader")]


def test_what_a_member_does_not_take_yet_goes_out_when_it_does() -> None:
    narrow = Peer(window=100)
    wire = Wire(narrow.address, ACCESS)
    try:
        stream = wire.open("/some/Call", ())
        wire.send(stream, ())
        eventually(lambda: stream in narrow.streams, "the stream")
        wire.receive(0.1)
        requests = [rpc.RangeRequest(key=b"k" * 1000) for _ in range(3)]
        wire.send(stream, requests)
        eventually(lambda: len(narrow.got) == 100, "as much as it takes")

        narrow.do(lambda protocol: protocol.increment_flow_control_window(100_000, stream))
        wire.receive(0.5)

        expected = b"".join(framed(request.SerializeToString()) for request in requests)
        eventually(lambda: narrow.got == expected, "the rest")
    finally:
        wire.close()
        narrow.close()


@pytest.mark.parametrize(
    "end",
    [
        lambda protocol, stream: protocol.reset_stream(stream),
        lambda protocol, stream: protocol.close_connection(),
        lambda protocol, stream: protocol.send_headers(stream, [(b":status", b"404")]),
        lambda protocol, stream: protocol.send_data(stream, struct.pack(">BI", 1, 0)),
    ],
    ids=["reset", "going away", "no gRPC", "packed"],
)
def test_what_came_before_the_end_of_a_line_is_told_first(
    wire: Wire, peer: Peer, end: Callable[[H2Connection, int], object], request: pytest.FixtureRequest
) -> None:
    stream = begun(wire, peer)
    if "no gRPC" in request.node.name:
        other = wire.open("/other/Call", ())
        wire.send(other, ())
        eventually(lambda: other in peer.streams, "the other stream")
    else:
        other = begun(wire, peer)

    def last(protocol: H2Connection) -> None:
        protocol.send_data(stream, framed(b"last"))
        end(protocol, other)

    peer.do(last)

    assert received(wire, 1) == [Part(stream, b"last")]
    with pytest.raises(LineLost):
        wire.receive(1)


def test_a_line_that_has_ended_takes_nothing(wire: Wire, peer: Peer) -> None:
    stream = begun(wire, peer)
    peer.do(lambda protocol: protocol.reset_stream(stream))
    with pytest.raises(LineLost):
        received(wire, 1)

    with pytest.raises(LineLost):
        wire.send(stream, [rpc.RangeRequest()])


def test_a_line_that_is_ended_wakes_who_waits(wire: Wire, peer: Peer) -> None:
    begun(wire, peer)
    began = time.monotonic()
    timer = threading.Timer(0.1, wire.end)
    timer.start()

    with pytest.raises(LineLost):
        listen_on(wire)

    assert time.monotonic() - began < 5
    timer.join()


def listen_on(wire: Wire) -> None:
    """Wait; what belongs to the protocol alone wakes, too."""
    while True:
        wire.receive(10)


def test_nobody_who_answers_is_no_line() -> None:
    with pytest.raises(NotConnected):
        Wire(Address(HOST, free_port()), ACCESS)
