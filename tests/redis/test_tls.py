"""TLS: who is trusted, and that nobody else is."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from oslo_config import cfg

import dfbackends
from contract_tests.servers.certificates import authority
from contract_tests.servers.node import HOST
from dfbackends import Reason, Refused
from dfbackends_redis.testing import RedisCluster, RedisServer, Sentinels
from dfbackends_redis.testing.program import PROGRAM, has_tls
from dfbackends_redis.testing.secure import Secure
from tests.cli.running import run
from tests.inbox import Inbox
from tests.servers import Open, running


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Secure:
    """What our servers and clients trust, and an authority and a certificate that they do not."""
    if not has_tls():
        pytest.skip("this redis-server was built without TLS")
    secure = Secure.made(tmp_path_factory.mktemp("tls"))
    authority(secure.folder, "other")
    return secure


@pytest.fixture(scope="module")
def secured(secure: Secure, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server that is reached by TLS only."""
    server = RedisServer(tmp_path_factory.mktemp("secured"), secure=secure)
    server.start()
    yield server
    server.kill()


def url(server: RedisServer, secure: Secure, *, ca: str = "ca", client: str = "client", more: str = "") -> str:
    login = f"&tls_cert={secure.folder}/{client}.crt&tls_key={secure.folder}/{client}.key" if client else ""
    return f"rediss://{HOST}:{server.port}?deadline=3&tls_ca={secure.folder}/{ca}.crt{login}{more}"


def test_everything_works_by_tls(secured: RedisServer, secure: Secure, opened: Open) -> None:
    backend = opened(url(secured, secure))
    inbox = Inbox()
    backend.pubsub.subscribe("t", inbox.on_message, on_loss=inbox.on_loss)

    # Longer than a record of TLS, and than what is read at once.
    backend.db.put("tls", "k", "x" * 500_000)
    backend.pubsub.publish_many([("t", number) for number in range(900)])
    backend.pubsub.subscribe("other", print, on_loss=print)

    assert backend.db.get("tls", "k") == "x" * 500_000
    assert inbox.until(899) == list(range(900))


def test_the_contract_on_names_and_declarations_holds_by_another_name_of_the_backend(
    secured: RedisServer, secure: Secure
) -> None:
    result = run("verify", "redis", "--url", url(secured, secure), "--clause", "CONF-01", "--clause", "CONF-03")

    assert result.code == 0, result.out


@pytest.mark.parametrize(("ca", "client"), [("other", "client"), ("ca", "")], ids=["wrong CA", "no client certificate"])
def test_who_is_not_trusted_is_refused_at_once(secured: RedisServer, secure: Secure, ca: str, client: str) -> None:
    began = time.monotonic()

    with pytest.raises(Refused) as caught:
        dfbackends.open(url(secured, secure, ca=ca, client=client))

    assert caught.value.code == "unauthenticated"
    assert time.monotonic() - began < 5  # Half of the deadline: it was not tried again.


def test_a_certificate_of_another_name_is_refused_unless_it_is_expected(secure: Secure, tmp_path: Path, opened: Open) -> None:
    server = RedisServer(tmp_path / "named", secure=secure.named("redis.example"))
    server.start()
    try:
        with pytest.raises(Refused) as caught:
            dfbackends.open(url(server, secure))

        opened(url(server, secure, more="&tls_host_name=redis.example")).db.put("t", "k", 1)
        assert caught.value.code == "unauthenticated"
    finally:
        server.kill()


def test_a_cluster_is_one_by_tls_over_a_failover_too(secure: Secure, tmp_path: Path, opened: Open) -> None:
    with running(PROGRAM, partial(RedisCluster, replicas=1, secure=secure), tmp_path / "cluster") as cluster:
        backend = opened(f"redis-cluster+tls://{cluster.hosts}?failover=4&{secure.query()}", wait=10)
        inbox = Inbox()
        backend.pubsub.subscribe("t", inbox.on_message, on_loss=inbox.on_loss)
        # On all masters.
        tables = [f"t{number}" for number in range(12)]
        for table in tables:
            backend.db.put(table, "k", 1)

        for master in cluster.masters:
            master.kill()
            for table in tables:
                backend.db.put(table, "k", master.port)
            master.start()
            cluster.join()

        backend.pubsub.publish("t", "last")
        inbox.until("last")
        assert {backend.db.get(table, "k") for table in tables} == {master.port}


def test_sentinels_and_the_master_that_they_name_are_trusted_each_by_itself(
    secure: Secure, tmp_path: Path, opened: Open
) -> None:
    with running(PROGRAM, partial(Sentinels, secure=secure), tmp_path / "sentinels") as sentinels:
        url = f"redis-sentinel+tls://{sentinels.hosts}/{sentinels.service}?deadline=10&failover=5&sentinel_tls=true"
        backend = opened(f"{url}&{secure.query()}&{secure.query('sentinel_')}")
        backend.db.put("t", "k", 1)
        inbox = Inbox()
        backend.pubsub.subscribe("t", inbox.on_message, on_loss=inbox.on_loss)

        sentinels.master.kill()
        backend.db.put("t", "k", 2)

        inbox.until(Reason.RECOVERED)
        assert backend.db.get("t", "k") == 2
        for stranger in ("", "sentinel_"):
            known = f"{secure.query()}&{secure.query('sentinel_')}"
            right, wrong = (f"{stranger}tls_ca={secure.folder}/{ca}.crt" for ca in ("ca", "other"))
            with pytest.raises(Refused) as caught:
                dfbackends.open(f"{url}&{'&'.join(wrong if part == right else part for part in known.split('&'))}")
            assert caught.value.code == "unauthenticated"


def test_verification_can_be_switched_off_in_a_file_and_is_logged(
    secured: RedisServer, secure: Secure, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = ["[dfbackends]", "db = redis", "[dfbackends_redis]", f"host = {HOST}", f"port = {secured.port}", "tls = true"]
    lines += ["tls_verify = false", f"tls_cert = {secure.folder}/client.crt", f"tls_key = {secure.folder}/client.key"]
    (tmp_path / "app.conf").write_text("\n".join(lines))
    conf = cfg.ConfigOpts()
    conf(["--config-file", str(tmp_path / "app.conf")])

    with dfbackends.open(conf) as backend:
        backend.db.put("t", "k", 1)

    assert any("tls_verify is off" in record.message for record in caplog.records)


def test_nothing_is_sent_in_the_clear_to_a_server_without_tls(secure: Secure) -> None:
    received: list[bytes] = []
    with socket.create_server((HOST, 0)) as plain:

        def answer() -> None:
            line, _ = plain.accept()
            with line:
                received.append(line.recv(65_536))
                with contextlib.suppress(ConnectionResetError):
                    line.sendall(b"-ERR unknown command\r\n")
                    received.append(line.recv(65_536))

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Refused) as caught:
            dfbackends.open(f"rediss://user:hidden@{HOST}:{plain.getsockname()[1]}?deadline=3&tls_ca={secure.folder}/ca.crt")
        thread.join()

    assert caught.value.code == "unauthenticated"
    assert received[0][:1] == b"\x16"  # The first byte of a handshake.
    assert b"hidden" not in b"".join(received)
