"""The contract: what a backend implements.

A driver moves bytes. It is given names that are valid and values that are encoded, it never repeats a call, never starts a
thread, and raises its client's own exceptions; ``errors`` tells the core what they mean. Every method but those of a
:class:`Feed` may be called from several threads at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dfbackends.errors import ErrorTable
from dfbackends.values import (
    Address,
    Alive,
    Change,
    Confirmed,
    Denied,
    Expect,
    Fence,
    Finding,
    Gone,
    Head,
    Key,
    Limits,
    Message,
    OpId,
    Position,
    Record,
    Stream,
    Table,
    Write,
)

if TYPE_CHECKING:
    from oslo_config import cfg

__all__ = [
    "CONTRACT",
    "Address",
    "Alive",
    "Change",
    "Confirmed",
    "DbApi",
    "Denied",
    "Driver",
    "Expect",
    "Feed",
    "Fence",
    "Finding",
    "Gone",
    "Head",
    "Inspecting",
    "Key",
    "Limits",
    "Message",
    "OpId",
    "Position",
    "PubSubApi",
    "Record",
    "Stream",
    "Table",
    "Transactional",
    "Watching",
    "Write",
]

CONTRACT = 1
"""The version of this contract."""

T = TypeVar("T")
M_co = TypeVar("M_co", covariant=True)


class Feed(ABC, Generic[T, M_co]):
    """One line from the backend. It is thrown away once ``receive`` has raised: a feed never recovers by itself."""

    @property
    @abstractmethod
    def position(self) -> Position | None:
        """The place behind what ``receive`` has returned last, also once it has raised; None where it can not go on."""

    @abstractmethod
    def subscribe(self, topics: Sequence[T]) -> None:
        """Ask for topics. Only sends; any thread, also while ``receive`` waits, which answers each, in order, with Confirmed or
        Denied, also a subscribed one."""

    @abstractmethod
    def unsubscribe(self, topics: Sequence[T]) -> None:
        """Give topics up. Only sends; any thread. A topic that is not subscribed is passed over."""

    @abstractmethod
    def receive(self, timeout: float) -> Sequence[M_co | Confirmed[T] | Denied[T] | Alive]:
        """Return all that is at hand, in order, after waiting at most ``timeout`` seconds for it; nothing is a proper answer.

        One thread calls it. Any exception means that the line is lost, Gone that it was overtaken.
        """

    @abstractmethod
    def probe(self) -> bool:
        """Send something that comes back through ``receive`` as a proof of life (a message or Alive), if possible through
        another way in than this line. Return False where a line of this backend can not fall silent unnoticed."""

    @abstractmethod
    def close(self) -> None:
        """End the line, and a ``receive`` that waits. Any thread; never raises; twice is harmless."""


class DbApi(ABC):
    """A store of entries."""

    errors: ErrorTable
    limits: Limits = Limits()
    failover: float = 0.0
    """Seconds that the backend needs to replace a dead server; 0 where there is none to replace."""
    timeout: float = 0.0
    """Seconds after which any call that gets no answer has raised."""

    @abstractmethod
    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        """Return the records in the order of the keys, None for an absent one. Not a snapshot."""

    @abstractmethod
    def write(self, writes: Sequence[Write], op: OpId) -> list[int | None]:
        """Do each write whose expectation holds; return the new revisions, None for an expectation that failed.

        Atomic per write, not per sequence, in order, in as few round trips as possible. The keys of one call differ. A
        deletion has a revision, too. Deleting an absent key under Expect.ANY is done and harmless. Where writes went several
        ways, and some failed, ``errors.Divided`` tells of each.
        """

    @abstractmethod
    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        """Yield the entries of a table, or of one topic in it, at the cost of what they hold.

        An entry that was there throughout comes exactly once, also when others are written meanwhile. An absent table is empty.
        """

    @abstractmethod
    def drop(self, table: Table) -> None:
        """Remove all entries of a table, in steps, never in one long command. An absent table is no error."""

    @abstractmethod
    def close(self) -> None:
        """Give up all resources. Twice is harmless."""


class Transactional(ABC):
    """A store that does several writes in one atomic step, and keeps the outcome of each operation under its id.

    Its ``write``, too, answers the recorded outcome when an id comes again. Outcomes that changed something are kept for ten
    deadlines at least, fences for an hour; an expectation that failed need not be recorded.
    """

    @abstractmethod
    def commit(
        self, writes: Sequence[Write], checks: Mapping[Key, Expect | int], messages: Sequence[Message], op: OpId
    ) -> list[int] | None:
        """Do all writes and publish all messages in one step, isolated; return the new revisions.

        None: an expectation of a write or a check failed, or the operation was cancelled, and nothing was done.
        """

    @abstractmethod
    def cancel(self, keys: Sequence[Key], op: OpId) -> list[int | None | Fence]:
        """Return what a write or commit of these keys did, or make sure that it never does anything.

        For each key: the revision written, None for an expectation that failed, or NEVER where nothing was done and
        the operation is refused from now on.
        """


class Watching(ABC):
    """A store that tells of changes."""

    @abstractmethod
    def watch(self, after: Position | None = None) -> Feed[Stream, Change]:
        """Open a feed of changes, from now on or from behind a position; streams that are subscribed before the first
        ``receive`` begin there.

        :raises Gone: the backend can not go on from there
        """

    @abstractmethod
    def heads(self, streams: Sequence[Stream]) -> Sequence[Head]:
        """Return the head of each stream, which differs after each change of it."""


class Inspecting(ABC):
    """A store, or a carrier of messages, that can tell how its servers are set up."""

    @abstractmethod
    def inspect(self) -> Sequence[Finding]:
        """Return what is against the promises made here, and what may not be looked at; nothing where all is well.

        The text says what follows from it and what to set, without the name of the backend. Opening logs what is grave, once.
        """


class PubSubApi(ABC):
    """A carrier of messages."""

    errors: ErrorTable
    limits: Limits = Limits()
    failover: float = 0.0
    timeout: float = 0.0

    @abstractmethod
    def publish(self, messages: Sequence[Message]) -> None:
        """Send messages, in order. No subscribers is no error."""

    @abstractmethod
    def listen(self, after: Position | None = None) -> Feed[str, Message]:
        """Open a feed without topics, from now on or from behind a position; topics that are subscribed before the first
        ``receive`` begin there.

        :raises Gone: the backend can not go on from there
        """

    @abstractmethod
    def close(self) -> None:
        """Give up all resources; feeds are closed by themselves. Twice is harmless."""


Api_co = TypeVar("Api_co", bound="DbApi | PubSubApi", covariant=True)


def _no_address(address: Address) -> Mapping[str, str]:
    if address != Address():
        raise ValueError("the form is name: without an address")
    return {}


@dataclass(frozen=True)
class Driver(Generic[Api_co]):
    """What an entry point of ``dfbackends.db`` or ``dfbackends.pubsub`` names."""

    provides: type[Api_co]
    """The class that ``open`` returns; its capabilities and its table of errors are known before anything is opened."""
    open: Callable[[Mapping[str, Any], float], Api_co]
    """Takes the values of the options, and the deadline of a call in seconds. It need not connect."""
    options: Sequence[cfg.Opt] = ()
    address: Callable[[Address], Mapping[str, str]] = _no_address
    """Tells which options the address in a URL stands for, and raises ValueError with the form that it takes."""
    not_in_urls: Collection[str] = ()
    """Options that a URL must not have, since it may come from somewhere else: those that give up safety, say."""
    contract: int = CONTRACT
