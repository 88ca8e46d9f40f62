"""Print what is promised of the Redis drivers: ``python -m benchmarks.redis redis://127.0.0.1:6379 [G1 ...]``.

The servers are emptied. A ``redis-cluster:`` URL prints the figures of clusters.
"""

from __future__ import annotations

import sys

from benchmarks.redis.claims import ON_A_CLUSTER, ON_ONE_SERVER, Least, on_a_table
from benchmarks.redis.entries import Listed
from benchmarks.redis.rounds import Bench


def main() -> None:
    """Measure what is asked for, or everything."""
    url, *chosen = sys.argv[1:]
    bench = Bench(url)
    rows = ON_A_CLUSTER
    if not url.startswith("redis-cluster:"):
        rows = ON_ONE_SERVER + (on_a_table(Listed(bench)) if not chosen or "G5" in chosen else [])
    for row in rows:
        if not chosen or row.what.split()[0] in chosen:
            sign = "at least" if isinstance(row, Least) else "at most"
            print(f"claim: {row.what}: {row.measure(bench):.3g} / {sign} {row.target:g}", flush=True)
    bench.close()


if __name__ == "__main__":
    main()
