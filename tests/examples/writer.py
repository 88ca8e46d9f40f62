"""A controller that adds, changes, moves and removes ports at full speed, whatever becomes of its store."""

from __future__ import annotations

import random
import sys

import dfbackends

TENANTS = ("blue", "green", "red", "")


def main(url: str, seed: str) -> None:
    """Write until killed; print how many writes were done, every hundred."""
    chosen = random.Random(int(seed))
    done = 0
    with dfbackends.open(url) as backend:
        while True:
            key = f"port/{chosen.randrange(60)}"
            try:
                if chosen.random() < 0.25:
                    backend.db.delete("port", key)
                else:
                    mac = f"fa:16:3e:{done >> 16 & 255:02x}:{done >> 8 & 255:02x}:{done & 255:02x}"
                    port = {"mac": mac, "host": chosen.choice(["hv1", "hv2"])}
                    backend.db.put("port", key, port, topic=chosen.choice(TENANTS))
            except dfbackends.Error:
                continue
            done += 1
            if done % 100 == 0:
                print(done, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
