"""One transaction of etcd: what must hold, what is done then, and what is told else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from dfbackends.api import Expect, Key, Message, OpId, Write
from dfbackends.errors import TooLarge
from dfbackends_etcd.layout import end, fence, message_puts, name_prefix, outcome, table_prefix, topic_of, topic_prefix
from dfbackends_etcd.names import escaped
from dfbackends_etcd.stubs import rpc

_Compare, _Op, _Range, _Put, _Delete, _Txn = (
    rpc.Compare,
    rpc.RequestOp,
    rpc.RangeRequest,
    rpc.PutRequest,
    rpc.DeleteRangeRequest,
    rpc.TxnRequest,
)

_LAST_REVISION = 2**63 - 1


class Found(NamedTuple):
    """What is known of an entry that is there."""

    topic: str
    revision: int


Known = Mapping[Key, "Found | None"]
"""What is known of entries; None of one that is not there."""


class Size(NamedTuple):
    """What the members take in one request."""

    ops: int
    bytes: int


def look(keys: Iterable[Key]) -> list[Any]:
    """Return the requests that tell what is known of entries, one each."""
    return [
        _Op(request_range=_Range(key=prefix, range_end=end(prefix), limit=1, keys_only=True))
        for prefix in map(name_prefix, keys)
    ]


def seen(keys: Iterable[Key], responses: Iterable[Any]) -> dict[Key, Found | None]:
    """Return what these requests were answered."""
    known: dict[Key, Found | None] = {}
    for key, response in zip(keys, responses, strict=True):
        kvs = response.response_range.kvs
        known[key] = Found(topic_of(kvs[0].key), kvs[0].mod_revision) if kvs else None
    return known


def holds(expect: Expect | int, found: Found | None) -> bool:
    """Return whether what is there is what is expected."""
    if expect is Expect.ANY:
        return True
    if expect is Expect.ABSENT:
        return found is None
    return found is not None and (expect is Expect.PRESENT or found.revision == expect)


def _comparison(key: bytes, behind: bytes, expect: Expect | int) -> Any:
    """Return what compares a key, or all of a range, with what is expected."""
    if expect is Expect.ABSENT:
        return _Compare(key=key, range_end=behind)
    if expect is Expect.PRESENT:
        return _Compare(key=key, range_end=behind, result=_Compare.GREATER)
    if isinstance(expect, int) and 0 < expect <= _LAST_REVISION:
        return _Compare(key=key, range_end=behind, target=_Compare.MOD, mod_revision=expect)
    # No version is less than none: it never holds.
    return _Compare(key=key, range_end=behind, result=_Compare.LESS)


class Step:
    """Writes that are done together, with the messages that go with them, as the part of an operation from a number on."""

    def __init__(self, op: OpId, number: int, size: Size) -> None:
        self._size = size
        self.op = op
        self.keys: list[Key] = []
        """The entries that it is about."""
        self._fence = fence(op)
        self._outcome = outcome(op, number)
        self._compares = [_Compare(key=self._fence), _Compare(key=self._outcome)]
        self._heads: dict[bytes, None] = {}
        self._changes: list[Any] = []

    def expect(self, key: Key, expect: Expect | int) -> None:
        """Do nothing unless this holds of an entry."""
        prefix = name_prefix(key)
        self.keys.append(key)
        if expect is not Expect.ANY:
            self._compares.append(_comparison(prefix, end(prefix), expect))

    def write(self, write: Write, found: Found | None) -> None:
        """Do a write of an entry that is as it was found."""
        self.expect(write.key, Expect.ABSENT if found is None else found.revision)
        if found is not None and (write.value is None or found.topic != write.topic):
            self._leave(write.key, found.topic)
        if write.value is not None:
            self._put(write.key, write.value, write.topic)

    def guess(self, write: Write) -> None:
        """Do a put if its expectation holds, and the entry is not there, or has its topic already."""
        key, value, topic, expect = write
        assert value is not None, "where it was is not known"
        prefix = name_prefix(key)
        place = prefix + escaped(topic)
        self.keys.append(key)
        if expect is Expect.ANY:
            # Nothing before it, and nothing behind it.
            if topic:
                self._compares.append(_comparison(prefix, place, Expect.ABSENT))
            self._compares.append(_comparison(place + b"\0", end(prefix), Expect.ABSENT))
        elif expect is Expect.ABSENT:
            self._compares.append(_comparison(prefix, end(prefix), expect))
        else:
            self._compares.append(_comparison(place, b"", expect))
        self._put(key, value, topic)

    @property
    def changes(self) -> bool:
        """Whether there is anything to be done."""
        return bool(self._changes)

    def request(self, flags: bytes, messages: Sequence[Message], lease: int) -> Any:
        """Return the request; ``flags`` are kept as the outcome.

        :raises TooLarge: no member would take it
        """
        done = [_Op(request_put=_Put(key=self._outcome, value=flags, lease=lease))]
        op = self.op.encode()
        done += [_Op(request_put=_Put(key=head, value=op)) for head in self._heads]
        done += self._changes
        if messages:
            done += message_puts(messages, lease)
        failure = [_Op(request_range=_Range(key=self._fence, range_end=end(self._fence))), *look(self.keys)]
        wide = max(len(self._compares), len(failure))
        if len(done) > self._size.ops:
            done = self._grouped(done, wide)
        if max(wide, len(done)) > self._size.ops:
            raise TooLarge(f"it takes more than the {self._size.ops} operations of a request")
        request = _Txn(compare=self._compares, success=done, failure=failure)
        if (len(self.keys) > 1 or messages) and request.ByteSize() > self._size.bytes:
            raise TooLarge(f"it takes more than the {self._size.bytes} bytes of a request")
        return request

    def _grouped(self, ops: list[Any], wide: int) -> list[Any]:
        """Put operations into transactions within the transaction, which count on their own from what is left over."""
        most = self._size.ops - max(wide, -(-len(ops) // max(self._size.ops - wide, 1)))
        if most <= 0:
            return ops
        return [_Op(request_txn=_Txn(success=ops[first : first + most])) for first in range(0, len(ops), most)]

    def _put(self, key: Key, value: bytes, topic: str) -> None:
        table = key.table.name
        self._heads[table_prefix(table)] = None
        self._changes.append(_Op(request_put=_Put(key=name_prefix(key) + escaped(topic), value=value)))
        if topic:
            prefix = topic_prefix(table, topic)
            self._heads[prefix] = None
            self._changes.append(_Op(request_put=_Put(key=prefix + escaped(key.name), value=value)))

    def _leave(self, key: Key, topic: str) -> None:
        table = key.table.name
        self._heads[table_prefix(table)] = None
        self._changes.append(_Op(request_delete_range=_Delete(key=name_prefix(key) + escaped(topic))))
        if topic:
            prefix = topic_prefix(table, topic)
            self._heads[prefix] = None
            self._changes.append(_Op(request_delete_range=_Delete(key=prefix + escaped(key.name))))
