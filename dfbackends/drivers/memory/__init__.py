"""A store in the memory of one process: dictionaries and a log under one lock.

It is the reference for authors of drivers: all that the contract asks for, and nothing of a network in the way.
"""

from __future__ import annotations

from dfbackends.drivers.memory.db import MemoryDb
from dfbackends.drivers.memory.pubsub import MemoryPubSub
from dfbackends.drivers.memory.store import Store, shared

__all__ = ["MemoryDb", "MemoryPubSub", "Store", "shared"]
