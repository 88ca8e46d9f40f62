"""A store in one file, shared by processes and threads of one machine."""

from __future__ import annotations

from dfbackends.drivers.sqlite.db import SqliteDb
from dfbackends.drivers.sqlite.file import File
from dfbackends.drivers.sqlite.pubsub import SqlitePubSub
from dfbackends.drivers.sqlite.trim import Trim

__all__ = ["File", "SqliteDb", "SqlitePubSub", "Trim"]
