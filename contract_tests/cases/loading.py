"""Local copies of what can not be read."""

from __future__ import annotations

import pytest

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases
from contract_tests.cases.staleness import INTERVAL, named
from contract_tests.checks.copies import Told, wait_equal
from contract_tests.fault import NETWORK, Fault
from contract_tests.harness import Store
from contract_tests.marks import clause
from contract_tests.plan import FOREVER
from contract_tests.waiting import Stopwatch, eventually
from dfbackends import Mirror, Unavailable

READING = ("read", "scan", "watch")
ENTRIES = 300

STORE_FAULTS = [Fault.REFUSED, Fault.FROZEN, Fault.CUT, Fault.OVERLOADED, Fault.UNAUTHENTICATED]


class LoadingCases(Cases):
    """A copy that can not be made, or not be compared, says so, and is mended without help."""

    @clause("MIR-02", injects=[Fault.DENIED], needs=[Capability.WATCHING])
    def test_changes_that_are_denied(self, store: Store) -> None:
        """A copy whose changes the backend refuses is never current, and says why."""
        store.plan.deny("t")
        with store.backend.mirror("t", check_interval=INTERVAL) as mirror:
            eventually(lambda: mirror.code == "forbidden", "it says why")
            with pytest.raises(Unavailable, match="forbidden"):
                mirror.wait_synced(0.3)
            store.plan.mend()
            wait_equal(mirror, store.db)

    @clause("MIR-02", injects=STORE_FAULTS, timeout=120)
    @pytest.mark.parametrize("fault", STORE_FAULTS, ids=named)
    def test_a_store_that_fails_while_loading(self, store: Store, fault: Fault) -> None:
        """While the store can not be read nothing can be, with the reason; the copy is made once it can be, without help."""
        store.db.put_many("t", {f"k{number}": number for number in range(ENTRIES)})
        backend = store.open(retries=0, deadline=3)
        for at in (self.middle(store, fault), 1):
            before = store.plan.hits[fault]
            store.plan.arm(fault, verbs=("scan",), at=at, times=FOREVER)
            with backend.mirror("t", check_interval=INTERVAL) as mirror:
                eventually(lambda: mirror.code is not None or mirror.synced, "it says why")
                if mirror.synced:
                    # All of it came in one piece, and nothing was left to be struck.
                    assert (at > 1, store.plan.hits[fault]) == (True, before)
                else:
                    self.check_empty(mirror)
                store.plan.mend()
                wait_equal(mirror, store.db)

    def middle(self, store: Store, fault: Fault) -> int:
        """Return where in a list a fault strikes that strikes in its middle."""
        # A server is put into a state for each entry, whether the client asks for it or has it at hand.
        return 1 if store.plan.on_network and fault not in NETWORK else ENTRIES // 2

    def check_empty(self, mirror: Mirror) -> None:
        """Look at a copy that was never made, of which a part may have come."""
        assert (mirror.synced, mirror.synced_at, mirror.size) == (False, None, 0)
        for read in (lambda: mirror.get("k1"), mirror.keys, lambda: len(mirror), lambda: "k1" in mirror, mirror.entries):
            with pytest.raises(Unavailable, match="copied nothing yet") as caught:
                read()
            assert caught.value.code == mirror.code
        with pytest.raises(Unavailable, match="not current within"):
            mirror.wait_synced(0.1)

    @clause("MIR-02", injects=STORE_FAULTS, timeout=120)
    @pytest.mark.parametrize("fault", STORE_FAULTS, ids=named)
    def test_a_store_that_fails_later(self, store: Store, fault: Fault) -> None:
        """A copy that can not be compared is stale after two intervals, says why, and is mended without help."""
        told = Told()
        backend, writer = store.open(retries=0, deadline=3), store.open().db
        writer.put_many("t", {"same": 1, "gone": 1})
        with backend.mirror("t", on_change=told.on_change, on_state=told.on_state, check_interval=INTERVAL) as mirror:
            mirror.wait_synced(10)
            told.wait_synced()
            eventually(lambda: len(told.changes) == 2, "the beginning")
            watch = Stopwatch()
            store.plan.arm(fault, verbs=READING, times=10_000)

            told.wait_stale()
            assert watch.seconds < 2 * INTERVAL + 1
            # A comparison that had been made before may prove it for a moment longer.
            eventually(lambda: mirror.code is not None, "it says why")
            assert mirror.get("same") == 1
            writer.delete("t", "gone")
            store.plan.mend()
            wait_equal(mirror, store.db)
            eventually(lambda: "gone" not in told.content, "the difference is told")

        assert [change.key for change in told.changes[2:]] == ["gone"]
        assert told.wrong == []
