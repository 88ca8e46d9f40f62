"""Messages: sent, and followed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import click

import dfbackends
from dfbackends import Loss, Reason, Subscription, codec
from dfbackends.cli import options
from dfbackends.cli.interrupt import Interrupt
from dfbackends.cli.options import given, opened
from dfbackends.cli.outcome import Stopped, one_line
from dfbackends.cli.output import Output, compact, shown
from dfbackends.errors import InvalidValue

_TOGETHER = 100


@click.command()
@options.url
@options.machine
@click.option("--lines", is_flag=True, help="Publish each line of standard input as a message of its own.")
@click.argument("topic")
@click.argument("message", required=False)
def publish(url: str, machine: bool, lines: bool, topic: str, message: str | None) -> None:
    """Publish MESSAGE to TOPIC. Nobody needs to listen.

    MESSAGE is JSON; left out, or "-", it is read from standard input.

    \b
    Examples
      dfbackends publish --url sqlite:app.db tenant-1 '{"port": "p1"}'
      seq 1000 | dfbackends publish --url sqlite:app.db tenant-1 --lines
    """
    if lines and message not in (None, "-"):
        raise click.UsageError("--lines reads the messages from standard input: leave MESSAGE out")
    output = Output(machine=machine)
    sent = 0
    with opened(url) as backend:
        if not lines:
            backend.pubsub.publish(topic, given(message, backend.pubsub.limits.value))
            sent = 1
        else:
            try:
                with Interrupt() as interrupt:
                    for part in _parts():
                        with interrupt.held():
                            backend.pubsub.publish_many([(topic, data) for data in part])
                            sent += len(part)
            except (dfbackends.Error, KeyboardInterrupt) as error:
                raise Stopped(f"{str(error) or 'interrupted'}; {sent} messages were published", error, sent=sent) from error
    if machine:
        output.document({"topic": topic, "sent": sent})


def _parts() -> Iterator[list[Any]]:
    """Yield the documents on standard input, many at a time where they are at hand."""
    part: list[Any] = []
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            part.append(codec.parse(line))
        except InvalidValue as error:
            raise InvalidValue(f"line {number}: {error}") from None
        if len(part) == _TOGETHER:
            yield part
            part = []
    if part:
        yield part


@click.command(short_help="Print what is published to topics.")
@options.url
@options.machine
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N messages.")
@click.argument("topics", nargs=-1, required=True, metavar="TOPIC...")
def subscribe(url: str, machine: bool, count: int | None, topics: tuple[str, ...]) -> None:
    """Print what is published to each TOPIC from now on, until Ctrl-C.

    Where messages may be missing a line says so, exactly there: DOWN (the line broke), RESUMED (nothing was lost), RECOVERED
    (all since DOWN is lost; subscribed again), GAP (lost on the way) or OVERFLOW (this command was read too slowly). With
    --json messages are {"topic", "data"}, losses {"topic", "loss", "missed", "code"}, and {"subscribed": [...]} says when
    nothing is missed any more.

    \b
    Examples
      dfbackends subscribe --url sqlite:app.db tenant-1 tenant-2
      dfbackends subscribe --url sqlite:app.db tenant-1 --json --count 1 | jq .data
    """
    reader = _Reader(Output(machine=machine), count)
    with opened(url) as backend, ExitStack() as subscriptions:
        for topic in dict.fromkeys(topics):
            subscriptions.enter_context(backend.pubsub.subscribe(topic, reader.message, on_loss=reader.loss))
        reader.subscribed(topics)
        try:
            reader.ended.wait()
        except KeyboardInterrupt as error:
            raise Stopped(f"interrupted: {reader.count} messages received", error, received=reader.count) from None
    if reader.error is not None:
        raise reader.error


class _Reader:
    """Prints what arrives. ``error`` is why it can no longer."""

    def __init__(self, output: Output, most: int | None) -> None:
        self.ended = threading.Event()
        self.error: OSError | None = None
        self.count = 0
        # Guards the output and the count: the messages of different topics may come in several threads.
        self._lock = threading.Lock()
        self._output = output
        self._most = most

    def subscribed(self, topics: tuple[str, ...]) -> None:
        names = ", ".join(map(shown, topics))
        if self._output.machine:
            self._print("", subscribed=list(topics))
        else:
            click.echo(f"subscribed to {one_line(names)}; Ctrl-C ends", err=True)

    def message(self, topic: str, data: Any) -> None:
        with self._lock:
            if self.ended.is_set():
                return
            self.count += 1
            self._print(f"{shown(topic)}\t{compact(data)}", topic=topic, data=data)
            if self.count == self._most:
                self.ended.set()

    def loss(self, subscription: Subscription, loss: Loss) -> None:
        with self._lock:
            told = {"loss": loss.reason.name, "missed": loss.missed, "code": loss.code}
            about = " ".join(str(part) for part in (loss.missed and f"{loss.missed} missed", loss.code) if part)
            self._print(f"{shown(loss.topic)}\t# {loss.reason.name} {about}".rstrip(), topic=loss.topic, **told)
        if loss.reason is Reason.RECOVERED:
            subscription.renew()

    def _print(self, line: str, **document: Any) -> None:
        try:
            self._output.say(line, **document)
            self._output.flush()
        except OSError as error:
            self.error = error
            self.ended.set()
