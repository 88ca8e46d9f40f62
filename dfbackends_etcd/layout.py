"""Where things are: the keys, and what their values hold.

All keys begin with ``dfb/``; names in them are escaped, so that ``/`` only separates, and everything below a prefix is found by
one range, from the prefix to the prefix with ``0``, which comes after ``/``.

=============================  =================================================================================
``dfb/r/TABLE/NAME/TOPIC``     an entry: its value. The topic is empty where it has none; a name has one key at a time
``dfb/r/TABLE/``               the head of the table: the operation that changed it last
``dfb/t/TABLE/TOPIC/NAME``     an entry with a topic once more, with its value
``dfb/t/TABLE/TOPIC/``         the head of the topic in the table, likewise, and the topics for which entries left it
``dfb/o/OP/NUMBER``            what an operation did: of its writes from a number on, ``1`` for each that was done, else ``0``
``dfb/o/OP/``                  a fence: the table of an operation that was cancelled, and does nothing more
``dfb/m/TOPIC``                the messages that were sent to a topic last, each with its length before it
``dfb/i``                      the name of the store, by which it is told from one that is put in its place
=============================  =================================================================================

One transaction of etcd changes all keys that a write is about, so that the revision of an entry is that of its keys, of the
heads, and of the outcome: ``mod_revision``. So a stream of changes, a table's or a topic's, is one prefix: a watch of it sees
first the head, whose key is the prefix itself, then the entries that were put, and those that were deleted since they have
left. A head is never deleted, also where the last entry is, and its token names the revision and the operation: another
store that was put in the place of this one may come to the same revision, but not by the same operation. The topic stands
in the key of an entry, so that one comparison of a range tells that there is none of this name with another topic, and a
write needs not to read before.

Outcomes, fences and messages hang on leases, and go with them. Each put of messages is seen by who watches their key, also
when the next one has replaced it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from dfbackends.api import Key, Message, OpId, Record, Stream
from dfbackends_etcd.names import escaped, unescaped
from dfbackends_etcd.stubs import rpc

ROOT = b"dfb/"
STORE = b"dfb/i"
OVERHEAD = 1024
"""Bytes that keys and all else add to the values of a write, at most, but for the length of names."""

_LENGTH = struct.Struct(">I")
_LINE = b"\n"


def end(prefix: bytes) -> bytes:
    """Return where the range of a prefix, which ends with a slash, ends."""
    return prefix[:-1] + b"0"


@lru_cache(maxsize=16_384)
def table_prefix(table: str) -> bytes:
    """Return the prefix of a table's entries, which is the key of its head."""
    return b"dfb/r/%b/" % escaped(table)


@lru_cache(maxsize=16_384)
def topic_prefix(table: str, topic: str) -> bytes:
    """Return the prefix of the entries of a topic in a table, which is the key of its head."""
    return b"dfb/t/%b/%b/" % (escaped(table), escaped(topic))


def stream_prefix(stream: Stream) -> bytes:
    """Return the prefix of what changes in a stream, which is the key of its head."""
    table, topic = stream
    return table_prefix(table.name) if topic is None else topic_prefix(table.name, topic)


def head(kv: Any) -> str:
    """Return the token of a head, as its key is stored."""
    return f"{kv.mod_revision}:{kv.value.partition(_LINE)[0].decode()}"


def gone_to(topic: str) -> bytes:
    """Return what the head of a topic holds besides, when an entry has left it for another one."""
    return _LINE + escaped(topic)


def destinations(kv: Any) -> list[str]:
    """Return the topics for which entries have left that of a head."""
    return [unescaped(topic) for topic in kv.value.split(_LINE)[1:]]


def name_prefix(key: Key) -> bytes:
    """Return the prefix of the only key that an entry has at a time."""
    return b"%b%b/" % (table_prefix(key.table.name), escaped(key.name))


def split(key: bytes, prefix: bytes) -> tuple[str, str]:
    """Return name and topic of an entry, by its key and the prefix of its table."""
    name, _, topic = key[len(prefix) :].partition(b"/")
    return unescaped(name), unescaped(topic)


def topic_of(key: bytes) -> str:
    """Return the topic of an entry, by its key in the table."""
    return unescaped(key[key.rindex(b"/") + 1 :])


def record(kv: Any) -> Record:
    """Return the record that a key of a table holds."""
    return Record(kv.value, kv.mod_revision, topic_of(kv.key))


def fence(op: OpId) -> bytes:
    """Return the key that fences an operation off, and the prefix of what it did."""
    return b"dfb/o/%b/" % escaped(op)


def outcome(op: OpId, number: int) -> bytes:
    """Return the key of what an operation did of its writes from a number on."""
    return b"dfb/o/%b/%d" % (escaped(op), number)


def message_key(topic: str) -> bytes:
    """Return the key that is put with the messages of a topic."""
    return b"dfb/m/%b" % escaped(topic)


def message_puts(messages: Sequence[Message], lease: int) -> list[Any]:
    """Return the requests, for one transaction, that send messages; those of a topic arrive in their order."""
    values: dict[str, list[bytes]] = {}
    for topic, data, _, _ in messages:
        values.setdefault(topic, []).extend((_LENGTH.pack(len(data)), data))
    return [
        rpc.RequestOp(request_put=rpc.PutRequest(key=message_key(topic), value=b"".join(parts), lease=lease))
        for topic, parts in values.items()
    ]


def messages_in(kv: Any) -> Iterator[Message]:
    """Yield the messages of a put of a message key, without heads.

    :raises ValueError: somebody else has put something else there
    """
    value, at = kv.value, 0
    topic = unescaped(kv.key[len(b"dfb/m/") :])
    while at < len(value):
        begin = at + _LENGTH.size
        if begin > len(value) or (at := begin + _LENGTH.unpack_from(value, at)[0]) > len(value):
            raise ValueError("no message")
        yield Message(topic, value[begin:at])
