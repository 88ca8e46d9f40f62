"""PubSub objects over drivers that fail on demand, in a hurry."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dfbackends.names import Namespace
from dfbackends.pace import Pace
from dfbackends.pubsub import PubSub
from dfbackends.retry import Patience
from tests.drivers.faulty_pubsub import Broker, FaultyPubSub
from tests.inbox import Inbox
from tests.waiting import PATIENCE, eventually

FAST = Pace(silence=0.1, proof=0.2, answer=1.0, outage=(0.002, 0.01), refused=(0.05, 0.1))
NEVER = (3600.0,)


QUICK = (0.001, 0.003, 0.006)
"""Lets repetitions wait for milliseconds."""


class Client:
    """One PubSub, its driver, and what is subscribed."""

    def __init__(
        self,
        broker: Broker | None = None,
        *,
        stamped: bool = True,
        resumable: bool = False,
        deadline: float = PATIENCE,
        retries: int = 3,
        threads: int = 1,
        pace: Pace = FAST,
        heartbeats: tuple[float, ...] = NEVER,
    ) -> None:
        self.driver = FaultyPubSub(broker, stamped=stamped, resumable=resumable)
        self.pubsub = PubSub(
            self.driver,
            namespace=Namespace("n"),
            patience=Patience(retries, deadline, spacing=QUICK),
            threads=threads,
            pace=pace,
            heartbeats=heartbeats,
        )

    def subscribe(self, topic: str = "t", *, renews: bool = True, **options: Any) -> tuple[Any, Inbox]:
        inbox = Inbox(renews=renews)
        return self.pubsub.subscribe(topic, inbox.on_message, on_loss=inbox.on_loss, **options), inbox

    def publish(self, *data: Any, topic: str = "t") -> None:
        for each in data:
            self.pubsub.publish(topic, each)


Open = Callable[..., Client]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Open clients, and close them; no thread may be left."""
    made: list[Client] = []

    def make(*arguments: Any, **options: Any) -> Client:
        made.append(Client(*arguments, **options))
        return made[-1]

    yield make
    for each in made:
        each.driver.publishing.set()
        each.pubsub.close()
    eventually(lambda: not own_threads())


def own_threads() -> list[str]:
    """The threads that the library has started."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("dfbackends-")]
