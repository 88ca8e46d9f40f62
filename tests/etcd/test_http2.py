"""HTTP/2, against another implementation of it."""

from __future__ import annotations

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, PingAckReceived, RequestReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes, Settings
from hypothesis import given
from hypothesis import strategies as st

from dfbackends_etcd.errors import LineLost
from dfbackends_etcd.frames import frame, packed
from dfbackends_etcd.http2 import WINDOW, Connection, Data, Ended, Event, Headers

WANTED = [(":method", "POST"), (":scheme", "http"), (":path", "/some/Call"), (":authority", "one"), ("token", "t" * 20)]
WELL = [(b":status", b"200")]
TRAILERS = [(b"grpc-status", b"0")]


class Pair:
    """A client of ours, and a server; ``events`` and ``seen`` are what they have told."""

    def __init__(self, window: int = 65_535) -> None:
        self.client = Connection()
        self.events: list[Event] = []
        self.seen: list[object] = []
        self.server = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self.server.local_settings = Settings(client=False, initial_values={SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.server.initiate_connection()

    def exchange(self, step: int = 1 << 20, *, take: bool = True) -> None:
        """Carry what they have to say to and fro, so many bytes at a time; the server takes its data, or not."""
        while True:
            there, back = self.client.outgoing(), self.server.data_to_send()
            if not there and not back:
                return
            for event in self.server.receive_data(there):
                self.seen.append(event)
                if isinstance(event, DataReceived) and take:
                    self.server.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            for at in range(0, len(back), step):
                self.client.take(back[at : at + step], self.events)

    def got(self, stream: int) -> bytes:
        """Return the data that the server has seen."""
        return b"".join(event.data for event in self.seen if isinstance(event, DataReceived) and event.stream_id == stream)

    def told(self, stream: int) -> bytes:
        """Return the data that the client was told."""
        return b"".join(event.data for event in self.events if isinstance(event, Data) and event.stream == stream)

    def answer(self, stream: int, data: bytes) -> None:
        """Let the server answer, as it is allowed to."""
        self.server.send_headers(stream, WELL)
        while data:
            self.exchange()
            size = min(self.server.local_flow_control_window(stream), self.server.max_outbound_frame_size)
            assert size, "it may send no more"
            self.server.send_data(stream, data[:size])
            data = data[size:]
        self.server.send_headers(stream, TRAILERS, end_stream=True)
        self.exchange()


@pytest.fixture
def pair() -> Pair:
    return Pair()


def begun(pair: Pair) -> int:
    stream = pair.client.begin(packed(WANTED))
    pair.exchange()
    return stream


def test_a_request_arrives_as_it_is_also_when_its_headers_are_sent_again(pair: Pair) -> None:
    block = packed(WANTED)

    streams = [pair.client.begin(block) for _ in range(3)]
    for stream in streams:
        pair.client.send(stream, b"data", last=True)
    pair.exchange()

    requests = [event for event in pair.seen if isinstance(event, RequestReceived)]
    assert [request.stream_id for request in requests] == streams == [1, 3, 5]
    for request in requests:
        assert [(bytes(name).decode(), bytes(value).decode()) for name, value in request.headers] == WANTED
    assert [pair.got(stream) for stream in streams] == [b"data"] * 3
    assert [event.stream_id for event in pair.seen if isinstance(event, StreamEnded)] == streams


def test_long_headers_go_in_parts(pair: Pair) -> None:
    pair.client.begin(packed([*WANTED, ("long", "x" * 40_000)]))
    pair.exchange()

    [request] = [event for event in pair.seen if isinstance(event, RequestReceived)]
    assert dict(request.headers)[b"long"] == b"x" * 40_000


def test_long_headers_come_in_parts(pair: Pair) -> None:
    stream = begun(pair)

    pair.server.send_headers(stream, [*WELL, (b"long", b"x" * 40_000)])
    pair.exchange()

    [headers] = [event for event in pair.events if isinstance(event, Headers)]
    assert headers.values[b"long"] == b"x" * 40_000


@given(st.integers(1, 40), st.lists(st.binary(max_size=50), max_size=5))
def test_what_arrives_may_be_cut_anywhere(step: int, parts: list[bytes]) -> None:
    pair = Pair()
    stream = begun(pair)

    pair.server.send_headers(stream, WELL)
    for part in parts:
        pair.server.send_data(stream, part, pad_length=len(part))
    pair.server.send_headers(stream, TRAILERS, end_stream=True)
    pair.exchange(step)

    expected = [Headers(stream, dict(WELL)), *(Data(stream, part) for part in parts), Headers(stream, dict(TRAILERS))]
    assert pair.events == [*expected, Ended(stream)]


def test_no_more_is_sent_than_the_server_takes() -> None:
    pair = Pair(window=100)
    stream = begun(pair)

    pair.client.send(stream, b"x" * 1000, last=True)
    pair.exchange(take=False)
    assert len(pair.got(stream)) == 100
    pair.server.increment_flow_control_window(300, stream)
    pair.exchange(take=False)
    assert len(pair.got(stream)) == 400
    pair.server.increment_flow_control_window(10_000, stream)
    pair.exchange(take=False)

    assert pair.got(stream) == b"x" * 1000
    assert any(isinstance(event, StreamEnded) for event in pair.seen)


def test_a_window_that_becomes_smaller_is_kept_to() -> None:
    pair = Pair(window=1000)
    stream = begun(pair)
    pair.client.send(stream, b"x" * 800, last=False)
    pair.exchange(take=False)

    pair.server.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 500})
    pair.exchange(take=False)
    pair.client.send(stream, b"y" * 100, last=True)
    pair.exchange(take=False)
    assert len(pair.got(stream)) == 800
    pair.server.increment_flow_control_window(400, stream)
    pair.exchange(take=False)

    assert pair.got(stream) == b"x" * 800 + b"y" * 100


def test_one_stream_that_has_to_wait_is_not_overtaken_by_the_rest_of_itself() -> None:
    pair = Pair(window=10)
    stream = begun(pair)

    pair.client.send(stream, b"0123456789abc", last=False)
    pair.client.send(stream, b"def", last=True)
    pair.exchange()

    assert pair.got(stream) == b"0123456789abcdef"


def test_frames_are_no_larger_than_the_server_takes(pair: Pair) -> None:
    stream = begun(pair)
    pair.client.send(stream, b"x" * 60_000, last=True)
    pair.exchange()

    assert max(len(event.data) for event in pair.seen if isinstance(event, DataReceived)) == 16_384


def test_more_is_taken_than_any_window_holds(pair: Pair) -> None:
    data = bytes(range(256)) * (3 * WINDOW // 2 // 256)

    for _ in range(2):
        stream = begun(pair)
        pair.answer(stream, data)
        assert pair.told(stream) == data


def test_a_ping_is_answered(pair: Pair) -> None:
    begun(pair)
    pair.server.ping(b"12345678")
    pair.exchange()

    assert [event.ping_data for event in pair.seen if isinstance(event, PingAckReceived)] == [b"12345678"]


def test_a_call_that_is_answered_before_it_was_sent_is_given_up_and_the_next_one_goes_on() -> None:
    pair = Pair(window=100)
    stream = begun(pair)
    pair.client.send(stream, b"x" * 1000, last=True)
    pair.exchange(take=False)

    pair.server.send_headers(stream, [*WELL, (b"grpc-status", b"8")], end_stream=True)
    pair.exchange(take=False)
    other = begun(pair)
    pair.client.send(other, b"y", last=True)
    pair.exchange()

    assert Ended(stream) in pair.events
    assert [event.stream_id for event in pair.seen if isinstance(event, StreamReset)] == [stream]
    assert len(pair.got(stream)) == 100
    assert pair.got(other) == b"y"


def test_what_comes_behind_the_end_of_a_stream_is_not_told(pair: Pair) -> None:
    stream = begun(pair)
    pair.client.send(stream, b"", last=True)
    pair.answer(stream, b"data")
    told = list(pair.events)

    pair.client.take(frame(3, 0, stream, b"\0\0\0\0") + frame(0, 0, stream, b"late"), pair.events)

    assert pair.events == told


def test_a_stream_that_is_reset_ends_the_connection(pair: Pair) -> None:
    stream = begun(pair)
    pair.server.reset_stream(stream)

    with pytest.raises(LineLost, match="reset"):
        pair.exchange()


def test_a_server_that_goes_ends_the_connection_behind_what_it_has_said(pair: Pair) -> None:
    stream = begun(pair)
    pair.server.send_headers(stream, WELL)
    pair.server.close_connection()

    with pytest.raises(LineLost, match="ended the line"):
        pair.exchange()

    assert pair.events == [Headers(stream, dict(WELL))]
