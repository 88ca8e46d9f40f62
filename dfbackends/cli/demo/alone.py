"""The first half of the demonstration: one process, and all that it can do."""

from __future__ import annotations

import queue
from typing import Any

import dfbackends
from dfbackends import Backend
from dfbackends.cli.demo.narrator import Narrator

_SCHEMA = {"type": "object", "required": ["mac"], "properties": {"mac": {"type": "string", "maxLength": 17}}}
_PATIENCE = 5.0


class Failed(Exception):
    """The demonstration did not show what it should."""


def show(backend: Backend, table: str, topic: str, narrator: Narrator) -> None:
    """Create, refuse, list, compare and swap, commit, publish and receive.

    :raises Failed: something that should have been refused was done, or a message did not come
    """
    narrator.chapter("One process")
    _entries(backend, table, topic, narrator)
    _swap(backend, table, topic, narrator)
    _messages(backend, topic, narrator)


def _entries(backend: Backend, table: str, topic: str, narrator: Narrator) -> None:
    db = backend.db
    db.create_table(table, schema=_SCHEMA)
    narrator.step("create_table(table, schema)", "every value must have a mac")
    revision = db.create(table, "p1", {"mac": "fa:16:3e:00:00:01"}, topic=topic)
    narrator.step("create(table, 'p1', {...}, topic)", f"revision {revision}")
    try:
        db.create(table, "p1", {"mac": "fa:16:3e:ff:ff:ff"})
    except dfbackends.KeyExists as error:
        narrator.step("create(table, 'p1', {...}) again", f"KeyExists: {error}")
    else:
        raise Failed("an entry was created twice")
    try:
        db.put(table, "p2", {"name": "no mac"}, topic=topic)
    except dfbackends.InvalidValue as error:
        narrator.step("put(table, 'p2', {'name': ...})", f"InvalidValue: {error}")
    else:
        raise Failed("a value that breaks the schema was stored")
    db.put(table, "p2", {"mac": "fa:16:3e:00:00:02"}, topic="another")
    keys = sorted(db.keys(table, topic=topic))
    narrator.step("keys(table, topic=topic)", f"{keys} of {sorted(db.keys(table))}")
    if keys != ["p1"]:
        raise Failed("the entries of a topic are not those that were stored under it")


def _swap(backend: Backend, table: str, topic: str, narrator: Narrator) -> None:
    db = backend.db
    entry = db.entry(table, "p1")
    db.update(table, "p1", {**entry.value, "up": True}, revision=entry.revision)
    narrator.step("update(..., revision=what we read)", "done: nobody was in between")
    try:
        db.update(table, "p1", {**entry.value, "up": False}, revision=entry.revision)
    except dfbackends.Conflict as error:
        narrator.step("update(..., revision=what we read) again", f"Conflict: {error}")
    else:
        raise Failed("a stale revision was accepted")
    if not db.transactional:
        narrator.remark("this backend has no transactions")
        return
    with db.transaction() as transaction:
        moved = transaction.get(table, "p2")
        transaction.put(table, "p3", moved, topic=topic)
        transaction.delete(table, "p2")
    narrator.step("transaction(): put 'p3', delete 'p2'", f"both at once: {sorted(db.keys(table))}")


def _messages(backend: Backend, topic: str, narrator: Narrator) -> None:
    heard: queue.Queue[Any] = queue.Queue()
    with backend.pubsub.subscribe(topic, lambda _, data: heard.put(data), on_loss=dfbackends.renew):
        narrator.step("subscribe(topic, on_message, on_loss=...)", "confirmed: from here on nothing is missed unsaid")
        backend.pubsub.publish(topic, {"port": "p1"})
        try:
            narrator.step("publish(topic, {'port': 'p1'})", f"received {heard.get(timeout=_PATIENCE)}")
        except queue.Empty:
            raise Failed("a message that was published did not arrive") from None
