"""What a message looks like on the wire: a JSON object around the data, its members in this order and without spaces.

=============  =========================================================================================
message        ``{"v":1,"p":publisher,"s":sequence,"a":age,"d":data}``
heartbeat      ``{"v":1,"p":publisher,"s":sequence,"a":age,"h":1}``: the last message of the publisher
announcement   ``{"v":1,"d":data}``: published by a store along with a write
=============  =========================================================================================

The *publisher* is 32 hexadecimal digits that are never used again, its *sequence* counts its messages on the topic from 1.
The *age*, in microseconds, is the time since the publisher sent its previous message on the topic, null for its first one;
that of a heartbeat is the time since the message that it repeats the sequence of. It never tells too much.
"""

from __future__ import annotations

import re
from typing import NamedTuple

OVERHEAD = 128
"""Bytes that an envelope adds to its data, at most."""

_FROM = rb'\{"v":1,"p":"([0-9a-f]{32})","s":([1-9][0-9]{0,17}),"a":(?:null|([0-9]{1,18})),'
_MESSAGE = re.compile(_FROM + rb'"d":(.+)\}', re.DOTALL)
_HEARTBEAT = re.compile(_FROM + rb'"h":1\}')
_ANNOUNCEMENT = re.compile(rb'\{"v":1,"d":(.+)\}', re.DOTALL)


class Envelope(NamedTuple):
    """What was read from a message: no publisher for an announcement, no data for a heartbeat. The age is in seconds."""

    publisher: bytes | None
    sequence: int
    age: float | None
    data: bytes | None


def opened(message: bytes) -> Envelope | None:
    """Return what the envelope says, None for something else. Whether the data are JSON is not looked at."""
    if found := _MESSAGE.fullmatch(message):
        publisher, sequence, age, data = found.groups()
        return Envelope(publisher, int(sequence), None if age is None else int(age) * 1e-6, data)
    if found := _HEARTBEAT.fullmatch(message):
        publisher, sequence, age = found.groups()
        return Envelope(publisher, int(sequence), None if age is None else int(age) * 1e-6, None)
    if found := _ANNOUNCEMENT.fullmatch(message):
        return Envelope(None, 0, None, found[1])
    return None


def message(publisher: bytes, sequence: int, age: float | None, data: bytes) -> bytes:
    """Return a message; the age is in seconds."""
    return b'{"v":1,"p":"%b","s":%d,"a":%b,"d":%b}' % (publisher, sequence, _microseconds(age), data)


def heartbeat(publisher: bytes, sequence: int, age: float) -> bytes:
    """Return a heartbeat; the age is in seconds."""
    return b'{"v":1,"p":"%b","s":%d,"a":%b,"h":1}' % (publisher, sequence, _microseconds(age))


def announcement(data: bytes) -> bytes:
    """Return an announcement."""
    return b'{"v":1,"d":%b}' % data


def _microseconds(age: float | None) -> bytes:
    return b"null" if age is None else b"%d" % max(0, age * 1e6)
