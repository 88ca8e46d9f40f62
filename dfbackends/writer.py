"""One write, with the message that goes with it."""

from __future__ import annotations

from typing import Any, Protocol

from dfbackends.api import Expect, Message, Record, Write
from dfbackends.errors import Error, InvalidValue, OutcomeUnknown
from dfbackends.names import Namespace
from dfbackends.reliable import Reliable
from dfbackends.retry import Rounds
from dfbackends.undo import Done, undo

Announcement = tuple[str, Any]
"""A topic, and the data to be published to it."""


class Announcer(Protocol):
    """What makes, or sends, the messages that go with a write."""

    def announcement(self, topic: str, data: Any) -> Message:
        """Return a message for a store to publish in the same step as a write."""

    def publish(self, topic: str, data: Any) -> None:
        """Send a message."""


class Writer:
    """Writes, and announces what was written."""

    def __init__(self, store: Reliable, namespace: Namespace, announcer: Announcer | None, *, atomic: bool) -> None:
        self._store = store
        self._namespace = namespace
        self._announcer = announcer
        self.atomic_announcer: Announcer | None = announcer if atomic and store.transactional is not None else None
        """What announces within a commit of the store; None where messages are carried by something else."""

    def write(self, write: Write, announce: Announcement | None) -> int | None:
        """Return the revision of a write that was done and announced, or None where its expectation failed."""
        if announce is not None:
            return self._announced(write, announce)
        [outcome] = self._store.write((write,))
        if isinstance(outcome, Error):
            raise outcome
        return outcome

    def _announced(self, write: Write, announce: Announcement) -> int | None:
        topic, data = announce
        if self.atomic_announcer is not None:
            revisions = self._store.commit([write], {}, [self.atomic_announcer.announcement(topic, data)])
            return revisions[0] if revisions is not None else None
        if self._announcer is None:
            raise InvalidValue("this backend was opened without publish and subscribe: it can not announce")
        # Refuses a message that could never be sent, before the write is done.
        self._announcer.announcement(topic, data)
        try:
            return self._in_two_steps(write, topic, data, self._announcer)
        except OutcomeUnknown as error:
            error.operation = None  # Whether it was written would not tell whether it was announced.
            raise

    def _in_two_steps(self, write: Write, topic: str, data: Any, announcer: Announcer) -> int | None:
        rounds = Rounds(self._store.patience)
        while True:
            rounds.begin()
            [before] = self._store.read([write.key])
            if not _holds(write.expect, before):
                return None
            found = before.revision if before is not None else Expect.ABSENT
            revision = self.write(write._replace(expect=found), None)
            if revision is not None:
                break
        try:
            announcer.publish(topic, data)
        except OutcomeUnknown:
            raise
        except Error as failure:
            done = Done(write.key, before, revision, write.value is None)
            undo(self._store, self._namespace, [done], (), failure)
            raise
        return revision


def _holds(expect: Expect | int, record: Record | None) -> bool:
    if expect is Expect.ANY:
        return True
    if expect is Expect.ABSENT:
        return record is None
    if expect is Expect.PRESENT:
        return record is not None
    return record is not None and record.revision == expect
