"""Whether a backend is fit for use."""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from dfbackends.api import DbApi, PubSubApi, Transactional, Watching
from dfbackends.cli import options
from dfbackends.cli.abilities import lacking
from dfbackends.cli.options import opened
from dfbackends.cli.outcome import Declined, Stopped
from dfbackends.cli.output import Output
from dfbackends.cli.progress import Progress
from dfbackends.cli.trial import NAME, Step, Trial
from dfbackends.errors import undone, wrapped

if TYPE_CHECKING:
    from dfbackends.health import Health

_MARGIN = 2.0
"""Seconds that a deadline leaves beside a failover, for the call itself."""


@click.command(short_help="Try a backend, and measure it.")
@options.url
@options.machine
def check(url: str, machine: bool) -> None:
    """Write, read and publish to the backend, measure the round trips, and say what is not as it should be.

    What is written is an entry of its own in the table dfbackends-check, and removed again; messages go to the topic
    dfbackends-check. Times are medians: "watch" is from a write until a mirror was told, "publish" from a message until it
    was received. The deadline should leave time for a failover and for a repetition.

    Ends with 0 if all is well, with 1 if there is a warning, with 3 if the backend failed at something, which is told for
    each step. With --json the whole is one object, and its "health" is what Backend.health() tells an application.

    \b
    Examples
      dfbackends check --url sqlite:app.db
      dfbackends check --url sqlite:app.db --json | jq '.steps[] | select(.step == "publish") | .median_ms'
    """
    output = Output(machine=machine)
    # What opening warns of is among what is found.
    logging.getLogger("dfbackends.opening").setLevel(logging.ERROR)
    with opened(url) as backend, Progress("trying", quiet=machine):
        facts = _facts(url)
        warnings = _warnings(facts)
        trial = Trial(backend, watching="Watching" in facts.capabilities, deadline=facts.deadline)
        try:
            steps = list(trial.steps())
            health = backend.health()
        finally:
            left = trial.clean()
        if left is not None:
            warnings.append(f"the entry in the table {NAME} could not be removed: {left}")
        warnings += [finding.text for finding in backend.findings()]
        limits = backend.db.limits._asdict()
    failed = [step for step in steps if step.error is not None]
    if machine:
        about = facts._asdict() | {"limits": limits, "warnings": warnings, "steps": [_document(step) for step in steps]}
        output.document({"ok": not failed and not warnings, **about, "health": asdict(health)})
    else:
        _print(output, facts, limits, steps, warnings, health)
    output.flush()
    for step in failed:
        assert step.error is not None
        raise Stopped(f"{step.name}: {step.error}; {len(failed)} of {len(steps)} steps failed", step.error)
    if warnings:
        raise Declined("; ".join(warnings))


class _Facts(NamedTuple):
    """What is known of a backend without a trial; times in seconds, of the slower of its two parts."""

    backend: str
    pubsub: str
    capabilities: list[str]
    atomic_announcements: bool
    deadline: float
    failover: float
    timeout: float


def _facts(url: str) -> _Facts:
    # Loading these takes longer than all the rest.
    from dfbackends.config import LOG, from_url
    from dfbackends.url import parse

    settings = from_url(parse(url))
    deadline = settings.patience.deadline
    failover = timeout = 0.0
    for choice in (settings.db, settings.pubsub):
        if choice is None:
            continue
        try:
            driver: DbApi | PubSubApi = choice.driver.open(choice.values, deadline)
        except Exception as error:
            raise undone(wrapped(error, choice.driver.provides.errors, f"opening {choice.name!r}")) from error
        with closing(driver):
            failover, timeout = max(failover, driver.failover), max(timeout, driver.timeout)
    abilities = [ability for ability in (Transactional, Watching) if issubclass(settings.db.driver.provides, ability)]
    return _Facts(
        settings.db.name,
        settings.pubsub.name if settings.pubsub is not None else LOG,
        [ability.__name__ for ability in abilities],
        settings.shared and Transactional in abilities,
        deadline,
        failover,
        timeout,
    )


def _warnings(facts: _Facts) -> list[str]:
    found = []
    if facts.failover and facts.deadline < facts.failover + _MARGIN:
        found.append(
            f"a deadline of {facts.deadline:g} s ends calls before {facts.backend} has replaced a dead server, which takes "
            f"{facts.failover:g} s: set deadline to {facts.failover + _MARGIN:g} or more"
        )
    # Settling what became of a write that got no answer takes as long once more.
    if facts.timeout and facts.deadline <= 2 * facts.timeout:
        found.append(
            f"a deadline of {facts.deadline:g} s leaves no time to repeat a call that gets no answer, which is known after "
            f"{facts.timeout:g} s: set deadline to more than {2 * facts.timeout:g}, or a shorter timeout"
        )
    return found


def _document(step: Step) -> dict[str, Any]:
    document: dict[str, Any] = {"step": step.name, "ok": step.error is None, "rounds": step.rounds}
    if step.median is not None:
        document["median_ms"] = round(step.median * 1000, 3)
    if step.error is not None:
        document |= {"code": step.error.code, "message": str(step.error)}
    return document


def _print(
    output: Output, facts: _Facts, limits: dict[str, int], steps: list[Step], warnings: list[str], health: Health
) -> None:
    abilities = "; ".join([", ".join(facts.capabilities), *lacking(facts.capabilities).values()]).removeprefix("; ")
    output.text(f"{facts.backend}, messages by {facts.pubsub}: {abilities}")
    output.text("limits: " + ", ".join(f"{name} {most}" for name, most in limits.items()))
    output.text(f"deadline {facts.deadline:g} s, failover {facts.failover:g} s, timeout {facts.timeout:g} s")
    for step in steps:
        figure = f"{step.median * 1000:9.3f} ms" if step.median is not None else f"failed: {step.error}"
        output.text(f"  {step.name:12}{figure}")
    states = {"read": health.read, "write": health.write, "messages": health.pubsub.code}
    output.text("health: " + ", ".join(f"{name} {code or 'ok'}" for name, code in states.items()))
    for warning in warnings:
        output.text(f"warning: {warning}")
