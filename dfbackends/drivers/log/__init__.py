"""Publish and subscribe over any store, by polling: for stores that have none of their own."""

from dfbackends.drivers.log.feed import LogFeed
from dfbackends.drivers.log.pubsub import LogPubSub

__all__ = ["LogFeed", "LogPubSub"]
