"""Print what is promised of the etcd driver: ``python -m benchmarks.etcd etcd://127.0.0.1:2379 [WORD ...]``.

Beside etcd3gw where that is installed, too. What is written is left there.
"""

from __future__ import annotations

import sys

from benchmarks.etcd.claims import BESIDE_ETCD3, BESIDE_ETCD3GW
from benchmarks.etcd.rounds import Bench, Spent


def main() -> None:
    """Measure what has any of the words in its name, or everything."""
    url, *words = sys.argv[1:]
    bench = Bench(url)
    rows = BESIDE_ETCD3 + (BESIDE_ETCD3GW if "etcd3gw" in bench.peers else [])
    chosen = [row for row in rows if not words or any(word in row.what for word in words)]
    if any("10^4" in row.what for row in chosen):
        bench.peers["etcd3"].run("fill", 1, Spent())
    for row in chosen:
        print(f"claim: {row.what}: {row.measure(bench):.3g} / at least {row.target:g}", flush=True)
    bench.close()


if __name__ == "__main__":
    main()
