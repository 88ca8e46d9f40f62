"""States of servers in which they refuse: each is the real one, and ends with its ``with`` block."""

from __future__ import annotations

import resource
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress

import redis

from contract_tests.fault import Fault
from contract_tests.servers.node import HOST
from contract_tests.servers.server import Server, State
from dfbackends_redis.testing.group import Group
from dfbackends_redis.testing.process import RedisServer, until
from dfbackends_redis.testing.sentinels import Sentinels
from dfbackends_redis.testing.store import Store

_CALLING = ("dfb-data", "dfb-publisher")
_NOBODY = 1
"""A port where no server is."""
_LONG = 60_000


@contextmanager
def _left_alone(group: Group) -> Iterator[None]:
    """Keep sentinels from ending the script of a busy master, or replacing it."""
    if not isinstance(group, Sentinels):
        yield
        return

    def wait(milliseconds: int) -> None:
        for sentinel in group.sentinels:
            sentinel.ask("SENTINEL", "SET", group.service, "down-after-milliseconds", milliseconds)

    wait(_LONG)
    try:
        yield
    finally:
        wait(group.down_after)


def _of_all(state: Callable[[RedisServer], AbstractContextManager[None]]) -> State:
    """Return the state of a store all masters of which are in it."""

    @contextmanager
    def entered(store: Server) -> Iterator[None]:
        assert isinstance(store, Store)
        with ExitStack() as states:
            states.enter_context(_left_alone(store.group))
            for master in store.group.masters:
                states.enter_context(state(master))
            yield

    return entered


@contextmanager
def configured(server: RedisServer, name: str, value: str | int) -> Iterator[None]:
    """Give a setting of a server another value."""
    with server.client() as client:
        before = client.config_get(name)[name]
        client.config_set(name, value)
        try:
            yield
        finally:
            client.config_set(name, before)


@contextmanager
def small_disk(server: RedisServer, room: int) -> Iterator[None]:
    """Let no file of a server grow beyond so many bytes: it finds what it finds on a full disk."""
    assert server.pid is not None
    limits = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, limits)


def _full(server: RedisServer) -> AbstractContextManager[None]:
    return configured(server, "maxmemory", 1)


@contextmanager
def _read_only(server: RedisServer) -> Iterator[None]:
    """Make it the replica of a master that is not there; its data stays, and it is read."""
    with server.client() as client:
        client.replicaof(HOST, _NOBODY)
        try:
            yield
        finally:
            client.replicaof("NO", "ONE")


@contextmanager
def _unauthenticated(server: RedisServer) -> Iterator[None]:
    """Want a password from everybody who connects, and end the lines for calls that were open."""
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "resetpass", ">secret")
        try:
            for line in client.client_list():
                if line["name"] in _CALLING:
                    # It may have ended by itself.
                    with suppress(redis.ResponseError):
                        client.execute_command("CLIENT", "KILL", "ID", line["id"])
            yield
        finally:
            client.execute_command("ACL", "SETUSER", "default", "nopass")


@contextmanager
def _overloaded(server: RedisServer) -> Iterator[None]:
    """Let it run a script that does not end."""
    with configured(server, "lua-time-limit", 1), server.client() as client:

        def loop() -> None:
            with server.client() as other, suppress(redis.RedisError):
                other.eval("while true do end", 0)

        def busy() -> bool:
            try:
                client.ping()
            except redis.ResponseError as error:
                return str(error).startswith("BUSY")
            return False

        thread = threading.Thread(target=loop, name="dfb-testing-script")
        thread.start()
        try:
            until(busy, "the server to be busy")
            yield
        finally:
            client.script_kill()
            thread.join()


STATES: Mapping[Fault, State] = {
    Fault.FULL: _of_all(_full),
    Fault.READ_ONLY: _of_all(_read_only),
    Fault.UNAUTHENTICATED: _of_all(_unauthenticated),
    Fault.OVERLOADED: _of_all(_overloaded),
}
