"""Many independent writes, with an outcome for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dfbackends.api import Write
from dfbackends.encoder import Encoder
from dfbackends.entry import Item
from dfbackends.errors import Closed, Error, InvalidName, InvalidValue, PartlyDone, Refused, Unavailable
from dfbackends.outcomes import Outcome
from dfbackends.reliable import Reliable

Items = Mapping[str, Any] | Iterable["tuple[str, Any] | tuple[str, Any, str]"]
"""Values by key, or (key, value) and (key, value, topic) tuples; of a key that comes twice, the last."""


def put_many(store: Reliable, encoder: Encoder, table: str, items: Items, topic: str) -> dict[str, int]:
    """Do what ``Database.put_many`` promises."""
    failed: dict[str, Error] = {}
    writes: dict[str, Write] = {}
    for pair in items.items() if isinstance(items, Mapping) else items:
        item = Item(pair[0], pair[1], pair[2] if len(pair) == 3 else topic)
        writes.pop(item.key, None)
        failed.pop(item.key, None)
        try:
            key, data = encoder.entry(table, item.key, item.value, item.topic)
        except (InvalidName, InvalidValue) as error:
            failed[item.key] = error
        else:
            writes[item.key] = Write(key, data, item.topic)
    done = _sent(store, writes, failed)
    if failed:
        total = len(done) + len(failed)
        raise PartlyDone(f"{len(failed)} of {total} entries of {table!r} were not written", done=done, failed=failed)
    return done


def _sent(store: Reliable, writes: dict[str, Write], failed: dict[str, Error]) -> dict[str, int]:
    """Return the revisions of the writes that were done; add the others to ``failed``."""
    done: dict[str, int] = {}
    names = list(writes)
    most = store.driver.limits.commit
    for start in range(0, len(names), most):
        part = names[start : start + most]
        try:
            outcomes: list[Outcome] = store.write([writes[name] for name in part])
        except Error as error:
            if isinstance(error, Closed) and not done:
                raise
            outcomes = [error for _ in part]
        for name, outcome in zip(part, outcomes, strict=True):
            if isinstance(outcome, int):
                done[name] = outcome
            else:
                failed[name] = outcome or Refused("the write was cancelled", code="protocol")
        if any(isinstance(outcome, Error) and not isinstance(outcome, Refused) for outcome in outcomes):
            for name in names[start + most :]:
                failed[name] = Unavailable("not tried: the backend had gone away", code="unreachable")
            break
    return done
