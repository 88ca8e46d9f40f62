"""Writes as requests: one for those that go to the same bucket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from dfbackends.api import Expect, Key, Message, OpId, Write
from dfbackends_redis.names import encoded, message_channel
from dfbackends_redis.place import Place, place_of
from dfbackends_redis.requests import Call
from dfbackends_redis.resp import Word
from dfbackends_redis.scripts import CANCEL, PUT, WRITE

_AT_ONCE = 200
_NOTHING = b"x"
_DONE = ord("+")
_FENCED_FOR = 3_600_000

_EXPECTED = {Expect.ANY: "*", Expect.ABSENT: "-", Expect.PRESENT: "+"}


class Share(NamedTuple):
    """Those writes, by their numbers, that one request does; ``outcome`` is the key of what became of them."""

    place: Place
    outcome: str
    numbers: list[int]


def shares(keys: Sequence[Key], op: OpId) -> list[Share]:
    """Divide writes, the same way each time: by bucket, and so that none holds up the server for long."""
    by_bucket: dict[str, list[int]] = {}
    homes: list[Place] = []
    for number, (table, name) in enumerate(keys):
        home = place_of(table, name)
        homes.append(home)
        by_bucket.setdefault(home.tag, []).append(number)
    name = encoded.__wrapped__(op)
    divided = []
    for numbers in by_bucket.values():
        home = homes[numbers[0]]
        key = home.outcome(name)
        for start in range(0, len(numbers), _AT_ONCE):
            outcome = key if not start else f"{key}:{start // _AT_ONCE}"
            divided.append(Share(home, outcome, numbers[start : start + _AT_ONCE]))
    return divided


def single(write: Write, op: OpId, keep: int) -> Call:
    """Return the request that does one write."""
    (table, name), value, topic, expect = write
    home = place_of(table, name)
    op_name = encoded.__wrapped__(op)
    if value is None:
        topic, value = " ", b""
    elif topic:
        topic = encoded(topic)
    return Call(
        home.slot,
        (
            "EVALSHA", PUT.sha, 4, home.heads, home.outcome(op_name), home.records, home.topics,
            op_name, keep, home.label, home.channel, name, _expected(expect), topic, value,
        ),
    )  # fmt: skip


def several(share: Share, writes: Iterable[Write], op: OpId, keep: int) -> Call:
    """Return the request that does those of a share whose expectations hold."""
    return _request(share.place, share.outcome, list(writes), {}, (), op, keep, atomic=False)


def together(
    writes: Sequence[Write], checks: Mapping[Key, Expect | int], messages: Sequence[Message], op: OpId, keep: int
) -> Call:
    """Return the request that does all writes and publishes all messages, or does nothing."""
    table, name = writes[0].key if writes else next(iter(checks))
    home = place_of(table, name)
    return _request(home, home.outcome(encoded.__wrapped__(op)), writes, checks, messages, op, keep, atomic=True)


def cancelling(share: Share, keep: int) -> Call:
    """Return the request that cancels a share."""
    return Call(share.place.slot, ("EVALSHA", CANCEL.sha, 1, share.outcome, _FENCED_FOR, keep))


def revisions(answer: bytes, count: int) -> list[int | None] | None:
    """Return what an answer says of so many writes; None where nothing was done, and nothing will be."""
    if answer == _NOTHING:
        return None
    revision, several, marks = answer.partition(b",")
    if not several:
        return [int(revision) if revision else None] if count else []
    done = int(revision or 0)
    return [done if mark == _DONE else None for mark in marks]


def _request(
    home: Place,
    outcome: str,
    writes: Sequence[Write],
    checks: Mapping[Key, Expect | int],
    messages: Sequence[Message],
    op: OpId,
    keep: int,
    *,
    atomic: bool,
) -> Call:
    numbers: dict[str, int] = {}
    homes: list[Place] = []

    def number(key: Key) -> int:
        found = place_of(*key)
        if found.records not in numbers:
            homes.append(found)
            numbers[found.records] = len(homes)
        return numbers[found.records]

    items: list[Word] = []
    for message in messages:
        items += (message_channel(message.topic), message.data)
    for _, part in groupby(checks.items(), key=lambda check: check[0].table):
        keys, expects = zip(*part, strict=True)
        items += _run(number(keys[0]), "check", keys, expects)
    for (_, removes), some in groupby(writes, key=lambda write: (write.key.table, write.value is None)):
        keys, values, topics, expects = zip(*some, strict=True)
        if removes:
            items += _run(number(keys[0]), "remove", keys, expects)
        else:
            items += _run(number(keys[0]), "write", keys, expects, topics)
            items += values
    stored = [home.heads, outcome]
    for found in homes:
        stored += (found.records, found.topics)
    return Call(
        home.slot,
        (
            "EVALSHA", WRITE.sha, len(stored), *stored,
            encoded.__wrapped__(op), keep, home.label, int(atomic), len(messages),
            *(found.channel for found in homes), *items,
        ),
    )  # fmt: skip


def _run(
    table: int, what: str, keys: Sequence[Key], expects: Sequence[Expect | int], topics: Sequence[str] = ("",)
) -> list[Word]:
    """Return what is said of entries of one table, but for their values: what all of them share is said once."""
    expect, topic = expects[0], topics[0]
    alike, joined = expects.count(expect) == len(expects), topics.count(topic) == len(topics)
    words: list[Word] = [table, what, _expected(expect) if alike else "=", encoded(topic) if joined else "=", len(keys)]
    words += [name for _, name in keys]
    if not alike:
        words += map(_expected, expects)
    if not joined:
        words += map(encoded, topics)
    return words


def _expected(expect: Expect | int) -> Word:
    return _EXPECTED[expect] if isinstance(expect, Expect) else expect
