"""What a caller is told when something is wrong."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable
from typing import Any, cast

import pytest

from contract_tests.cases.base import Cases
from contract_tests.clients.inbox import Inbox
from contract_tests.harness import Store
from contract_tests.marks import clause
from dfbackends import (
    Conflict,
    Error,
    InvalidName,
    InvalidValue,
    KeyExists,
    KeyNotFound,
    PartlyDone,
)

CANARY = "canary-3141592653"
KEY, ABSENT = f"key-{CANARY}", f"absent-{CANARY}"


def copied(error: Error) -> Error:
    """Return the error as another process would get it."""
    other: Error = pickle.loads(pickle.dumps(error))
    assert type(other) is type(error)
    assert str(other) == str(error)
    assert other.args == error.args
    assert {name: repr(value) for name, value in vars(other).items()} == {
        name: repr(value) for name, value in vars(error).items()
    }
    return other


class ErrorCases(Cases):
    """Errors that every backend has."""

    @clause("ERR-01")
    def test_every_error_pickles(self, store: Store, caplog: pytest.LogCaptureFixture) -> None:
        """Each error pickles, and neither it nor the log shows a key or a value, at any level."""
        caplog.set_level(logging.DEBUG)
        db = store.db
        db.create_table("t", {"type": "string", "maxLength": 30})
        db.put("t", KEY, CANARY)
        wrong: list[tuple[type[Error], Callable[[], Any]]] = [
            (KeyNotFound, lambda: db.get("t", ABSENT)),
            (KeyExists, lambda: db.create("t", KEY, CANARY)),
            (Conflict, lambda: db.put("t", KEY, CANARY, revision=1)),
            (InvalidName, lambda: db.put("t", KEY * db.limits.name, 1)),
            (InvalidValue, lambda: db.put("t", KEY, CANARY * 10)),
            (InvalidValue, lambda: db.put("t", KEY, {CANARY})),
            (InvalidValue, lambda: db.put("t", KEY, CANARY + "\ud800")),
            (InvalidValue, lambda: db.put("t", KEY, CANARY * db.limits.value)),
            (InvalidValue, lambda: store.pubsub.publish("t", cast(Any, {CANARY}))),
            (PartlyDone, lambda: db.put_many("t", {KEY: CANARY * 10, "l": CANARY})),
        ]
        for kind, call in wrong:
            with pytest.raises(kind) as caught:
                call()
            error = copied(caught.value)
            assert CANARY not in str(error) + repr(error)
        store.pubsub.subscribe("t", self.fail, on_loss=lambda *_: None)
        inbox = Inbox().subscribe(store.pubsub, "t")
        store.pubsub.publish("t", CANARY)
        inbox.wait_data([CANARY])

        store.backend.close()
        assert CANARY not in caplog.text

    def fail(self, topic: str, data: Any) -> None:
        """Be a handler that raises, with the message in the text of its exception."""
        raise ValueError(data)
