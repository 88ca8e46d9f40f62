"""How the store of a backend is had, and what can be done to it.

In texts ``{tmp}`` stands for an empty folder, ``{port}`` for the port of a process, ``{ports[1]}`` for that of the second of
several, and ``{hosts}`` for ``127.0.0.1:PORT`` of each, with commas.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from contract_tests.capability import Capability
from contract_tests.fault import Fault
from contract_tests.replaceable import Replaceable
from contract_tests.servers.node import HOST, PATIENCE, Node, NotStarted, PortTaken, free_port, is_taken
from dfbackends.url import parse

if TYPE_CHECKING:
    from typing_extensions import Unpack

State = Callable[["Server"], AbstractContextManager[object]]
"""Is given the server that runs; puts it into a state for a while, through its own clients."""

_TRIES = 5


class Facts(TypedDict, total=False):
    """What can not be told from the class of a driver."""

    settings: str
    """Lines of a configuration file that choose the same store as the URL."""
    durable: bool
    """What was written survives the end of all processes."""
    resumes: bool
    """Lines go on from positions."""
    shared: bool
    """Several processes can open the store at once; unless it is embedded that is so if it is not denied."""
    states: Mapping[Fault, State]
    """How to have FULL, READ_ONLY, UNAUTHENTICATED and OVERLOADED."""
    spares: Mapping[Fault, str]
    """Which of these it can not be in, and why."""
    replaceable: Callable[[Path], Replaceable]
    """Takes an empty folder, and makes stores that can be replaced: for WIPED, OLDER and OTHER."""
    plain: bool
    """Requests carry the names of tables and topics as they are (if it is not denied); else the next bytes from a client
    are taken for its request."""
    chatty: bool
    """Clients send bytes that belong to no request, at any time, as those of HTTP/2 do; all requests are plain."""
    failover: Callable[[Server], None] | None
    """Lets another process of a cluster take over, and returns when it serves and another one could again."""
    replicated: bool
    """What was acknowledged is there after such a failover."""
    patience: float
    """Seconds within which a process must answer."""


class Server:
    """A store, as its author declares it: by ``process``, ``cluster``, ``embedded`` or ``external``."""

    def __init__(
        self, url: str, *, commands: Sequence[Sequence[str]] = (), in_process: bool = False, **facts: Unpack[Facts]
    ) -> None:
        declared = {
            Capability.DURABLE: facts.get("durable", False),
            Capability.RESUMING: facts.get("resumes", False),
            Capability.SHARED: facts.get("shared", not in_process),
            Capability.REPLICATED: facts.get("replicated", False),
        }
        self.capabilities = frozenset(capability for capability, has in declared.items() if has)
        self.in_process = in_process
        """Whether there is no network on the way, so that faults are put around the driver."""
        self.states = dict(facts.get("states", {}))
        self.spares = dict(facts.get("spares", {}))
        self.plain = facts.get("plain", True)
        self.chatty = facts.get("chatty", False)
        self._failover = facts.get("failover")
        self.replaceable = facts.get("replaceable")
        self.nodes: list[Node] = []
        self.folder = Path()
        self._url = url
        self._settings = facts.get("settings", "")
        self._patience = facts.get("patience", PATIENCE)
        self._commands = [list(command) for command in commands]

    @classmethod
    def process(cls, command: Sequence[str], url: str, **facts: Unpack[Facts]) -> Server:
        """Return a server that is one process, started by the suite, which answers on ``{port}``."""
        return cls(url, commands=[command], **facts)

    @classmethod
    def cluster(cls, commands: Sequence[Sequence[str]], url: str, **facts: Unpack[Facts]) -> Server:
        """Return a server of several processes, each of which answers on its own ``{port}``."""
        return cls(url, commands=commands, **facts)

    @classmethod
    def embedded(cls, url: str, **facts: Unpack[Facts]) -> Server:
        """Return a store that lives in the process of its driver."""
        return cls(url, in_process=True, **facts)

    @classmethod
    def external(cls, url: str, **facts: Unpack[Facts]) -> Server:
        """Return a server that somebody else runs; nothing is done to it."""
        return cls(url, **facts)

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
            except NotStarted as error:
                self.stop()
                if attempt == _TRIES - 1 or not self.was_late(error):
                    raise
            else:
                return

    def was_late(self, error: NotStarted) -> bool:
        """Tell whether a start failed since somebody else was quicker to take a port; all are stopped."""
        return isinstance(error, PortTaken) or any(map(is_taken, self.ports))

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

    @property
    def fails_over(self) -> bool:
        """Whether another process can take over."""
        return self._failover is not None

    def fail_over(self) -> None:
        """Let another process take over."""
        assert self._failover is not None, "it was not declared how"
        self._failover(self)

    def recover(self) -> None:
        """Let all processes run again that do not."""
        self.thaw()
        self.restart()

    @property
    def count(self) -> int:
        """How many processes there are."""
        return len(self._commands)

    @property
    def missing(self) -> str:
        """Which program is not there without which nothing can be started, in words; empty where none is missing."""
        absent = {command[0] for command in self._commands if shutil.which(command[0]) is None}
        return f"not installed: {', '.join(sorted(absent))}" if absent else ""

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
    def answers(self) -> str:
        """What answers, in words: the programs, or where they are; empty where the store is in this process."""
        if self.in_process:
            return ""
        if self._commands:
            names = Counter(Path(command[0]).name for command in self._commands)
            return ", ".join(f"{count} x {name}" if count > 1 else name for name, count in names.items())
        return parse(self._url).address.hosts

    @property
    def settings(self) -> str:
        """The lines of a configuration file; empty where there are none."""
        return self._filled(self._settings, self.ports)

    def _node(self, number: int, ports: Sequence[int]) -> Node:
        words = [self._filled(word, ports, ports[number]) for word in self._commands[number]]
        return Node(words, ports[number], self.folder / f"server-{number}.log", patience=self._patience)

    def _filled(self, text: str, ports: Sequence[int], port: int | None = None) -> str:
        own = port if port is not None else ports[0] if ports else ""
        hosts = ",".join(f"{HOST}:{each}" for each in ports)
        return text.format(tmp=self.folder, port=own, ports=ports, hosts=hosts)
