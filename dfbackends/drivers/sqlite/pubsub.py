"""The topics of a file."""

from __future__ import annotations

from collections.abc import Sequence

from dfbackends.api import Feed, Message, Position, PubSubApi
from dfbackends.drivers.sqlite.faults import ERRORS
from dfbackends.drivers.sqlite.feed import MessageFeed
from dfbackends.drivers.sqlite.file import File
from dfbackends.drivers.sqlite.trim import Trim
from dfbackends.drivers.sqlite.writer import Writer
from dfbackends.errors import ErrorTable


class SqlitePubSub(PubSubApi):
    """The topics of a file. What a transaction of its database sends comes here, too."""

    errors: ErrorTable = ERRORS

    def __init__(self, file: File, trim: Trim | None = None) -> None:
        file.prepare()
        self._file = file
        self._writer = Writer(file, trim or Trim())
        self.timeout: float = 2 * file.timeout

    def publish(self, messages: Sequence[Message]) -> None:
        if messages:
            self._writer.publish(messages)

    def listen(self, after: Position | None = None) -> Feed[str, Message]:
        return MessageFeed(self._file, after)

    def close(self) -> None:
        self._writer.close()
