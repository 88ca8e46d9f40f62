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
    server.ask("Maintenance", "Alarm", _ALARM(action=_ALARM.ACTIVATE, alarm=rpc.NOSPACE))
    try:
        yield
    finally:
        server.ask("Maintenance", "Alarm", _ALARM(action=_ALARM.DEACTIVATE, alarm=rpc.NOSPACE))


@contextmanager
def guarded(server: EtcdServer) -> Iterator[None]:
    """Let a store know a user, and nobody in who is not him."""
    server.ask("Auth", "UserAdd", rpc.AuthUserAddRequest(name=ROOT, password=PASSWORD))
    server.ask("Auth", "RoleAdd", rpc.AuthRoleAddRequest(name=ROOT))
    server.ask("Auth", "UserGrantRole", rpc.AuthUserGrantRoleRequest(user=ROOT, role=ROOT))
    server.ask("Auth", "AuthEnable", rpc.AuthEnableRequest())
    try:
        yield
    finally:
        token = server.ask("Auth", "Authenticate", rpc.AuthenticateRequest(name=ROOT, password=PASSWORD)).token
        server.ask("Auth", "AuthDisable", rpc.AuthDisableRequest(), token=token)
        server.ask("Auth", "UserDelete", rpc.AuthUserDeleteRequest(name=ROOT))
        server.ask("Auth", "RoleDelete", rpc.AuthRoleDeleteRequest(role=ROOT))


def _of_store(store: Server) -> EtcdServer:
    assert isinstance(store, Store)
    # What one of them is told, all know.
    return store.group.nodes[0]


STATES: Mapping[Fault, State] = {
    Fault.FULL: lambda store: full(_of_store(store)),
    Fault.UNAUTHENTICATED: lambda store: guarded(_of_store(store)),
}

SPARED: Mapping[Fault, str] = {
    Fault.READ_ONLY: "a member that can not write for now does not answer those who want to",
    Fault.OVERLOADED: "a member says so when it is thousands of requests behind the others, which nobody can have on purpose",
}
