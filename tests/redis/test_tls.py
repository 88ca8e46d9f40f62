"""TLS: who is trusted, and that nobody else is."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from oslo_config import cfg

import dfbackends
from contract_tests.servers.node import HOST, free_port
from dfbackends import Refused
from dfbackends_redis.testing import RedisServer
from dfbackends_redis.testing.program import has_tls
from tests.inbox import Inbox
from tests.redis.conftest import Open

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=30)


def certificate(folder: Path, name: str, ca: str, *, subject: str = "IP:127.0.0.1") -> None:
    (folder / f"{name}.ext").write_text(f"subjectAltName={subject}\n")
    openssl(folder, "req", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    signed = ("-CA", f"{ca}.crt", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.crt", *signed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    for ca in ("ca", "other"):
        openssl(folder, "req", "-x509", *KEY, "-keyout", f"{ca}.key", "-out", f"{ca}.crt", "-subj", f"/CN={ca}", "-days", "2")
    certificate(folder, "server", "ca")
    certificate(folder, "client", "ca")
    certificate(folder, "named", "ca", subject="DNS:redis.example")
    return folder


class SecureServer(RedisServer):
    """Answers with TLS on another port."""

    tls_port = 0


@pytest.fixture(scope="module")
def secure(folder: Path) -> Iterator[SecureServer]:
    yield from serving(folder, "server")


def serving(folder: Path, name: str) -> Iterator[SecureServer]:
    if not has_tls():
        pytest.skip("this redis-server was built without TLS")
    port = free_port()
    settings = (
        "--tls-port",
        str(port),
        "--tls-cert-file",
        str(folder / f"{name}.crt"),
        "--tls-key-file",
        str(folder / f"{name}.key"),
    )
    server = SecureServer(folder / f"serving-{name}", *settings, "--tls-ca-cert-file", str(folder / "ca.crt"))
    server.start()
    server.tls_port = port
    yield server
    server.kill()


def url(server: SecureServer, folder: Path, *, ca: str = "ca", client: str = "client", more: str = "") -> str:
    login = f"&tls_cert={folder}/{client}.crt&tls_key={folder}/{client}.key" if client else ""
    return f"rediss://{HOST}:{server.tls_port}?deadline=3&tls_ca={folder}/{ca}.crt{login}{more}"


def test_everything_works_by_tls(secure: SecureServer, folder: Path, opened: Open) -> None:
    backend = opened(url(secure, folder))
    inbox = Inbox()
    backend.pubsub.subscribe("t", inbox.on_message, on_loss=inbox.on_loss)

    # Longer than a record of TLS, and than what is read at once.
    backend.db.put("tls", "k", "x" * 500_000)
    backend.pubsub.publish_many([("t", number) for number in range(900)])
    backend.pubsub.subscribe("other", print, on_loss=print)

    assert backend.db.get("tls", "k") == "x" * 500_000
    assert inbox.until(899) == list(range(900))


@pytest.mark.parametrize(("ca", "client"), [("other", "client"), ("ca", "")], ids=["wrong CA", "no client certificate"])
def test_who_is_not_trusted_is_refused_at_once(secure: SecureServer, folder: Path, ca: str, client: str) -> None:
    began = time.monotonic()

    with pytest.raises(Refused) as caught:
        dfbackends.open(url(secure, folder, ca=ca, client=client))

    assert caught.value.code == "unauthenticated"
    assert time.monotonic() - began < 5  # Half of the deadline: it was not tried again.


def test_a_certificate_of_another_name_is_refused_unless_it_is_expected(folder: Path, opened: Open) -> None:
    for server in serving(folder, "named"):
        with pytest.raises(Refused) as caught:
            dfbackends.open(url(server, folder))

        opened(url(server, folder, more="&tls_host_name=redis.example")).db.put("t", "k", 1)
        assert caught.value.code == "unauthenticated"


def test_verification_can_be_switched_off_in_a_file_and_is_logged(
    secure: SecureServer, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = ["[dfbackends]", "db = redis", "[dfbackends_redis]", f"host = {HOST}", f"port = {secure.tls_port}", "tls = true"]
    lines += ["tls_verify = false", f"tls_cert = {folder}/client.crt", f"tls_key = {folder}/client.key"]
    (tmp_path / "app.conf").write_text("\n".join(lines))
    conf = cfg.ConfigOpts()
    conf(["--config-file", str(tmp_path / "app.conf")])

    with dfbackends.open(conf) as backend:
        backend.db.put("t", "k", 1)

    assert any("tls_verify is off" in record.message for record in caplog.records)


def test_nothing_is_sent_in_the_clear_to_a_server_without_tls(folder: Path) -> None:
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
            dfbackends.open(f"rediss://user:hidden@{HOST}:{plain.getsockname()[1]}?deadline=3&tls_ca={folder}/ca.crt")
        thread.join()

    assert caught.value.code == "unauthenticated"
    assert received[0][:1] == b"\x16"  # The first byte of a handshake.
    assert b"hidden" not in b"".join(received)
