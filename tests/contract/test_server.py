"""Servers that the suite starts: they answer when it goes on, can be killed and frozen, and do not outlive it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from contract_tests import Capability, Fault, ServedHarness, Server
from contract_tests.served import registered
from contract_tests.servers.node import HOST, Node, NotStarted, free_port
from contract_tests.waiting import eventually
from dfbackends.errors import ConfigurationError

ROOT = Path(__file__).parents[2]

ECHO = """
import os, pathlib, socketserver, sys
port, folder = sys.argv[1:]
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)
pathlib.Path(folder, "started").open("a").write(f"{os.getpid()}\\n")
class Serving(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
Serving(("127.0.0.1", int(port)), Echo).serve_forever()
"""

COMMAND = [sys.executable, "-c", ECHO.replace("{", "{{").replace("}", "}}"), "{port}", "{tmp}"]


def echoes(port: int, timeout: float = 5.0) -> bool:
    with socket.create_connection((HOST, port), timeout=timeout) as connection:
        connection.sendall(b"x\n")
        with suppress(TimeoutError):
            return connection.recv(10) == b"x\n"
    return False


def runs(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    return False


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server.process(COMMAND, url="echo://{hosts}?folder={tmp}")
    server.start(tmp_path)
    yield server
    server.stop()


def test_it_answers_when_it_was_started(server: Server, tmp_path: Path) -> None:
    [port] = server.ports

    assert echoes(port)
    assert server.url() == f"echo://127.0.0.1:{port}?folder={tmp_path}"
    assert server.url([7]) == f"echo://127.0.0.1:7?folder={tmp_path}"


def test_a_killed_server_runs_again_where_it_was(server: Server, tmp_path: Path) -> None:
    [port] = server.ports
    for _ in range(2):
        server.kill()
        with pytest.raises(ConnectionRefusedError):
            echoes(port)
        server.restart()
        assert echoes(port)

    assert server.ports == [port]
    assert len((tmp_path / "started").read_text().splitlines()) == 3


def test_a_frozen_server_keeps_its_connections_and_answers_later(server: Server) -> None:
    with socket.create_connection((HOST, server.ports[0]), timeout=0.3) as connection:
        server.freeze()
        connection.sendall(b"x\n")
        with pytest.raises(TimeoutError):
            connection.recv(10)

        server.thaw()
        connection.settimeout(5)
        assert connection.recv(10) == b"x\n"


def test_what_a_case_left_dead_or_frozen_recovers(server: Server) -> None:
    server.freeze()
    server.recover()
    assert echoes(server.ports[0])
    server.kill()
    server.recover()
    assert echoes(server.ports[0])


def test_a_stopped_server_is_gone_also_when_it_was_frozen(server: Server, tmp_path: Path) -> None:
    [pid] = map(int, (tmp_path / "started").read_text().split())
    server.freeze()

    server.stop()
    server.stop()

    assert not runs(pid)


def test_one_that_ends_is_told_with_its_command_and_its_last_words(tmp_path: Path) -> None:
    server = Server.process([sys.executable, "-c", "import sys; sys.exit('no such thing as {port}')"], url="x:")

    with pytest.raises(NotStarted, match=r"(?s)ended with code 1.*command: .*sys\.exit.*output: no such thing as \d+"):
        server.start(tmp_path)


def test_one_that_can_not_be_run_is_told_with_its_command(tmp_path: Path) -> None:
    with pytest.raises(NotStarted, match="there-is-no-such-program"):
        Server.process(["there-is-no-such-program", "{port}"], url="x:").start(tmp_path)


def test_one_that_does_not_answer_is_ended(tmp_path: Path) -> None:
    server = Server.process(
        [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(99)"], url="x:", patience=0.5
    )

    with pytest.raises(NotStarted, match=r"did not answer on port \d+ within"):
        server.start(tmp_path)

    assert not runs(int((tmp_path / "server-0.log").read_text()))


def test_each_of_several_has_its_port_and_knows_the_others(tmp_path: Path) -> None:
    command = [*COMMAND[:-1], "{tmp}"]
    failed_over: list[Server] = []
    server = Server.cluster([command, command], url="echo://{hosts}", failover=failed_over.append)
    server.start(tmp_path)
    try:
        assert len(set(server.ports)) == 2
        assert all(map(echoes, server.ports))
        assert server.url() == "echo://" + ",".join(f"127.0.0.1:{port}" for port in server.ports)
        server.fail_over()
        assert failed_over == [server]
    finally:
        server.stop()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_nothing_outlives_the_process_that_started_it(tmp_path: Path, end: signal.Signals) -> None:
    program = (
        "import sys, pathlib, time; from contract_tests import Server; from tests.contract.test_server import COMMAND\n"
        "Server.process(COMMAND, url='x:').start(pathlib.Path(sys.argv[1])); print('ready', flush=True); time.sleep(99)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT)
    assert parent.stdout is not None
    with parent.stdout:
        assert parent.stdout.readline() == b"ready\n"
        [pid] = map(int, (tmp_path / "started").read_text().split())
        assert runs(pid)

        parent.send_signal(end)
        parent.wait()

    eventually(lambda: not runs(pid), "the server has ended, too")


def test_a_port_that_another_has_taken_is_left_to_it(tmp_path: Path) -> None:
    with socket.create_server((HOST, free_port())) as other:
        port = other.getsockname()[1]
        node = Node([word.format(port=port, tmp=tmp_path) for word in COMMAND], port, tmp_path / "log")

        with pytest.raises(NotStarted, match=r"port \d+ is taken"):
            node.start()


def test_what_the_driver_can_do_is_known_before_anything_is_started() -> None:
    declared = ServedHarness("memory", Server.embedded("memory:x", resumes=True))

    assert declared.capabilities == {
        Capability.TRANSACTIONAL,
        Capability.JOINT,
        Capability.WATCHING,
        Capability.RESUMING,
    }
    assert Fault.CUT in declared.faults
    assert Fault.KILLED not in declared.faults
    assert ServedHarness("memory", Server.external("memory:x")).faults == frozenset()
    assert Capability.JOINT not in ServedHarness("memory", Server.embedded("memory:x?pubsub=log")).capabilities


def test_a_backend_without_a_registered_server_is_told_what_to_do() -> None:
    assert registered("sqlite", nodes=3).in_process
    with pytest.raises(ConfigurationError, match=r"'tikv'.*dfbackends\.harness"):
        registered("tikv")
