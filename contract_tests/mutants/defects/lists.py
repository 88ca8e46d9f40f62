"""Lists that are not what the table holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any

from contract_tests.mutants.registry import mutant
from dfbackends import Database, Entry, PartlyDone, Unavailable
from dfbackends.api import Key, Record, Stream, Table
from dfbackends.bulk import Items
from dfbackends.drivers.memory import MemoryDb
from dfbackends.reliable import Reliable


@mutant(kills="test_lists_are_complete")
class ListsAreCapped(MemoryDb):
    """A list has at most 100 entries."""

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        return islice(super().scan(table, topic), 100)


@mutant(kills="test_lists_are_complete")
class ListsRepeat(Reliable):
    """Each hundredth entry of a list comes twice."""

    def scan(self, table: Table, topic: str | None) -> Iterator[tuple[str, Record]]:
        for number, item in enumerate(super().scan(table, topic), 1):
            yield item
            if number % 100 == 0:
                yield item


@mutant(kills="test_the_connection_breaks_in_the_middle")
class ListsBeginAgain(Reliable):
    """A list that breaks off begins again, and repeats what it had told."""

    def scan(self, table: Table, topic: str | None) -> Iterator[tuple[str, Record]]:
        self.check_open()
        for _ in range(self.patience.retries):
            try:
                yield from self.driver.scan(table, topic)
                return
            except Exception:  # noqa: BLE001 - whatever it is, it is tried again
                continue
        yield from super().scan(table, topic)


@mutant(kills="test_a_list_that_can_not_be_completed")
class ListsEndEarly(Reliable):
    """A list that can not be completed ends where it broke off."""

    def scan(self, table: Table, topic: str | None) -> Iterator[tuple[str, Record]]:
        told = False
        try:
            for item in super().scan(table, topic):
                told = True
                yield item
        except Unavailable:
            if not told:
                raise


@mutant(kills="test_what_is_there_throughout_appears_once")
class PagesAreCounted(MemoryDb):
    """A list is read page by page, each by the number of the entry that it begins with."""

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        start = 0
        while page := sorted(super().scan(table, topic))[start : start + 100]:
            yield from page
            start += len(page)


@mutant(kills="test_a_topic_lists_exactly_its_entries")
class TopicsListWhatBeginsLikeThem(MemoryDb):
    """The list of a topic has the entries of all topics that begin with its name."""

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        found = super().scan(table)
        return found if topic is None else (item for item in found if item[1].topic.startswith(topic))


@mutant(kills="test_wildcards_are_plain_characters")
class TopicsArePatterns(MemoryDb):
    """The list of a topic has the entries of all topics that match it."""

    def scan(self, table: Table, topic: str | None = None) -> Iterator[tuple[str, Record]]:
        found = super().scan(table)
        return found if topic is None else (item for item in found if item[1].topic and fnmatchcase(item[1].topic, topic))


@mutant(kills="test_results_are_in_the_order_of_the_request")
class ReadsAreSorted(MemoryDb):
    """What is read comes in the order of the keys."""

    def read(self, keys: Sequence[Key]) -> list[Record | None]:
        return super().read(sorted(keys))


@mutant(kills="test_empty_batches_do_nothing")
class NoKeysMeanAll(Database):
    """Who asks for no keys gets all."""

    def get_many(self, table: str, keys: Sequence[str]) -> list[Entry | None]:
        return super().get_many(table, keys) if keys else [*self.entries(table), None]


@mutant(kills="test_sizes")
class ManyAreCut(Database):
    """Of many entries that are read at once the first 100 are found."""

    def get_many(self, table: str, keys: Sequence[str]) -> list[Entry | None]:
        return [entry if place < 100 else None for place, entry in enumerate(super().get_many(table, keys))]


@mutant(kills="test_items_may_have_topics_of_their_own")
class ItemsHaveOneTopic(Database):
    """All items of put_many get the topic of the call."""

    def put_many(self, table: str, items: Items, *, topic: str = "") -> dict[str, int]:
        pairs: list[Any] = [item[:2] for item in items] if not hasattr(items, "keys") else list(items.items())  # type: ignore[union-attr]
        return super().put_many(table, pairs, topic=topic)


@mutant(kills="test_what_is_full_in_the_middle")
class FailedItemsAreForgotten(Database):
    """put_many returns the revisions of what was written, and says nothing of what was refused."""

    def put_many(self, table: str, items: Items, *, topic: str = "") -> dict[str, int]:
        try:
            return super().put_many(table, items, topic=topic)
        except PartlyDone as error:
            return error.done


@mutant(kills="test_a_failed_item_is_named")
class AllItemsFail(Database):
    """Where one item of put_many fails, all are said to have failed."""

    def put_many(self, table: str, items: Items, *, topic: str = "") -> dict[str, int]:
        try:
            return super().put_many(table, items, topic=topic)
        except PartlyDone as error:
            [first, *_] = error.failed.values()
            raise PartlyDone(str(error), done={}, failed={**error.failed, **dict.fromkeys(error.done, first)}) from None


@mutant(kills="test_internal_keys_are_hidden")
class PartitionsAreListed(Database):
    """The keys of a partition without a table of its name are those of what lives in it."""

    def keys(self, table: str, *, topic: str | None = None) -> Iterator[str]:
        found = list(super().keys(table, topic=topic))
        if not found and table not in self.tables():
            place = self._namespace.public(table)
            known = [Stream(other.table) for other in self._catalog._known.values() if other.table.partition == place]
            found = [key for stream in known for key, _ in self._store.scan(stream.table, None)]
        return iter(found)
