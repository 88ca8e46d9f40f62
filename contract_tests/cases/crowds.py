"""Many topics, and many who come and go."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from contract_tests.cases.base import Cases
from contract_tests.counts import Counts
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.waiting import eventually
from dfbackends import Subscription, renew

THREADS = 8


class CrowdCases(Cases):
    """Subscriptions under traffic."""

    @clause("PS-12", timeout=120)
    def test_the_final_set_is_right(self, store: Store, counts: Counts, seed: int) -> None:
        """Many topics; subscribe and unsubscribe from 8 threads under traffic: the final set is right."""
        topics = [f"topic{number}" for number in range(counts.topics)]
        got: dict[str, list[Any]] = {topic: [] for topic in topics}
        live: dict[str, Subscription] = {}
        stop = threading.Event()
        publisher = store.open().pubsub

        def traffic() -> None:
            chosen = random.Random(f"{seed} noise")
            while not stop.wait(0.001):
                publisher.publish_many((chosen.choice(topics), "noise") for _ in range(10))

        def come_and_go(number: int) -> None:
            # Each thread has topics of its own, so that what is right at the end is known.
            chosen = random.Random(f"{seed} {number}")
            mine = topics[number::THREADS]
            for topic in mine:
                live[topic] = store.pubsub.subscribe(topic, lambda topic, data: got[topic].append(data), on_loss=renew)
            for topic in chosen.choices(mine, k=len(mine)):
                if topic in live:
                    live.pop(topic).unsubscribe()
                else:
                    live[topic] = store.pubsub.subscribe(topic, lambda topic, data: got[topic].append(data), on_loss=renew)

        noise = threading.Thread(target=traffic)
        noise.start()
        try:
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(come_and_go, range(THREADS)))
        finally:
            stop.set()
            noise.join()

        publisher.publish_many((topic, "final") for topic in topics)
        publisher.publish_many((topic, "last") for topic in topics)
        eventually(lambda: all(got[topic][-1:] == ["last"] for topic in live), "the last message of each topic")
        assert {topic for topic in topics if "final" in got[topic]} == set(live)
        assert 0 < len(live) < len(topics)
        assert all(got[topic].count("final") == 1 for topic in live)
