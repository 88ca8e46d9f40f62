"""What drivers and the core hand to each other: values that never change.

Drivers import them from :mod:`dfbackends.api`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Generic, NamedTuple, NewType, TypeVar

OpId = NewType("OpId", str)
"""Names one call of an application, the same for all of its attempts; at most 64 characters of ASCII."""

Position = NewType("Position", str)
"""A place in what a backend sends, opaque to the core."""

Head = str | Mapping[str, str]
"""How far a stream has come: an opaque token, compared by equality only. A stream that comes from several servers, with no
order among them, has a chain for each: then the token of each chain, by its name."""


class Table(NamedTuple):
    """Where entries live. Tables of one partition can share a transaction; a table of several buckets can not."""

    name: str
    partition: str
    buckets: int = 1


class Key(NamedTuple):
    """One entry; the name is unique in its table."""

    table: Table
    name: str


class Record(NamedTuple):
    """What a backend keeps of an entry. The revision grows with each write of the key, also over delete and re-create."""

    value: bytes
    revision: int
    topic: str = ""


class Expect(Enum):
    """What must hold for a write to be done. An integer in its place means: exactly this revision."""

    ANY = "any"
    ABSENT = "absent"
    PRESENT = "present"


class Write(NamedTuple):
    """A record to be stored, or removed where the value is None."""

    key: Key
    value: bytes | None
    topic: str = ""
    expect: Expect | int = Expect.ANY


class Fence(Enum):
    """The answer of ``cancel`` for a write that was not done, and from now on is refused."""

    NEVER = "never"


class Limits(NamedTuple):
    """What a backend can hold; the core checks it before it sends. Names, topics and values in bytes, commits in writes."""

    name: int = 512
    topic: int = 256
    value: int = 1 << 20
    commit: int = 1000


class Finding(NamedTuple):
    """Something about how servers are set up that its operator should know. ``grave``: it can lose what was acknowledged."""

    text: str
    grave: bool = False


class Message(NamedTuple):
    """Bytes sent to a topic.

    Where the backend can tell, a received message carries the topic's ``head`` after it and ``prev``, the head before it:
    opaque tokens. A ``prev`` that is not the head last seen is a gap.
    """

    topic: str
    data: bytes
    prev: str = ""
    head: str = ""


class Stream(NamedTuple):
    """The changes of a table, or those of one topic in it."""

    table: Table
    topic: str | None = None


class Change(NamedTuple):
    """An entry of a stream became ``record``, or left the stream where that is None (deleted, or moved to another topic).

    ``head`` is the token of its chain after it, ``prev`` the one before it. A ``prev`` that is not the one last seen is a gap.
    """

    stream: Stream
    name: str
    record: Record | None
    revision: int
    prev: str
    head: str
    chain: str = ""
    """Which of the chains, where the stream has several."""


T = TypeVar("T")


@dataclass(frozen=True)
class Confirmed(Generic[T]):
    """The backend has confirmed one subscription; ``head`` is the topic's head at that place, where the backend can tell."""

    topic: T
    head: Head = ""


@dataclass(frozen=True)
class Denied(Generic[T]):
    """The backend refused one subscription; ``error`` is its client's exception."""

    topic: T
    error: Exception


@dataclass(frozen=True)
class Alive:
    """Something arrived that proves the line alive and is of no further interest: the answer to a probe, say."""


class Gone(Exception):
    """A feed can not go on from the position asked for; raised by ``listen`` and ``watch``, and by ``receive`` of a feed that
    was overtaken. What lies between is lost to this feed."""


class Address(NamedTuple):
    """The parts of a URL, percent-decoded: ``scheme+variant://user:password@hosts/path`` or ``scheme+variant:path``."""

    variant: str = ""
    user: str | None = None
    password: str | None = None
    hosts: str = ""
    path: str = ""

    def __repr__(self) -> str:
        return f"<Address {self.hosts!r} {self.path!r}>"
