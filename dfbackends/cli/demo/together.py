"""The second half of the demonstration: an agent in another process, whose line breaks and recovers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from dfbackends import Backend
from dfbackends.cli.demo.alone import Failed
from dfbackends.cli.demo.child import Child, Event
from dfbackends.cli.demo.narrator import Narrator

_STARTING = 10.0
_PATIENCE = 5.0
_MISSED = 200
_NAMED = 3
_TOGETHER = 500


def show(backend: Backend, url: str, table: str, topic: str, narrator: Narrator, *, log_rows: int, ignore_loss: bool) -> None:
    """Keep an agent informed, freeze it while more happens than the backend remembers, and see it recover.

    :raises Failed: its copy is not what is stored, in the end or before, or it was not told of its loss
    """
    narrator.chapter("Two processes")
    with Child(url, table, topic, ignore_loss=ignore_loss) as agent:
        loaded = agent.expect(lambda event: event["event"] == "loaded", "that it has read the table", _STARTING)
        narrator.step(f"agent, process {agent.pid}", f"subscribed, then read the table: {loaded['entries']} entries")
        for number in range(3):
            _put(backend, table, topic, f"a{number}")
        _wait_equal(agent, backend, table)
        narrator.step("put(..., announce=(topic, {...})) three times", "the agent's copy equals the store")

        narrator.chapter("The line breaks")
        agent.stop()
        narrator.step(f"SIGSTOP to process {agent.pid}", "the agent hears nothing")
        noise = _write_past(backend, table, topic, log_rows)
        others = f", {noise} other messages" if noise else ""
        narrator.step(
            f"{_MISSED} entries written, 1 deleted{others}", f"more than the {log_rows} changes that the backend remembers"
        )
        agent.go_on()
        narrator.step(f"SIGCONT to process {agent.pid}", "the agent goes on, behind the end of what is remembered")
        _watch_recovery(agent, narrator, ignore_loss=ignore_loss)

        narrator.chapter("Is the copy right?")
        if ignore_loss:
            narrator.remark("--ignore-loss: the agent heard of its loss, and did nothing.")
            _compare(agent.report(_PATIENCE), _stored(backend, table))
        _wait_equal(agent, backend, table)
        narrator.step("the agent's copy against the store", f"equal: {len(_stored(backend, table))} entries")
        _put(backend, table, topic, "last")
        _wait_equal(agent, backend, table)
        narrator.step("one more put with announce", "the agent has it: its new subscription works")


def _watch_recovery(agent: Child, narrator: Narrator, *, ignore_loss: bool) -> None:
    down = agent.expect(_told("DOWN"), "that its line is down", _PATIENCE)
    narrator.step("agent: on_loss(DOWN)", f"its line broke ({down['code']}): its copy may be stale, and it knows")
    agent.expect(_told("RECOVERED"), "that its line works again", _PATIENCE)
    narrator.step("agent: on_loss(RECOVERED)", "the line works; all subscriptions were cleared, and messages are lost")
    if not ignore_loss:
        agent.expect(lambda event: event["event"] == "renewed", "that it has subscribed again", _PATIENCE)
        narrator.step("agent: subscription.renew()", "confirmed")
        loaded = agent.expect(lambda event: event["event"] == "loaded", "that it has read all again", _PATIENCE)
        narrator.step("agent: reads the table again", f"{loaded['entries']} entries")


def _told(reason: str) -> Callable[[Event], bool]:
    return lambda event: event["event"] == "loss" and bool(event["reason"] == reason)


def _put(backend: Backend, table: str, topic: str, key: str) -> None:
    value = {"mac": "fa:16:3e:00:00:00", "of": key}
    backend.db.put(table, key, value, topic=topic, announce=(topic, {"key": key, "value": value}))


def _write_past(backend: Backend, table: str, topic: str, log_rows: int) -> int:
    """Write and announce more than the backend remembers; return how many messages to nobody it took besides."""
    for number in range(_MISSED):
        _put(backend, table, topic, f"b{number}")
    backend.db.delete(table, "a0", announce=(topic, {"key": "a0"}))
    noise = max(2 * log_rows - _MISSED, 0)
    for start in range(0, noise, _TOGETHER):
        backend.pubsub.publish_many([(f"{topic}-noise", None)] * min(_TOGETHER, noise - start))
    return noise


def _stored(backend: Backend, table: str) -> dict[str, Any]:
    return {entry.key: entry.value for entry in backend.db.entries(table)}


def _wait_equal(agent: Child, backend: Backend, table: str) -> None:
    """Return when the agent's copy equals the store; messages take their time.

    :raises Failed: it did not become so
    """
    until = time.monotonic() + _PATIENCE
    stored = _stored(backend, table)
    while (copy := agent.report(_PATIENCE)) != stored and time.monotonic() < until:
        time.sleep(0.01)
    _compare(copy, stored)


def _compare(copy: dict[str, Any], stored: dict[str, Any]) -> None:
    """Raise Failed with what is wrong in the copy, if anything is."""
    missing = sorted(stored.keys() - copy.keys())
    gone = sorted(copy.keys() - stored.keys())
    stale = sorted(key for key in stored.keys() & copy.keys() if stored[key] != copy[key])
    wrong = [
        f"{what} {len(keys)} {'entry' if len(keys) == 1 else 'entries'} ({_some(keys)})"
        for what, keys in (("is missing", missing), ("still has", gone), ("has an old value of", stale))
        if keys
    ]
    if wrong:
        raise Failed(f"the agent's copy {', '.join(wrong)}")


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:_NAMED]) + (", ..." if len(keys) > _NAMED else "")
