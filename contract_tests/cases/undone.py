"""Batches in which something fails."""

from __future__ import annotations

import pytest

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases
from contract_tests.fault import Fault
from contract_tests.harness import Store
from contract_tests.marks import clause
from dfbackends import Backend, BackendError, Conflict, Entry, Refused, RollbackFailed, Unavailable
from dfbackends.batch import Batch

SIZE = 8

State = dict[tuple[str, str], tuple[object, str]]


def prepare(store: Store) -> None:
    """Write what the batch will meet."""
    store.db.put_many("t", [(f"old{number}", number, f"topic{number}") for number in range(4)])
    store.db.put("u", "doomed", "value", topic="red")
    store.db.put("u", "bystander", 1)


def fill(batch: Batch) -> None:
    """Add writes of every kind, over two tables, one key twice."""
    batch.create("t", "new1", 1, topic="red")
    batch.update("t", "old1", "changed")
    batch.put("t", "old2", "changed", topic="moved")
    batch.delete("u", "doomed")
    batch.put("t", "new2", 1)
    batch.update("t", "new2", 2, topic="blue")
    batch.create("u", "new3", 1)
    batch.update("t", "old3", "changed", topic="moved")


def state(backend: Backend) -> State:
    """Return what all entries hold, but not their revisions; what the listing of each topic says must agree."""
    found: State = {}
    for table in ("t", "u"):
        for entry in backend.db.entries(table):
            found[table, entry.key] = entry.value, entry.topic
    for topic in ("red", "blue", "moved", *(f"topic{number}" for number in range(4))):
        listed = {(table, key) for table in ("t", "u") for key in backend.db.keys(table, topic=topic)}
        assert listed == {at for at, (_, other) in found.items() if other == topic}
    return found


class UndoneCases(Cases):
    """For every n, and before as well as after doing it."""

    @clause("BATCH-04", injects=[Fault.FULL, Fault.REFUSED, Fault.OVERLOADED])
    @pytest.mark.parametrize("nth", range(1, SIZE + 1))
    @pytest.mark.parametrize("fault", [Fault.FULL, Fault.REFUSED, Fault.OVERLOADED], ids=lambda fault: fault.name.lower())
    def test_the_nth_write_is_refused(self, store: Store, fault: Fault, nth: int) -> None:
        """The n-th write of a batch is refused: afterwards everything is as before, and the error tells why."""
        prepare(store)
        before = state(store.backend)
        backend = store.open(retries=0)

        store.plan.arm(fault, at=nth)
        with pytest.raises(BackendError) as caught, backend.db.batch() as batch:
            fill(batch)
        store.plan.mend()

        assert isinstance(caught.value, Refused | Unavailable)
        assert state(store.backend) == before

    @clause("BATCH-04", injects=[Fault.LOST_REPLY, Fault.CUT], needs=[Capability.TRANSACTIONAL])
    @pytest.mark.parametrize("nth", range(1, SIZE + 1))
    @pytest.mark.parametrize("fault", [Fault.LOST_REPLY, Fault.CUT], ids=lambda fault: fault.name.lower())
    def test_the_nth_write_is_in_doubt_and_settled(self, store: Store, fault: Fault, nth: int) -> None:
        """The n-th write of a batch is in doubt, and settled by repeating it: the batch is done."""
        prepare(store)

        store.plan.arm(fault, at=nth)
        with store.db.batch() as batch:
            fill(batch)

        assert state(store.backend) == self.expected()

    @clause("BATCH-04", injects=[Fault.LOST_REPLY, Fault.CUT], needs=[Capability.TRANSACTIONAL])
    @pytest.mark.parametrize("nth", range(1, SIZE + 1))
    @pytest.mark.parametrize("fault", [Fault.LOST_REPLY, Fault.CUT], ids=lambda fault: fault.name.lower())
    def test_the_nth_write_is_in_doubt_and_given_up(self, store: Store, fault: Fault, nth: int) -> None:
        """The n-th write is in doubt and not repeated: it counts as what it was, and all is done, or all is as before."""
        prepare(store)
        before = state(store.backend)
        backend = store.open(retries=0)

        store.plan.arm(fault, at=nth)
        try:
            with backend.db.batch() as batch:
                fill(batch)
        except BackendError as error:
            assert not isinstance(error, RollbackFailed)
            assert state(store.backend) == before
        else:
            assert state(store.backend) == self.expected()

    @clause("BATCH-04", injects=[Fault.LOST_REPLY, Fault.CUT], lacks=[Capability.TRANSACTIONAL])
    @pytest.mark.parametrize("nth", range(1, SIZE + 1))
    @pytest.mark.parametrize("fault", [Fault.LOST_REPLY, Fault.CUT], ids=lambda fault: fault.name.lower())
    def test_the_nth_write_stays_in_doubt(self, store: Store, fault: Fault, nth: int) -> None:
        """The n-th write is in doubt for ever: RollbackFailed names its key, and all others are as before."""
        prepare(store)
        before = state(store.backend)

        store.plan.arm(fault, at=nth)
        with pytest.raises(RollbackFailed) as caught, store.db.batch() as batch:
            fill(batch)

        named = set(caught.value.keys)
        after = state(store.backend)
        assert named
        assert {at: value for at, value in after.items() if at not in named} == {
            at: value for at, value in before.items() if at not in named
        }

    @clause("BATCH-04", injects=[Fault.FULL])
    def test_what_can_not_be_undone_is_named(self, store: Store) -> None:
        """The undoing fails, too: RollbackFailed names exactly the keys that are not as before."""
        prepare(store)
        before = state(store.backend)

        with store.plan.armed(Fault.FULL, at=4), pytest.raises(RollbackFailed) as caught, store.db.batch() as batch:
            fill(batch)

        after = state(store.backend)
        differing = {at for at in before.keys() | after.keys() if before.get(at) != after.get(at)}
        assert differing == set(caught.value.keys)
        assert differing

    @clause("BATCH-04", injects=[Fault.FULL])
    @pytest.mark.parametrize("key", ["new1", "old1", "old2"])
    def test_a_change_by_another_client_after_it_is_not_undone(self, store: Store, key: str) -> None:
        """Another client changes a key between the batch's write and its undoing: that change stays, and the key is named."""
        prepare(store)
        other = store.open().db
        seen: list[Entry] = []

        def interfere() -> None:
            other.put("t", key, "theirs", topic="theirs")
            seen.append(other.entry("t", key))

        backend = store.open(retries=0)
        store.plan.arm(Fault.FULL, at=4)
        store.plan.when_struck(interfere)
        with pytest.raises(RollbackFailed) as caught, backend.db.batch() as batch:
            fill(batch)

        assert store.db.entry("t", key) == seen[0]
        assert caught.value.keys == (("t", key),)

    @clause("BATCH-04", injects=[Fault.DELAYED])
    @pytest.mark.parametrize("key", ["new1", "old1", "old2"])
    def test_a_change_by_another_client_before_it_is_a_conflict(self, store: Store, key: str) -> None:
        """Another client changes a key between reading and writing: Conflict, that change stays, and all else is as before."""
        prepare(store)
        other = store.open().db
        seen: list[Entry] = []

        def interfere() -> None:
            other.put("t", key, "theirs", topic="theirs")
            seen.append(other.entry("t", key))

        before = state(store.backend)
        store.plan.arm(Fault.DELAYED)
        store.plan.when_struck(interfere)
        with pytest.raises(Conflict), store.db.batch() as batch:
            fill(batch)

        assert store.db.entry("t", key) == seen[0]
        assert {at: value for at, value in state(store.backend).items() if at != ("t", key)} == {
            at: value for at, value in before.items() if at != ("t", key)
        }

    def expected(self) -> State:
        """Return what is there when the batch is done."""
        return {
            ("t", "old0"): (0, "topic0"),
            ("t", "new1"): (1, "red"),
            ("t", "old1"): ("changed", "topic1"),
            ("t", "old2"): ("changed", "moved"),
            ("t", "old3"): ("changed", "moved"),
            ("t", "new2"): (2, "blue"),
            ("u", "bystander"): (1, ""),
            ("u", "new3"): (1, ""),
        }
