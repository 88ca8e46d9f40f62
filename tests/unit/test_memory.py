"""What is particular to a store in memory: who shares it, how long it lives, and what it forgets."""

from __future__ import annotations

import gc
import secrets
import time

import pytest

from dfbackends.api import Address, Fence, Gone, Message, Transactional, Write
from dfbackends.drivers.config import memory_db, memory_pubsub
from dfbackends.drivers.memory import MemoryDb, MemoryPubSub, Store, shared
from tests.embedded import ALL, KEY, delete, get, op, put, received, subscribed

SETTINGS = {option.dest: option.default for option in memory_db.options}


def named() -> str:
    return secrets.token_hex(8)


def test_handles_of_one_name_share_a_store() -> None:
    settings = {**SETTINGS, "name": named()}
    db, pubsub = memory_db.open(settings, 10.0), memory_pubsub.open(settings, 10.0)
    feed = subscribed(pubsub.listen(), "a")

    revision = put(db, KEY)
    assert isinstance(db, Transactional)
    db.commit([], {}, [Message("a", b"1")], op())

    record = get(memory_db.open(settings, 10.0), KEY)
    assert record is not None
    assert record.revision == revision
    assert [message.data for message in received(feed, 1)] == [b"1"]
    assert get(memory_db.open({**SETTINGS, "name": named()}, 10.0), KEY) is None


def test_an_address_without_a_name_is_a_store_of_its_own() -> None:
    first, second = memory_db.address(Address()), memory_db.address(Address())

    assert first != second
    assert memory_db.address(Address(path="shared")) == {"name": "shared"}


@pytest.mark.parametrize("address", [Address(hosts="h"), Address(variant="tls"), Address(user="u", path="p")])
def test_another_form_of_address_is_refused_with_the_right_one(address: Address) -> None:
    with pytest.raises(ValueError, match="the form is memory:name, or memory: for a store of its own"):
        memory_pubsub.address(address)


def test_a_store_lives_while_a_handle_or_a_feed_holds_it() -> None:
    name = named()
    db, pubsub = MemoryDb(shared(name)), MemoryPubSub(shared(name))
    feed = pubsub.listen()
    put(db, KEY)

    db.close()
    pubsub.close()
    gc.collect()
    again = MemoryDb(shared(name))
    assert get(again, KEY) is not None

    again.close()
    del feed
    gc.collect()
    assert get(MemoryDb(shared(name)), KEY) is None


def test_a_later_store_of_the_same_name_gives_no_revision_again() -> None:
    name = named()
    first = MemoryDb(shared(name))
    revisions = [put(first, KEY), delete(first, KEY)]
    position = first.watch().position
    first.close()
    gc.collect()

    second = MemoryDb(shared(name))

    assert put(second, KEY) > max(revisions)
    with pytest.raises(Gone):
        second.watch(position)


def test_revisions_grow_also_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    db = MemoryDb(shared(named()))
    now = time.time_ns()
    revisions = []

    for hours in (0, -24, 24, 0):
        monkeypatch.setattr(time, "time_ns", lambda hours=hours: now + hours * 3_600 * 10**9)
        revisions.append(put(db, KEY))

    assert revisions == sorted(set(revisions))


def test_the_log_forgets_and_the_heads_do_not() -> None:
    held = shared(named(), log_rows=10)
    db = MemoryDb(held)
    put(db, KEY)
    heads = db.heads([ALL])

    for _ in range(100):
        put(db, KEY._replace(table=KEY.table._replace(name="other")))

    assert len(held.log) == 10
    assert db.heads([ALL]) == heads
    feed = db.watch()
    feed.subscribe([ALL])
    assert [confirmed.head for confirmed in received(feed, 1)] == heads


def test_the_largest_log_that_a_handle_asks_for_is_kept() -> None:
    name = named()
    held = shared(name, log_rows=10)
    shared(name, log_rows=20)
    shared(name, log_rows=5)
    db = MemoryDb(held)

    for _ in range(100):
        put(db, KEY)

    assert len(held.log) == 20


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def timed(clock: Clock, keep: float) -> Store:
    """Return a store that goes by a clock of its own."""
    store = Store(clock)
    store.log_rows, store.done.term = 1000, keep
    return store


def test_outcomes_are_kept_for_their_time_and_fences_for_an_hour() -> None:
    clock = Clock()
    db = MemoryDb(timed(clock, keep=100.0))
    done, cancelled = op(), op()
    revisions = db.write([Write(KEY, b"v")], done)
    db.cancel([KEY], cancelled)

    clock.now = 99.0
    put(db, KEY)
    assert db.cancel([KEY], done) == revisions
    for clock.now in range(100, 3_600, 50):
        put(db, KEY)
    assert db.write([Write(KEY, b"late")], cancelled) == [None]
    assert db.cancel([KEY], cancelled) == [Fence.NEVER]
    assert db.write([Write(KEY, b"again")], done) != revisions


def test_what_operations_did_does_not_pile_up() -> None:
    clock = Clock()
    held = timed(clock, keep=10.0)
    db = MemoryDb(held)

    for second in range(1_000):
        clock.now = float(second)
        put(db, KEY)

    assert len(held.done._young) + len(held.done._old) <= 22


def test_topics_that_are_empty_leave_nothing_behind() -> None:
    held = shared(named())
    db = MemoryDb(held)
    for number in range(10):
        put(db, KEY, b"v", f"{number}")

    delete(db, KEY)

    assert held.topics == {}
