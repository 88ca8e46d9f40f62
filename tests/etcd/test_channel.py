"""Calls, to a member that answers as it is told, and to a real one."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from h2.connection import H2Connection

from contract_tests.servers.node import HOST
from contract_tests.waiting import FACTOR, eventually
from dfbackends_etcd.access import Address
from dfbackends_etcd.channel import Call, Channel
from dfbackends_etcd.errors import CallFailed, HandleClosed, NotConnected, Status
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.testing import EtcdServer
from tests.etcd.peer import ACCESS, ASKED, Peer, framed, ranged

WELL = [(b":status", b"200")]


@pytest.fixture
def channel(peer: Peer) -> Iterator[Channel]:
    with closing(Channel(peer.address, ACCESS)) as channel:
        yield channel


@pytest.fixture
def asking() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as executor:
        yield executor


def revision(number: int) -> bytes:
    answer: bytes = rpc.RangeResponse(header={"revision": number}).SerializeToString()
    return answer


def answered(peer: Peer, stream: int, data: bytes = revision(1), status: bytes = b"0", text: bytes = b"") -> None:
    """Answer a call that has arrived, or arrives."""
    eventually(lambda: stream in peer.streams, "the call")
    trailers = [(b"grpc-status", status), (b"grpc-message", text)]

    def answer(protocol: H2Connection) -> None:
        protocol.send_headers(stream, WELL)
        protocol.send_data(stream, framed(data))
        protocol.send_headers(stream, trailers, end_stream=True)

    peer.do(answer)


def test_calls_follow_each_other_on_one_line(channel: Channel, peer: Peer, asking: ThreadPoolExecutor) -> None:
    for number in range(3):
        told = asking.submit(ranged(channel), ASKED, timeout=5)
        answered(peer, 2 * number + 1, revision(number))
        assert told.result(5).header.revision == number

    assert peer.got == 3 * framed(ASKED.SerializeToString())


def test_an_error_is_told_with_its_words_and_the_line_goes_on(channel: Channel, peer: Peer, asking: ThreadPoolExecutor) -> None:
    told = asking.submit(ranged(channel), ASKED, timeout=5)
    answered(peer, 1, b"", b"8", b"not%20now")

    with pytest.raises(CallFailed, match="RESOURCE_EXHAUSTED: not now") as caught:
        told.result(5)
    assert (caught.value.status, caught.value.text) == (Status.RESOURCE_EXHAUSTED, "not now")
    told = asking.submit(ranged(channel), ASKED, timeout=5)
    answered(peer, 3)
    assert told.result(5).header.revision == 1


@pytest.fixture
def call(channel: Channel, peer: Peer, asking: ThreadPoolExecutor) -> Call:
    """A call on a line that knows how many the peer takes at once: it has answered stream 1."""
    told = asking.submit(ranged(channel), ASKED, timeout=5)
    answered(peer, 1)
    told.result(5)
    return ranged(channel)


def test_requests_that_are_under_way_together_are_answered_in_any_order(call: Call, peer: Peer) -> None:
    asked = call.begin([ASKED] * 4, time.monotonic() + 5)

    for stream in (7, 3, 9):
        answered(peer, stream, revision(stream))
    answered(peer, 5, b"", b"5", b"none")
    answers = asked.answers(time.monotonic() + 5)

    assert [answers[number].header.revision for number in (0, 2, 3)] == [3, 7, 9]
    assert isinstance(answers[1], CallFailed)
    assert answers[1].status == Status.NOT_FOUND


def test_what_is_missing_when_the_time_is_over_fails_alone(call: Call, peer: Peer) -> None:
    asked = call.begin([ASKED] * 2, time.monotonic() + 5)
    answered(peer, 5)

    late, well = asked.answers(time.monotonic() + 0.2)

    assert isinstance(late, CallFailed)
    assert late.status == Status.DEADLINE_EXCEEDED
    assert well.header.revision == 1


def test_before_a_member_has_said_how_many_it_takes_one_is_sent(
    channel: Channel, peer: Peer, asking: ThreadPoolExecutor
) -> None:
    asked = ranged(channel).begin([ASKED] * 3, time.monotonic() + 5)
    eventually(lambda: peer.streams == [1], "the first")
    told = asking.submit(asked.answers, time.monotonic() + 5)

    for stream in (1, 3, 5):
        answered(peer, stream, revision(stream))

    assert [answer.header.revision for answer in told.result(5)] == [1, 3, 5]


def test_what_was_not_sent_in_time_is_never_sent() -> None:
    with closing(Peer(most=2)) as narrow, closing(Channel(narrow.address, ACCESS)) as channel:
        asked = ranged(channel).begin([ASKED] * 3, time.monotonic() + 5)
        answers = asked.answers(time.monotonic() + 0.2)
        channel.close()

        assert {answer.status for answer in answers} == {Status.DEADLINE_EXCEEDED}
        eventually(lambda: narrow.ended, "the end of the line")
        assert narrow.streams == [1, 3]


def test_answers_may_be_waited_for_after_the_time_to_ask(channel: Channel, peer: Peer) -> None:
    until = time.monotonic() + 0.2
    asked = ranged(channel).begin([ASKED], until)
    eventually(lambda: time.monotonic() > until, "the time to ask is over")
    answered(peer, 1)

    [answer] = asked.answers(time.monotonic() + 5)

    assert answer.header.revision == 1


def test_a_line_on_which_nothing_came_in_time_is_not_used_again(channel: Channel, peer: Peer) -> None:
    with pytest.raises(CallFailed) as caught:
        ranged(channel)(ASKED, timeout=0.2)

    assert caught.value.status == Status.DEADLINE_EXCEEDED
    # The peer takes one line only.
    with pytest.raises((CallFailed, NotConnected)):
        ranged(channel)(ASKED, timeout=0.2)
    assert peer.streams == [1]


def test_who_gives_answers_up_closes_the_line(channel: Channel, peer: Peer) -> None:
    asked = ranged(channel).begin([ASKED], time.monotonic() + 5)
    eventually(lambda: peer.streams == [1], "the call")

    asked.drop()
    asked.drop()

    eventually(lambda: peer.ended, "the end of the line")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (lambda protocol: protocol.reset_stream(1), Status.UNAVAILABLE),
        (lambda protocol: protocol.close_connection(), Status.UNAVAILABLE),
        (lambda protocol: protocol.send_headers(1, [(b":status", b"502")]), Status.UNAVAILABLE),
        (lambda protocol: protocol.send_headers(1, WELL, end_stream=True), Status.UNAVAILABLE),
        (lambda protocol: protocol.send_headers(1, [*WELL, (b"grpc-status", b"0")], end_stream=True), Status.INTERNAL),
        (lambda protocol: protocol.send_headers(1, [*WELL, (b"grpc-status", b"x")], end_stream=True), Status.UNAVAILABLE),
    ],
    ids=["reset", "going away", "no gRPC", "no status", "no message", "no number"],
)
def test_a_call_that_is_not_answered_as_it_should_be_is_in_doubt(
    channel: Channel, peer: Peer, asking: ThreadPoolExecutor, answer: Callable[[H2Connection], object], status: Status
) -> None:
    told = asking.submit(ranged(channel), ASKED, timeout=5)
    eventually(lambda: peer.streams == [1], "the call")

    peer.do(answer)

    with pytest.raises(CallFailed) as caught:
        told.result(5)
    assert caught.value.status == status


def test_an_answer_that_is_no_message_is_in_doubt(channel: Channel, peer: Peer, asking: ThreadPoolExecutor) -> None:
    told = asking.submit(ranged(channel), ASKED, timeout=5)
    answered(peer, 1, b"\xff\xff\xff")

    with pytest.raises(CallFailed) as caught:
        told.result(5)
    assert caught.value.status == Status.INTERNAL


def test_closing_wakes_who_waits_and_refuses_the_others(channel: Channel, peer: Peer, asking: ThreadPoolExecutor) -> None:
    began = time.monotonic()
    told = asking.submit(ranged(channel), ASKED, timeout=60)
    eventually(lambda: peer.streams == [1], "the call")

    channel.close()

    with pytest.raises(CallFailed):
        told.result(10)
    assert time.monotonic() - began < 10 * FACTOR
    with pytest.raises(HandleClosed):
        ranged(channel)(ASKED, timeout=5)


def test_no_more_is_asked_at_once_than_a_member_takes(tmp_path: Path) -> None:
    narrow = EtcdServer(tmp_path / "narrow", "--max-concurrent-streams", "3")
    narrow.start()
    try:
        with closing(Channel(Address(HOST, narrow.port), ACCESS)) as channel:
            asked = ranged(channel).begin([ASKED] * 40, time.monotonic() + 5)
            answers = asked.answers(time.monotonic() + 5)
    finally:
        narrow.kill()

    assert [type(answer) for answer in answers] == [rpc.RangeResponse] * 40


def test_a_failure_can_be_sent_to_another_process() -> None:
    failure = pickle.loads(pickle.dumps(CallFailed(Status.NOT_FOUND, "no lease")))

    assert (failure.status, failure.text, str(failure)) == (Status.NOT_FOUND, "no lease", "NOT_FOUND: no lease")


def test_threads_do_not_wait_for_each_others_answers(server: EtcdServer) -> None:
    with closing(Channel(Address(HOST, server.port), ACCESS)) as channel:
        call = ranged(channel)
        with ThreadPoolExecutor(16) as executor:
            revisions = list(executor.map(lambda _: call(ASKED, timeout=5).header.revision, range(500)))

    assert all(revisions)
