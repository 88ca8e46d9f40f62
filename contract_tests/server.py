"""How the store of a backend is had, and what can be done to it.

In texts ``{tmp}`` stands for an empty folder, ``{port}`` for the port of a process, ``{ports[1]}`` for that of the second of
several, and ``{hosts}`` for ``127.0.0.1:PORT`` of each, with commas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from contract_tests.capability import Capability
from contract_tests.fault import Fault
from contract_tests.node import HOST, Node, NotStarted, free_port, is_taken
from contract_tests.replaceable import Replaceable

State = Callable[["Server"], AbstractContextManager[object]]
"""Is given the server that runs; puts it into a state for a while, through its own clients."""

_TRIES = 5


class Server:
    """A store, as its author declares it: by ``process``, ``cluster``, ``embedded`` or ``external``.

    ``durable``: what was written survives the end of all processes. ``resumes``: feeds go on from positions. ``shared``:
    several processes can open it at once. ``states`` puts it into what can be had from the server only: FULL, READ_ONLY,
    UNAUTHENTICATED, OVERLOADED. ``settings`` are lines of a configuration file that choose the same store as ``url``.
    ``replaceable`` takes an empty folder, and makes stores that can be replaced. ``plain``: requests carry the names of tables
    and topics as they are; else the next bytes that a client sends are taken for its request.
    """

    def __init__(
        self,
        url: str,
        *,
        commands: Sequence[Sequence[str]] = (),
        in_process: bool = False,
        settings: str = "",
        durable: bool = False,
        resumes: bool = False,
        shared: bool = True,
        plain: bool = True,
        states: Mapping[Fault, State] | None = None,
        failover: Callable[[Server], None] | None = None,
        replaceable: Callable[[Path], Replaceable] | None = None,
    ) -> None:
        declared = {Capability.DURABLE: durable, Capability.RESUMING: resumes, Capability.SHARED: shared}
        self.capabilities = frozenset(capability for capability, has in declared.items() if has)
        self.in_process = in_process
        """Whether there is no network on the way, so that faults are put around the driver."""
        self.states = dict(states or {})
        self.plain = plain
        self.failover = failover
        self.replaceable = replaceable
        self.nodes: list[Node] = []
        self.folder = Path()
        self._url = url
        self._settings = settings
        self._commands = [list(command) for command in commands]

    @classmethod
    def process(
        cls,
        command: Sequence[str],
        url: str,
        *,
        settings: str = "",
        durable: bool = False,
        resumes: bool = False,
        states: Mapping[Fault, State] | None = None,
        replaceable: Callable[[Path], Replaceable] | None = None,
        plain: bool = True,
    ) -> Server:
        """Return a server that is one process, started by the suite, which answers on ``{port}``."""
        return cls(
            url,
            commands=[command],
            settings=settings,
            durable=durable,
            resumes=resumes,
            states=states,
            replaceable=replaceable,
            plain=plain,
        )

    @classmethod
    def cluster(
        cls,
        commands: Sequence[Sequence[str]],
        url: str,
        *,
        failover: Callable[[Server], None] | None = None,
        settings: str = "",
        durable: bool = False,
        resumes: bool = False,
        states: Mapping[Fault, State] | None = None,
        plain: bool = True,
    ) -> Server:
        """Return a server of several processes, each with its own ``{port}``; ``failover`` lets another one take over."""
        return cls(
            url,
            commands=commands,
            settings=settings,
            durable=durable,
            resumes=resumes,
            states=states,
            failover=failover,
            plain=plain,
        )

    @classmethod
    def embedded(
        cls,
        url: str,
        *,
        settings: str = "",
        durable: bool = False,
        resumes: bool = False,
        shared: bool = False,
        replaceable: Callable[[Path], Replaceable] | None = None,
    ) -> Server:
        """Return a store that lives in the process of its driver."""
        return cls(
            url,
            in_process=True,
            settings=settings,
            durable=durable,
            resumes=resumes,
            shared=shared,
            replaceable=replaceable,
        )

    @classmethod
    def external(
        cls,
        url: str,
        *,
        settings: str = "",
        durable: bool = False,
        resumes: bool = False,
        shared: bool = True,
    ) -> Server:
        """Return a server that somebody else runs; nothing is done to it."""
        return cls(url, settings=settings, durable=durable, resumes=resumes, shared=shared)

    def start(self, folder: Path) -> None:
        """Start the processes, each of which has answered when this returns.

        :raises NotStarted: one did not
        """
        self.folder = folder
        for attempt in range(_TRIES):
            ports = [free_port() for _ in self._commands]
            self.nodes = [self._node(number, ports) for number in range(len(ports))]
            try:
                for node in self.nodes:
                    node.start()
            except NotStarted:
                self.stop()
                # Somebody may have been quicker.
                if attempt == _TRIES - 1 or not any(map(is_taken, ports)):
                    raise
            else:
                return

    def stop(self) -> None:
        """End the processes."""
        for node in self.nodes:
            node.stop()

    def kill(self) -> None:
        """End all processes with SIGKILL."""
        for node in self.nodes:
            node.kill()

    def restart(self) -> None:
        """Start the processes again that have ended, on the same ports and folder."""
        for node in self.nodes:
            if node.pid is None:
                node.start()

    def freeze(self) -> None:
        """Stop all processes where they are."""
        for node in self.nodes:
            node.freeze()

    def thaw(self) -> None:
        """Let them go on."""
        for node in self.nodes:
            node.thaw()

    def recover(self) -> None:
        """Let all processes run again that do not."""
        self.thaw()
        self.restart()

    @property
    def count(self) -> int:
        """How many processes there are."""
        return len(self._commands)

    @property
    def example(self) -> str:
        """A URL of the form that it will have, before anything is started."""
        return self.url(range(1, self.count + 1))

    @property
    def ports(self) -> list[int]:
        """Where the processes answer."""
        return [node.port for node in self.nodes]

    def url(self, ports: Sequence[int] | None = None) -> str:
        """Return the URL, by way of other ports where they are given."""
        return self._filled(self._url, self.ports if ports is None else ports)

    @property
    def settings(self) -> str:
        """The lines of a configuration file; empty where there are none."""
        return self._filled(self._settings, self.ports)

    def _node(self, number: int, ports: Sequence[int]) -> Node:
        words = [self._filled(word, ports, ports[number]) for word in self._commands[number]]
        return Node(words, ports[number], self.folder / f"server-{number}.log")

    def _filled(self, text: str, ports: Sequence[int], port: int | None = None) -> str:
        own = port if port is not None else ports[0] if ports else ""
        hosts = ",".join(f"{HOST}:{each}" for each in ports)
        return text.format(tmp=self.folder, port=own, ports=ports, hosts=hosts)
