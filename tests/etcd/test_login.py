"""Users, passwords and tokens, on a server that wants them, in the clear and by TLS."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import dfbackends
from contract_tests.servers.certificates import authority, certificate
from contract_tests.servers.node import HOST
from contract_tests.waiting import FACTOR, eventually
from dfbackends import Refused
from dfbackends_etcd.access import Access, Address
from dfbackends_etcd.channel import Channel
from dfbackends_etcd.errors import CallFailed, Status
from dfbackends_etcd.stubs import rpc, services
from dfbackends_etcd.testing import EtcdServer
from dfbackends_etcd.tls import tls
from tests.servers import Open

# A token that is not used for so long is forgotten, a second later at most.
FORGOTTEN = 1

_CLOCK = threading.Event()


class Guarded:
    """A server with users: root may do anything, agent what dfbackends needs, nobody nothing."""

    def __init__(self, folder: Path, *, tls: bool) -> None:
        authority(folder, "ca")
        certificate(folder, "server", "ca")
        self.folder = folder
        self.tls = tls
        settings = ["--auth-token-ttl", str(FORGOTTEN), "--bcrypt-cost", "4"]
        if tls:
            settings += ["--cert-file", f"{folder}/server.crt", "--key-file", f"{folder}/server.key"]
        self.server = EtcdServer(folder / "server", *settings, scheme="https" if tls else "http")

    def start(self) -> None:
        self.server.start()
        for name in ("root", "agent", "nobody"):
            self.ask("UserAdd", rpc.AuthUserAddRequest(name=name, password="secret"))
        self.ask("RoleAdd", rpc.AuthRoleAddRequest(name="root"))
        self.ask("UserGrantRole", rpc.AuthUserGrantRoleRequest(user="root", role="root"))
        self.ask("RoleAdd", rpc.AuthRoleAddRequest(name="agents"))
        right = {"permType": 2, "key": b"dfb/", "range_end": b"dfb0"}
        self.ask("RoleGrantPermission", rpc.AuthRoleGrantPermissionRequest(name="agents", perm=right))
        self.ask("UserGrantRole", rpc.AuthUserGrantRoleRequest(user="agent", role="agents"))
        self.ask("AuthEnable", rpc.AuthEnableRequest())

    def channel(self) -> closing[Channel]:
        secure = tls(ca=f"{self.folder}/ca.crt", certificate=None, key=None, name=None) if self.tls else None
        return closing(Channel(Address(HOST, self.server.port), Access(tls=secure)))

    def ask(self, call: str, request: Any, token: str = "") -> Any:
        with self.channel() as channel:
            metadata = (("token", token),) if token else ()
            return getattr(services.AuthStub(channel), call)(request, timeout=10, metadata=metadata)

    def takes(self, token: str) -> bool:
        """Return whether a token is known, which prolongs its time."""
        with self.channel() as channel:
            try:
                services.KVStub(channel).Range(rpc.RangeRequest(key=b"dfb/"), timeout=5, metadata=(("token", token),))
            except CallFailed as error:
                if error.status == Status.UNAUTHENTICATED:
                    return False
                raise
        return True

    def forget(self) -> None:
        """Return when the server has forgotten a token that is not used from now on."""
        unused = [self.token("agent") for _ in range(100)]
        eventually(lambda: _CLOCK.wait(0.1) or not self.takes(unused.pop()), "tokens are forgotten", 9)

    def token(self, user: str) -> str:
        found: str = self.ask("Authenticate", rpc.AuthenticateRequest(name=user, password="secret")).token
        return found

    def url(self, user: str = "agent", password: str = "secret", more: str = "") -> str:
        login = f"{user}:{password}@" if user else ""
        secure = f"&tls_ca={self.folder}/ca.crt" if self.tls else ""
        return f"etcd{'+tls' if self.tls else ''}://{login}{HOST}:{self.server.port}?deadline=5{secure}{more}"


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "tls"])
def guarded(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Guarded]:
    guarded = Guarded(tmp_path_factory.mktemp("guarded"), tls=request.param)
    guarded.start()
    yield guarded
    guarded.server.kill()


def test_who_may_do_what_is_needed_can_do_everything(guarded: Guarded, opened: Open) -> None:
    backend = opened(guarded.url())

    backend.db.create("t", "k", 1, topic="a")
    backend.db.update("t", "k", 2, topic="b")
    backend.db.put_many("t", {str(number): number for number in range(150)})
    with backend.db.transaction() as tx:
        tx.put("t", "tx", tx.get("t", "k"))
    backend.db.delete("t", "k")

    assert len(list(backend.db.entries("t"))) == 151
    backend.db.drop("t")


def test_a_token_that_was_forgotten_is_replaced_without_an_error(guarded: Guarded, opened: Open) -> None:
    backend = opened(guarded.url(more="&retries=0"))
    backend.db.put("tokens", "k", 0)

    for number in range(2):
        guarded.forget()
        backend.db.put("tokens", "k", number)
        assert backend.db.get("tokens", "k") == number


def test_many_threads_share_a_token_that_is_replaced(guarded: Guarded, opened: Open) -> None:
    backend = opened(guarded.url(more="&retries=0"))
    backend.db.put("threads", "k", 0)
    guarded.forget()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: backend.db.put("threads", str(number), number), range(8)))
    guarded.forget()

    # Several requests of one call, too.
    assert len(backend.db.put_many("threads", {str(number): number for number in range(250)})) == 250


def test_a_restart_forgets_tokens_and_costs_no_error(tmp_path: Path, opened: Open) -> None:
    guarded = Guarded(tmp_path, tls=False)
    guarded.start()
    try:
        # One node takes a second until it leads again.
        backend = opened(guarded.url(more="&failover=3"))
        backend.db.put("t", "k", 1)
        guarded.server.kill()
        guarded.server.start()

        assert backend.db.get("t", "k") == 1
        backend.db.put("t", "k", 2)
    finally:
        guarded.server.kill()


@pytest.mark.parametrize(
    ("user", "password", "code"),
    [
        ("agent", "wrong", "unauthenticated"),
        ("stranger", "secret", "unauthenticated"),
        ("", "", "unauthenticated"),
        ("nobody", "secret", "forbidden"),
    ],
)
def test_who_is_not_let_in_is_told_so_at_once(guarded: Guarded, user: str, password: str, code: str) -> None:
    began = time.monotonic()

    with pytest.raises(Refused) as caught:
        dfbackends.open(guarded.url(user, password))

    assert caught.value.code == code
    assert "secret" not in str(caught.value)
    assert time.monotonic() - began < 5 * FACTOR  # Half of the deadline: it was not tried again.


def test_a_user_where_nobody_has_to_log_in_is_welcome(server: EtcdServer, opened: Open) -> None:
    opened(f"etcd://agent:secret@{HOST}:{server.port}").db.put("t", "k", 1)


def test_rights_that_were_changed_are_seen_without_an_error(guarded: Guarded, opened: Open) -> None:
    backend = opened(guarded.url(more="&retries=0"))
    backend.db.put("rights", "k", 1)

    root = guarded.token("root")
    right = {"permType": 0, "key": b"other/", "range_end": b"other0"}
    guarded.ask("RoleGrantPermission", rpc.AuthRoleGrantPermissionRequest(name="agents", perm=right), root)

    backend.db.put("rights", "k", 2)
    assert backend.db.get("rights", "k") == 2
