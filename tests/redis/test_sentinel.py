"""What Sentinel adds: the master is asked for, and left when it is none any more."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from contract_tests.fault import Fault
from contract_tests.servers.node import HOST
from contract_tests.waiting import never
from dfbackends import BackendError, Reason, Unavailable
from dfbackends_redis.testing import Sentinels, redis_sentinel
from dfbackends_redis.testing.process import until
from tests.inbox import Inbox
from tests.servers import Open


def url(sentinels: Sentinels, more: str = "") -> str:
    return f"redis-sentinel://{sentinels.hosts}/{sentinels.service}?deadline=10&failover=5{more}"


def test_a_dead_master_is_replaced_and_who_listens_moves(sentinels: Sentinels, opened: Open) -> None:
    backend = opened(url(sentinels))
    backend.db.put("t", "k", 1)
    inbox = Inbox()
    subscription = backend.pubsub.subscribe("t", inbox.on_message, on_loss=inbox.on_loss)
    old = sentinels.master

    old.kill()
    began = time.monotonic()
    backend.db.put("t", "k", 2)
    took = time.monotonic() - began

    assert took < 1 + 3 + 2
    inbox.until(Reason.RECOVERED)
    until(lambda: subscription.live, "the renewal")
    backend.pubsub.publish("t", "after")
    assert inbox.until("after") == [Reason.DOWN, Reason.RECOVERED, "after"]
    assert sentinels.master is not old
    assert backend.db.get("t", "k") == 2


def test_a_demoted_master_is_left_within_half_a_second(sentinels: Sentinels, opened: Open) -> None:
    # It would go on taking writes for ten seconds, and all of them would be lost.
    backend = opened(url(sentinels))
    backend.db.put("t", "k", 1)
    inbox = Inbox()
    backend.pubsub.subscribe("t", inbox.on_message, on_loss=inbox.on_loss)
    old = sentinels.master

    sentinels.sentinels[0].ask("SENTINEL", "FAILOVER", sentinels.service)
    until(lambda: sentinels.master is not old, "the failover")
    told = time.monotonic()
    after: list[float] = []
    while time.monotonic() < told + 2.0:
        try:
            backend.db.put("after", f"k{len(after)}", 1)
        except BackendError:
            continue
        after.append(time.monotonic() - told)

    new = sentinels.master.client()
    kept = {name for key in new.scan_iter(match="*r:/after") for name in new.hkeys(key)}
    lost = [when for number, when in enumerate(after) if f"k{number}" not in kept]
    assert all(when < 0.5 for when in lost), lost
    inbox.until(Reason.RECOVERED)
    until(lambda: sentinels.master.lines("dfb-feed") == 1, "the line to the new master")


def test_a_sentinel_that_does_not_know_the_service_is_told(sentinels: Sentinels, opened: Open) -> None:
    with pytest.raises(Unavailable) as caught:
        opened(f"redis-sentinel://{sentinels.hosts}/nobody?deadline=2&retries=0", wait=0)

    assert caught.value.code == "unreachable"


def test_sentinels_that_are_gone_are_not_needed_while_the_master_stays(sentinels: Sentinels, opened: Open) -> None:
    backend = opened(url(sentinels))
    backend.db.put("t", "k", 1)

    for sentinel in sentinels.sentinels:
        sentinel.kill()
    took = []
    for number in range(20):
        began = time.monotonic()
        backend.db.put("t", "k", number)
        took.append(time.monotonic() - began)
        until(lambda began=began: time.monotonic() > began + 0.05, "the next write")  # type: ignore[misc]

    assert max(took) < 1.0


def test_sentinels_and_servers_have_logins_of_their_own(sentinels: Sentinels, opened: Open) -> None:
    for server in sentinels.servers:
        server.ask("ACL", "SETUSER", "app", "on", ">server", "~*", "&*", "+@all")
    for sentinel in sentinels.sentinels:
        sentinel.ask("ACL", "SETUSER", "asker", "on", ">sentinel", "~*", "&*", "+@all")
    backend = opened(
        f"redis-sentinel://app:server@{sentinels.hosts}/{sentinels.service}?sentinel_user=asker&sentinel_password=sentinel"
    )

    backend.db.put("t", "k", 1)

    users = {line["user"] for line in sentinels.master.client().client_list() if line["name"] == "dfb-data"}
    assert users == {"app"}
    with pytest.raises(BackendError) as caught:
        opened(
            f"redis-sentinel://app:server@{sentinels.hosts}/{sentinels.service}?sentinel_user=asker&sentinel_password=no",
            wait=0,
        )
    assert caught.value.code == "unauthenticated"
    assert HOST in sentinels.hosts


def test_sentinels_leave_a_master_alone_that_the_suite_has_made_busy(tmp_path: Path) -> None:
    server = redis_sentinel()
    server.start(tmp_path)
    try:
        [master, *_] = server.nodes

        def answers() -> bool:
            with socket.create_connection((HOST, master.port), 1) as line:
                line.sendall(b"PING\r\n")
                return not line.recv(100).startswith(b"-BUSY")

        with server.states[Fault.OVERLOADED](server):
            # They wait for one second otherwise, and then end the script.
            never(answers, "it is busy no more", 3.0)
        until(answers, "an answer")
    finally:
        server.kill()
