"""A listing that begins again where the backend fails in the middle, and yields each entry once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from dfbackends.api import Record
from dfbackends.errors import Error, Refused

Scan = Iterator[tuple[str, Record]]


def begun(scanning: Scan) -> Scan:
    """Return a scan that has come to its first entry, so that its beginning is repeated like any read."""
    first = next(scanning, None)
    return chain((first,), scanning) if first is not None else iter(())


def listed(begin: Callable[[], Scan], understood: Callable[[Exception], Error], retries: int) -> Scan:
    """Yield the entries. What has failed begins again, unless it was refused, or gave nothing new so many times in a row."""
    seen: set[str] = set()
    fruitless = 0
    scanning = begin()
    while True:
        try:
            item = next(scanning, None)
        except Exception as error:
            failure = understood(error)
            fruitless += 1
            if isinstance(failure, Refused) or fruitless > retries:
                raise failure from error
            scanning = begin()
            continue
        if item is None:
            return
        if item[0] not in seen:
            fruitless = 0
            seen.add(item[0])
            yield item
