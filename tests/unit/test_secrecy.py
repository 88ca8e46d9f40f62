"""A key, a value or a password that was planted is never shown: not in a log, not by an error, not by an object."""

from __future__ import annotations

import logging
import pickle
import secrets
import sqlite3
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg

import dfbackends
from contract_tests.fault import Fault
from contract_tests.faults.faulty import faulty_db, faulty_pubsub
from contract_tests.faults.simulated import SECRET, Lost, Simulated
from contract_tests.plan import ANY, FOREVER, Plan
from contract_tests.waiting import eventually
from dfbackends import codec, config, envelope
from dfbackends.api import Address, Driver, Key, Message, PubSubApi, Table, Write
from dfbackends.backend import Backend
from dfbackends.config import Choice, Settings
from dfbackends.drivers.log import LogPubSub
from dfbackends.drivers.memory import MemoryDb, MemoryPubSub, shared
from dfbackends.drivers.sqlite import File, SqliteDb, SqlitePubSub, Trim
from dfbackends.errors import Error, Meaning, PartlyDone, Refused
from dfbackends.names import Namespace
from dfbackends.pace import Pace
from dfbackends.retry import Patience
from dfbackends.url import parse
from tests.drivers.poor import PoorDb, PoorStore

KEY, OTHER, VALUE, PASSWORD = "key-canary", "other-canary", "value-canary", "password-canary"
CANARY = "canary"
TOPIC = "t"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"mac": {"type": "string", "enum": ["a"]}},
    "patternProperties": {"^[0-9]$": {"type": "integer"}},
    "additionalProperties": {"type": "integer"},
}
FAST = Pace(outage=(0.001, 0.01), refused=(0.01, 0.02), mirror=(0.001, 0.01), outcome=(0.01, 0.02))

Call = Callable[[], object]


class Seen:
    """What was shown to anybody."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.causes: list[str] = []
        self.errors: list[Error] = []

    def show(self, *things: object) -> None:
        self.texts += [text for thing in things for text in (str(thing), repr(thing))]
        self.texts += [thread.name for thread in threading.enumerate()]

    def call(self, call: Call) -> None:
        """Keep the error that a call raises, if any; only one of ours may come."""
        try:
            call()
        except Error as error:
            self.error(error)

    def error(self, error: Error) -> None:
        self.errors.append(error)
        copy = pickle.loads(pickle.dumps(error))
        self.show(error, copy, error.args, "".join(traceback.format_exception_only(error)))
        if isinstance(error, PartlyDone):
            for each in error.failed.values():
                self.error(each)
        if isinstance(error.__cause__, Error):
            self.error(error.__cause__)
        elif error.__cause__ is not None:
            self.causes.append(str(error.__cause__))

    def check(self, records: Sequence[logging.LogRecord]) -> None:
        form = logging.Formatter("%(name)s %(threadName)s %(message)s")
        shown = [*self.texts, *(text for record in records for text in (form.format(record), repr(record.args)))]
        assert [text for text in shown if CANARY in text or SECRET in text] == []


class Kept(logging.Handler):
    """All records, of any logger and level."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def kept(caplog: pytest.LogCaptureFixture) -> Iterator[Kept]:
    caplog.set_level(logging.DEBUG)
    handler = Kept()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def seen(kept: Kept) -> Iterator[Seen]:
    found = Seen()
    yield found
    found.check(kept.records)


class Scene:
    """A backend whose drivers fail on demand, and say all they know when they do."""

    def __init__(self, kind: str, folder: Path, deadline: float) -> None:
        self.plan = Plan(Namespace("").public)
        if kind == "poor":
            self.inner: Any = PoorDb(PoorStore())
        elif kind == "memory":
            self.inner = MemoryDb(shared(secrets.token_hex(8)))
        else:
            self.inner = SqliteDb(File(str(folder / "a.db"), timeout=1.0), Trim(rows=1000, keep=100.0))
        self.driver = faulty_db(self.inner, Simulated(self.plan))
        log = Table("!log", "!log")
        carriers: dict[str, Callable[[], PubSubApi]] = {
            "poor": lambda: LogPubSub(self.driver, log),
            "memory": lambda: MemoryPubSub(self.inner._store),
            "sqlite": lambda: SqlitePubSub(File(str(folder / "a.db")), Trim(rows=1000)),
        }
        carrier = carriers[kind]()
        self.carrier = faulty_pubsub(carrier, Simulated(self.plan)) if kind != "poor" else carrier
        self.backend = Backend(
            kind,
            self.driver,
            self.carrier,
            namespace="",
            patience=Patience(1, deadline, spacing=(0.001,)),
            threads=1,
            atomic=kind != "poor",
            pace=FAST,
        )
        self.db, self.pubsub = self.backend.db, self.backend.pubsub


def opened(kind: str, folder: Path, deadline: float) -> Iterator[Scene]:
    made = Scene(kind, folder, deadline)
    with made.backend:
        yield made
        made.plan.mend()


@pytest.fixture(params=["memory", "sqlite", "poor"])
def scene(request: pytest.FixtureRequest, tmp_path: Path, seen: Seen) -> Iterator[Scene]:
    yield from opened(request.param, tmp_path, 5.0)


@pytest.fixture(params=["memory", "sqlite", "poor"])
def hasty(request: pytest.FixtureRequest, tmp_path: Path, seen: Seen) -> Iterator[Scene]:
    """One that soon gives up."""
    yield from opened(request.param, tmp_path, 0.15)


def restored(scene: Scene) -> bool:
    """Put the entry that the calls find; return whether that was done in time."""
    try:
        scene.db.put("t", KEY, VALUE)
    except dfbackends.BackendError:
        return False
    return True


def batch(db: dfbackends.Database) -> None:
    with db.batch() as batch:
        batch.put("t", KEY, VALUE)
        batch.create("t", OTHER, VALUE)
        batch.put("t", f"{KEY}2", VALUE)


def transaction(db: dfbackends.Database, *, meanwhile: Call = lambda: None) -> None:
    with db.transaction() as transaction:
        transaction.get("t", KEY)
        meanwhile()
        transaction.put("t", KEY, VALUE)
        repr(transaction)


def calls(scene: Scene) -> list[Call]:
    """What an application does with an entry that is there, and with one that is not."""
    db, pubsub = scene.db, scene.pubsub
    found: list[Call] = [
        lambda: db.get("t", KEY),
        lambda: db.get("t", OTHER),
        lambda: db.get_many("t", [KEY, OTHER]),
        lambda: db.create("t", KEY, VALUE),
        lambda: db.update("t", OTHER, VALUE),
        lambda: db.delete("t", OTHER),
        lambda: db.put("t", KEY, VALUE),
        lambda: db.put("t", KEY, VALUE, revision=1),
        lambda: db.update("t", KEY, VALUE, revision=1),
        lambda: db.update("t", KEY, VALUE, topic="x", revision=1),
        lambda: db.delete("t", KEY, revision=1),
        lambda: db.put("t", KEY, VALUE, announce=(TOPIC, VALUE)),
        lambda: db.put_many("t", {KEY: VALUE, OTHER: {VALUE}, f"{KEY}\ud800": VALUE}),
        lambda: list(db.entries("t")),
        lambda: batch(db),
        lambda: transaction(db),
        lambda: transaction(db, meanwhile=lambda: db.put("t", KEY, 2)),
        lambda: pubsub.publish(TOPIC, VALUE),
        lambda: db.allocate("t"),
        lambda: scene.backend.health(),
        lambda: db.drop("t"),
    ]
    return found


FAULTS = [None, Fault.REFUSED, Fault.CUT, Fault.LOST_REPLY, Fault.LATE, Fault.UNAUTHENTICATED, Fault.FULL, Fault.READ_ONLY]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.lower() if fault else "none")
def test_no_call_that_fails_shows_what_it_was_about(hasty: Scene, seen: Seen, fault: Fault | None) -> None:
    for verbs in (("write", "commit", "publish"), ANY):
        for call in calls(hasty):
            eventually(lambda: restored(hasty), "the entry is there")
            if fault is not None:
                hasty.plan.arm(fault, verbs=verbs, times=FOREVER)
            seen.call(call)
            for error in list(seen.errors):
                if isinstance(error, dfbackends.OutcomeUnknown):
                    seen.call(lambda error=error: hasty.db.resolve(error))  # type: ignore[misc]
            hasty.plan.mend()
            seen.errors.clear()

    # Else this test would pass whatever the library did.
    assert fault is None or any(CANARY in text and SECRET in text for text in seen.causes)


def test_names_and_values_that_are_refused_are_not_repeated(scene: Scene, seen: Seen) -> None:
    db = scene.db
    db.create_table("s", SCHEMA)
    deep: Any = VALUE
    for _ in range(100):
        deep = [deep]
    names: list[Any] = [f"{KEY}\ud800", KEY * 1000, KEY.encode(), [KEY]]
    values: list[Any] = [{VALUE}, VALUE.encode(), f"{VALUE}\ud800", {VALUE: float("nan")}, {1: VALUE}, (VALUE,), deep]
    broken: list[Any] = [VALUE, {"mac": VALUE}, {VALUE: VALUE}, {"1": VALUE}, [VALUE]]

    for name in names:
        seen.call(lambda name=name: db.put("t", name, 1))  # type: ignore[misc]
        seen.call(lambda name=name: db.put_many("t", [(name, 1)]) if isinstance(name, str) else None)  # type: ignore[misc]
    for value in [*values, VALUE * 1_000_000]:
        seen.call(lambda value=value: db.put("t", KEY, value))  # type: ignore[misc]
        seen.call(lambda value=value: scene.pubsub.publish(TOPIC, value))  # type: ignore[misc]
    for value in broken:
        seen.call(lambda value=value: db.put("s", KEY, value))  # type: ignore[misc]
    for text in (VALUE, f'{{"{VALUE}"', f'{{"{VALUE}": 1, "{VALUE}": 2}}', f'"{VALUE}\\x"', f'"{VALUE}" NaN', f"{VALUE}\xff"):
        seen.call(lambda text=text: codec.parse(text))  # type: ignore[misc]
        seen.call(lambda text=text: codec.parse(text.encode("latin-1")))  # type: ignore[misc]

    assert len(seen.errors) > 30
    assert "the value breaks the schema of its table at $.*: rule 'type'" in map(str, seen.errors)
    assert "the value breaks the schema of its table at $.mac: rule 'enum'" in map(str, seen.errors)


def test_what_somebody_else_has_stored_is_not_shown(scene: Scene, seen: Seen, kept: Kept) -> None:
    scene.db.put("t", KEY, VALUE)
    [write] = [Write(Key(Table("/t", "/t"), KEY), VALUE.encode())]
    told: list[object] = []
    with scene.backend.mirror("t", on_change=told.append, check_interval=0.05) as mirror:
        mirror.wait_synced(10)
        scene.inner.write([write], scene.backend._store.new_op())
        eventually(lambda: any("can not be told" in record.msg for record in kept.records), "the mirror has it")

        for call in (lambda: scene.db.get("t", KEY), lambda: list(scene.db.entries("t")), lambda: mirror.get(KEY)):
            seen.call(call)
        seen.call(lambda: mirror.get(OTHER))
        seen.show(mirror)

    assert len(seen.errors) >= 4


def test_handlers_that_fail_with_what_they_were_given(scene: Scene, seen: Seen) -> None:
    failed: list[str] = []

    def fails(*arguments: object) -> None:
        failed.append(str(arguments[0]))
        raise RuntimeError(f"{PASSWORD} {KEY} {arguments}") from ValueError(VALUE)

    with scene.backend.mirror("t", on_change=fails, on_state=fails, check_interval=0.05):
        subscription = scene.pubsub.subscribe(TOPIC, fails, on_loss=fails)
        scene.pubsub.publish(TOPIC, VALUE)
        scene.db.put("t", KEY, VALUE)
        eventually(lambda: len(failed) >= 3, "all have failed")
        seen.show(subscription, scene.backend, scene.db, scene.pubsub, scene.backend.health(), scene.pubsub.health())


def test_garbage_on_the_wire(scene: Scene, seen: Seen) -> None:
    heard: list[object] = []
    subscription = scene.pubsub.subscribe(TOPIC, lambda _, data: heard.append(data), on_loss=lambda _, loss: heard.append(loss))

    garbled = envelope.message(b"a" * 32, 1, None, f'"{VALUE}'.encode())
    scene.carrier.publish([Message(f"/{TOPIC}", VALUE.encode()), Message(f"/{TOPIC}", garbled)])
    scene.pubsub.publish(TOPIC, "end")
    eventually(lambda: "end" in heard, "the last one came")

    assert scene.pubsub.health().malformed == 2
    seen.show(subscription, *heard)


def test_lines_that_break_and_subscriptions_that_are_denied(scene: Scene, seen: Seen) -> None:
    losses: list[dfbackends.Loss] = []
    subscription = scene.pubsub.subscribe(TOPIC, print, on_loss=lambda _, loss: losses.append(loss))
    scene.db.put("t", KEY, VALUE)
    mirror = scene.backend.mirror("t", check_interval=0.05)
    mirror.wait_synced(10)
    for fault in (Fault.REFUSED, Fault.UNAUTHENTICATED, Fault.OVERLOADED):
        before = scene.plan.calls.copy()
        scene.plan.arm(fault, verbs=(*ANY, "watch"), times=FOREVER)
        scene.plan.lose_line()
        verb = "read" if scene.backend.name == "poor" else "listen"
        eventually(lambda before=before, verb=verb: scene.plan.calls[verb] > before[verb] + 2, "it was tried")  # type: ignore[misc]
        seen.call(lambda: scene.pubsub.subscribe("other", print, on_loss=dfbackends.renew))
        seen.call(lambda: mirror.wait_synced(0.01))
        scene.plan.mend()
        eventually(lambda: scene.pubsub.health().code is None, "the line works again")
    scene.plan.deny("denied")
    seen.call(lambda: scene.pubsub.subscribe("denied", print, on_loss=dfbackends.renew))
    seen.show(subscription, mirror, *losses)

    assert len(seen.errors) > 3


def test_a_driver_whose_close_fails(seen: Seen, caplog: pytest.LogCaptureFixture) -> None:
    class Stubborn(MemoryDb):
        def close(self) -> None:
            super().close()
            raise Lost(f"{PASSWORD} {KEY} {VALUE}")

    store = shared(secrets.token_hex(8))
    with dfbackends.assemble(Stubborn(store), MemoryPubSub(store)):
        pass

    assert "closing Stubborn failed: Lost" in caplog.text


def test_a_file_that_is_locked(seen: Seen, tmp_path: Path) -> None:
    with dfbackends.open(f"sqlite:{tmp_path}/a.db?deadline=0.4&retries=0") as backend:
        backend.db.put("t", KEY, VALUE)
        other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for call in (lambda: backend.db.put("t", KEY, VALUE), lambda: backend.pubsub.publish(TOPIC, VALUE)):
            seen.call(call)
        other.close()

    assert [type(error) for error in seen.errors] == [dfbackends.Unavailable] * 2


OPTIONS = [cfg.StrOpt("password", secret=True), cfg.IntOpt("pin", secret=True), cfg.StrOpt("host")]


def refuses(values: object, deadline: float) -> MemoryDb:
    raise Lost(f"{values}")


DRIVER = Driver(MemoryDb, refuses, OPTIONS)


def test_a_configuration_with_a_password(seen: Seen) -> None:
    from dfbackends.opening import opened_driver

    choice = Choice("redis", DRIVER, {"password": PASSWORD, "pin": PASSWORD, "host": "h"})
    settings = Settings(choice, None, Patience(), "", 1)
    url = parse(f"redis://user:{PASSWORD}@host/0?password={PASSWORD}")

    seen.show(choice, settings, url, Address(password=PASSWORD), Meaning(Lost, None, Refused, "full"))
    seen.call(lambda: opened_driver(choice, 1.0))
    seen.call(lambda: config._typed({"pin": PASSWORD}, {"pin": OPTIONS[1]}, "redis"))
    seen.call(lambda: config.from_url(parse(f"memory:x?pin={PASSWORD}")))
    seen.call(lambda: config.from_url(parse(f"memory://user:{PASSWORD}@x")))
    seen.call(lambda: parse(f"//{PASSWORD}"))
    seen.call(lambda: parse(f"memory:x?{PASSWORD}"))
    seen.call(lambda: parse(f"memory:%FF{PASSWORD}"))

    assert "host" in repr(settings)
    assert "'***'" not in repr(settings)
    assert "password=***" in repr(settings)
    assert len(seen.errors) == 7
    assert any(PASSWORD in cause for cause in seen.causes)
