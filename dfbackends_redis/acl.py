"""The rights that a user of Redis needs for all of this, and no others: ``python -m dfbackends_redis.acl redis-cluster``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Right(NamedTuple):
    """A command, as an ACL names it, and what it is needed for."""

    command: str
    use: str


_EVERYWHERE = (
    Right("client|setname", "connections have names in CLIENT LIST"),
    Right("script|load", "each connection to data brings the scripts along"),
    Right("evalsha", "writes, outcomes, messages, listing a topic"),
    Right("get", "the outcome of an operation"),
    Right("set", "the outcome of an operation"),
    Right("pexpire", "the outcome of an operation that comes again"),
    Right("time", "revisions"),
    Right("hmget", "reading, the heads of streams"),
    Right("hget", "reading one entry"),
    Right("hset", "writing"),
    Right("hdel", "deleting"),
    Right("zadd", "an entry enters a topic"),
    Right("zrem", "an entry leaves a topic"),
    Right("zrangebylex", "what a topic has"),
    Right("hscan", "listing a table"),
    Right("incr", "a write before messages, and taking turns at servers"),
    Right("publish", "messages, changes, proofs of life"),
    Right("subscribe", "messages, changes, proofs of life"),
    Right("unsubscribe", "giving a topic up"),
    Right("ping", "proofs of life"),
    Right("wait", "durability = replicated"),
    Right("info", "what opening and check tell of settings"),
)
_DATABASE = Right("select", "another database than 0")

SERVERS: Mapping[str, Sequence[Right]] = {
    "redis": (*_EVERYWHERE, _DATABASE),
    "redis-cluster": (
        *_EVERYWHERE,
        Right("cluster|slots", "who has which slots"),
        Right("asking", "slots that are on the move"),
    ),
    "redis-sentinel": (*_EVERYWHERE, _DATABASE, Right("role", "whether a server is the master")),
}
"""By the name of the driver: what it needs at the servers."""

SENTINELS: Sequence[Right] = (
    Right("client|setname", "connections have names in CLIENT LIST"),
    Right("sentinel|get-master-addr-by-name", "who is the master"),
    Right("sentinel|master", "what opening and check tell of down-after-milliseconds"),
)
"""What it needs at the sentinels."""

KEYS, CHANNELS = "~dfb:*", "&dfb:*"


def rules(rights: Sequence[Right], *patterns: str) -> list[str]:
    """Return the words of ACL SETUSER that give a user these rights, and take all others away."""
    return ["resetkeys", "resetchannels", *patterns, "-@all", *(f"+{right.command}" for right in rights)]


def text(driver: str, user: str) -> str:
    """Return the commands that make a user, to be completed with its password."""
    begin = f"ACL SETUSER {user} on >PASSWORD"
    lines = [" ".join([begin, *rules(SERVERS[driver], KEYS, CHANNELS)])]
    if driver == "redis-sentinel":
        lines += ["# at the sentinels", " ".join([begin, *rules(SENTINELS)])]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what makes a user."""
    parser = argparse.ArgumentParser(prog="python -m dfbackends_redis.acl", description="Print the least rights of a user.")
    parser.add_argument("driver", choices=SERVERS)
    parser.add_argument("--user", default="dfbackends", help="its name")
    given = parser.parse_args(arguments)
    sys.stdout.write(text(given.driver, given.user))


if __name__ == "__main__":
    main()
