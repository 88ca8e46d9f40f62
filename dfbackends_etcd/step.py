"""One transaction of etcd: what must hold, what is done then, and what is told else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from dfbackends.api import Expect, Key, Message, OpId, Write
from dfbackends.errors import TooLarge
from dfbackends_etcd.layout import end, fence, gone_to, message_puts, name_prefix, outcome, table_prefix, topic_of, topic_prefix
from dfbackends_etcd.names import escaped
from dfbackends_etcd.stubs import rpc

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
    found = []
    for key in keys:
        op = rpc.RequestOp()
        asked, prefix = op.request_range, name_prefix(key)
        asked.key, asked.range_end, asked.limit, asked.keys_only = prefix, end(prefix), 1, True
        found.append(op)
    return found


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


class Step:
    """Writes that are done together, with the messages that go with them, as the part of an operation from a number on."""

    def __init__(self, op: OpId, number: int, size: Size, *, whole: bool) -> None:
        """Do nothing where the operation was done, or fenced off, before; ``whole`` where it has no other part."""
        self.op = op
        self.keys: list[Key] = []
        """The entries that it is about."""
        self._size = size
        self._fence = fence(op)
        self._outcome = outcome(op, number)
        self._name = op.encode()
        self._heads: dict[bytes, Any] = {}
        # A request is filled in place: to put it together of parts takes three times as long.
        self._request = rpc.TxnRequest()
        self._compare = self._request.compare.add
        self._do = self._request.success.add
        if whole:
            # What it did is kept below its fence: one comparison for both.
            self._compare(key=self._fence, range_end=end(self._fence))
        else:
            self._compare(key=self._fence)
            self._compare(key=self._outcome)

    def expect(self, key: Key, expect: Expect | int) -> None:
        """Do nothing unless this holds of an entry."""
        self.keys.append(key)
        prefix = name_prefix(key)
        self._expect(prefix, end(prefix), expect)

    def write(self, write: Write, found: Found | None) -> None:
        """Do a write of an entry that is as it was found."""
        key, value, topic, _ = write
        prefix = name_prefix(key)
        self.keys.append(key)
        self._expect(prefix, end(prefix), Expect.ABSENT if found is None else found.revision)
        if found is not None and (value is None or found.topic != topic):
            self._leave(key, prefix, found.topic, topic if value is not None else "")
        if value is not None:
            self._put(key, prefix, value, topic)

    def guess(self, write: Write) -> None:
        """Do a put if its expectation holds, and the entry is not there, or has its topic already."""
        key, value, topic, expect = write
        assert value is not None, "where it was is not known"
        prefix = name_prefix(key)
        self.keys.append(key)
        place = prefix + escaped(topic) if topic else prefix
        if expect is Expect.ANY:
            # Nothing before it, and nothing behind it.
            if topic:
                self._expect(prefix, place, Expect.ABSENT)
            self._expect(place + b"\0", end(prefix), Expect.ABSENT)
        elif expect is Expect.ABSENT:
            self._expect(prefix, end(prefix), expect)
        else:
            self._expect(place, b"", expect)
        self._put(key, prefix, value, topic)

    @property
    def changes(self) -> bool:
        """Whether there is anything to be done."""
        return bool(self._heads)

    def request(self, flags: bytes, messages: Sequence[Message], lease: int) -> Any:
        """Return the request; ``flags`` are kept as the outcome.

        :raises TooLarge: no member would take it
        """
        request = self._request
        put = self._do().request_put
        put.key, put.value, put.lease = self._outcome, flags, lease
        if messages:
            request.success.extend(message_puts(messages, lease))
        kept = request.failure.add().request_range
        kept.key, kept.range_end = self._fence, end(self._fence)
        request.failure.extend(look(self.keys))
        if len(self.keys) > 1 or messages:
            self._fit(request)
        return request

    def _fit(self, request: Any) -> None:
        """Put operations into transactions within the transaction, which count on their own from what is left over."""
        ops, success = self._size.ops, request.success
        wide = max(len(request.compare), len(request.failure))
        if len(success) > ops > wide:
            most = max(1, ops - max(wide, -(-len(success) // (ops - wide))))
            inner = [rpc.TxnRequest(success=success[first : first + most]) for first in range(0, len(success), most)]
            del success[:]
            success.extend(rpc.RequestOp(request_txn=one) for one in inner)
        if max(wide, len(success)) > ops:
            raise TooLarge(f"it takes more than the {ops} operations of a request")
        if request.ByteSize() > self._size.bytes:
            raise TooLarge(f"it takes more than the {self._size.bytes} bytes of a request")

    def _expect(self, key: bytes, behind: bytes, expect: Expect | int) -> None:
        """Compare a key, or all of a range, with what is expected."""
        if expect is Expect.ANY:
            return
        compare = self._compare()
        compare.key, compare.range_end = key, behind
        if expect is Expect.PRESENT:
            compare.result = compare.GREATER
        elif isinstance(expect, int):
            if 0 < expect <= _LAST_REVISION:
                compare.target, compare.mod_revision = compare.MOD, expect
            else:
                # No version is less than none: it never holds.
                compare.result = compare.LESS

    def _change(self, head: bytes) -> Any:
        """Put the head of a stream, before what changes in it; return the request."""
        put = self._heads.get(head)
        if put is None:
            put = self._heads[head] = self._do().request_put
            put.key, put.value = head, self._name
        return put

    def _put(self, key: Key, prefix: bytes, value: bytes, topic: str) -> None:
        table = key.table.name
        self._change(table_prefix(table))
        put = self._do().request_put
        put.key, put.value = prefix + escaped(topic) if topic else prefix, value
        if topic:
            place = topic_prefix(table, topic)
            self._change(place)
            put = self._do().request_put
            put.key, put.value = place + escaped(key.name), value

    def _leave(self, key: Key, prefix: bytes, topic: str, other: str) -> None:
        table = key.table.name
        self._change(table_prefix(table))
        self._do().request_delete_range.key = prefix + escaped(topic)
        if topic:
            place = topic_prefix(table, topic)
            put = self._change(place)
            if other:
                put.value += gone_to(other)
            self._do().request_delete_range.key = place + escaped(key.name)
