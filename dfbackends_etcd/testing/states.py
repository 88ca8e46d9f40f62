"""States of servers in which they refuse: each is the real one, and ends with its ``with`` block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from contract_tests.fault import Fault
from contract_tests.servers.server import Server, State
from dfbackends_etcd.stubs import rpc
from dfbackends_etcd.testing.process import EtcdServer
from dfbackends_etcd.testing.store import Store

ROOT, PASSWORD = "root", "secret"

_ALARM = rpc.AlarmRequest


@contextmanager
def full(server: EtcdServer) -> Iterator[None]:
    """Let a store refuse what needs room, as it does since its quota was used up until an operator has made room."""
    server.ask("maintenance", "Alarm", _ALARM(action=_ALARM.ACTIVATE, alarm=rpc.NOSPACE))
    try:
        yield
    finally:
        server.ask("maintenance", "Alarm", _ALARM(action=_ALARM.DEACTIVATE, alarm=rpc.NOSPACE))


@contextmanager
def guarded(server: EtcdServer) -> Iterator[str]:
    """Let a store know users, and nobody in without a password; the token of the one who may everything."""
    with server.stubs() as stubs:
        stubs.auth.UserAdd(rpc.AuthUserAddRequest(name=ROOT, password=PASSWORD))
        stubs.auth.RoleAdd(rpc.AuthRoleAddRequest(name=ROOT))
        stubs.auth.UserGrantRole(rpc.AuthUserGrantRoleRequest(user=ROOT, role=ROOT))
        stubs.auth.AuthEnable(rpc.AuthEnableRequest())
        try:
            yield _token(server)
        finally:
            stubs.auth.AuthDisable(rpc.AuthDisableRequest(), metadata=[("token", _token(server))])
            stubs.auth.UserDelete(rpc.AuthUserDeleteRequest(name=ROOT))
            stubs.auth.RoleDelete(rpc.AuthRoleDeleteRequest(role=ROOT))


def compact(server: EtcdServer, token: str = "") -> None:
    """Let a store forget everything but what is there now."""
    now = server.ask("kv", "Range", rpc.RangeRequest(key=b"dfb/"), token).header.revision
    server.ask("kv", "Compact", rpc.CompactionRequest(revision=now, physical=True), token)


def _token(server: EtcdServer) -> str:
    return str(server.ask("auth", "Authenticate", rpc.AuthenticateRequest(name=ROOT, password=PASSWORD)).token)


def _of_store(store: Server) -> EtcdServer:
    assert isinstance(store, Store)
    # What one of them is told, all know.
    return store.members.nodes[0]


STATES: Mapping[Fault, State] = {
    Fault.FULL: lambda store: full(_of_store(store)),
    Fault.UNAUTHENTICATED: lambda store: guarded(_of_store(store)),
}

SPARED: Mapping[Fault, str] = {
    Fault.READ_ONLY: "a member that can not write for now does not answer those who want to",
    Fault.OVERLOADED: "a member says so when it is thousands of requests behind the others, which nobody can have on purpose",
}
