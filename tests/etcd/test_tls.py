"""TLS: who is trusted, and that nobody else is."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import dfbackends
from contract_tests.servers.certificates import authority, certificate
from contract_tests.servers.node import HOST
from contract_tests.waiting import FACTOR, eventually
from dfbackends import Refused, Unavailable
from dfbackends_etcd.testing import EtcdServer
from tests.inbox import Inbox
from tests.servers import Open


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    authority(folder, "ca")
    authority(folder, "other")
    certificate(folder, "server", "ca")
    certificate(folder, "client", "ca")
    certificate(folder, "named", "ca", subject="DNS:etcd.example")
    return folder


@contextmanager
def serving(folder: Path, name: str) -> Iterator[EtcdServer]:
    files = ("--cert-file", f"{folder}/{name}.crt", "--key-file", f"{folder}/{name}.key")
    trusted = ("--trusted-ca-file", f"{folder}/ca.crt", "--client-cert-auth")
    server = EtcdServer(folder / f"serving-{name}", *files, *trusted, scheme="https")
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="module")
def secure(folder: Path) -> Iterator[EtcdServer]:
    with serving(folder, "server") as server:
        yield server


def url(server: EtcdServer, folder: Path, *, ca: str = "ca", client: str = "client", more: str = "") -> str:
    login = f"&tls_cert={folder}/{client}.crt&tls_key={folder}/{client}.key" if client else ""
    return f"etcd+tls://{HOST}:{server.port}?deadline=5&tls_ca={folder}/{ca}.crt{login}{more}"


def test_everything_works_by_tls(secure: EtcdServer, folder: Path, opened: Open) -> None:
    backend = opened(url(secure, folder))

    # Longer than a record of TLS, and than what is read at once.
    backend.db.put("tls", "k", "x" * 500_000, topic="a")
    backend.db.put_many("tls", {str(number): number for number in range(300)})

    assert backend.db.get("tls", "k") == "x" * 500_000
    assert len(list(backend.db.entries("tls"))) == 301


def test_lines_are_by_tls_too(secure: EtcdServer, folder: Path, opened: Open) -> None:
    backend, inbox = opened(url(secure, folder)), Inbox()
    backend.pubsub.subscribe("tls", inbox.on_message, on_loss=inbox.on_loss)
    mirror = backend.mirror("lines")
    mirror.wait_synced(10)

    for number in range(300):
        backend.pubsub.publish("tls", f"{number}" + "x" * 10_000)
    backend.db.put_many("lines", {str(number): number for number in range(300)})

    assert inbox.count(300) == [f"{number}" + "x" * 10_000 for number in range(300)]
    eventually(lambda: mirror.size == 300, "all entries")


@pytest.mark.parametrize(("ca", "client"), [("other", "client"), ("ca", "")], ids=["wrong CA", "no client certificate"])
def test_who_is_not_trusted_is_refused_at_once(secure: EtcdServer, folder: Path, ca: str, client: str) -> None:
    began = time.monotonic()

    with pytest.raises(Refused) as caught:
        dfbackends.open(url(secure, folder, ca=ca, client=client))

    assert caught.value.code == "unauthenticated"
    assert time.monotonic() - began < 5 * FACTOR  # Half of the deadline: it was not tried again.


def test_a_certificate_of_another_name_is_refused_unless_it_is_expected(folder: Path, opened: Open) -> None:
    with serving(folder, "named") as server:
        with pytest.raises(Refused) as caught:
            dfbackends.open(url(server, folder))

        opened(url(server, folder, more="&tls_host_name=etcd.example")).db.put("t", "k", 1)
        assert caught.value.code == "unauthenticated"


def test_who_asks_without_tls_is_told_that_nobody_answers(secure: EtcdServer) -> None:
    with pytest.raises(Unavailable) as caught:
        dfbackends.open(f"{secure.url}retries=0")

    assert caught.value.code == "unreachable"


def test_nothing_is_sent_in_the_clear_to_a_server_without_tls(folder: Path) -> None:
    received: list[bytes] = []
    with socket.create_server((HOST, 0)) as plain:
        plain.settimeout(10)

        def answer() -> None:
            with suppress(OSError):
                while True:
                    line, _ = plain.accept()
                    with line, suppress(OSError):
                        line.settimeout(2)
                        received.append(line.recv(65_536))
                        line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        address = f"{HOST}:{plain.getsockname()[1]}"
        try:
            with pytest.raises(Refused) as caught:
                dfbackends.open(f"etcd+tls://user:hidden@{address}?deadline=5&tls_ca={folder}/ca.crt")
        finally:
            plain.shutdown(socket.SHUT_RDWR)
            thread.join()

    assert caught.value.code == "unauthenticated"
    assert {data[:1] for data in received} == {b"\x16"}  # The first byte of a handshake.
    assert b"hidden" not in b"".join(received)
