"""Another client of etcd, in a process of its own: ``python -m benchmarks.etcd.peer etcd3 HOST PORT``.

It is told a call and how often on a line of its input, and answers with what each took, and what the processor did for all.
etcd3 loads with the slow runtime of protobuf only, which holds for a whole process.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

VALUE = b'{"id":"' + b"x" * 340 + b'"}'
KEYS = "peer/listed/"
LISTED = 10_000
TOGETHER = 100

Calls = Mapping[str, Callable[[], Any]]


def etcd3(host: str, port: int) -> Calls:
    """Return what etcd3 does."""
    import etcd3 as client

    store = client.client(host, port, grpc_options=[("grpc.max_receive_message_length", -1)])

    def together() -> None:
        puts = [store.transactions.put(f"peer/{number}", VALUE) for number in range(TOGETHER)]
        done, _ = store.transaction(compare=[], success=puts, failure=[])
        assert done

    def listed() -> None:
        assert len(list(store.get_prefix(KEYS))) == LISTED

    def watched() -> None:
        begin = store.get(f"{KEYS}0")[1].mod_revision
        events, cancel = store.watch_prefix(KEYS, start_revision=begin)
        assert len(list(islice(events, LISTED))) == LISTED
        cancel()

    return {
        "fill": lambda: [store.put(f"{KEYS}{number}", VALUE) for number in range(LISTED)],
        "watch": watched,
        "put": lambda: store.put("peer", VALUE),
        "get": lambda: store.get("peer"),
        "range": listed,
        "together": together,
    }


def etcd3gw(host: str, port: int) -> Calls:
    """Return what etcd3gw does."""
    from etcd3gw import client

    store = client(host, port, api_path="/v3/")

    def listed() -> None:
        assert len(store.get_prefix(KEYS)) == LISTED

    return {
        "put": lambda: store.put("peer", VALUE),
        "get": lambda: store.get("peer"),
        "range": listed,
    }


def main() -> None:
    """Do what is asked for, until the input ends."""
    name, host, port = sys.argv[1:]
    calls = {"etcd3": etcd3, "etcd3gw": etcd3gw}[name](host, int(port))
    for line in sys.stdin:
        what, times = line.split()
        call, walls, client = calls[what], [], time.process_time()
        for _ in range(int(times)):
            began = time.perf_counter()
            call()
            walls.append(time.perf_counter() - began)
        sys.stdout.write(json.dumps({"walls": walls, "client": time.process_time() - client}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
