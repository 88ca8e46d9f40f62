"""Messages kept in the tables of a store that fails on demand."""

from __future__ import annotations

import pytest

import dfbackends
from contract_tests.clients.inbox import Inbox
from contract_tests.fault import Fault
from contract_tests.faults.faulty import faulty_db
from contract_tests.faults.simulated import Simulated
from contract_tests.plan import Plan
from dfbackends.names import Namespace
from tests.drivers.poor import PoorDb, PoorStore


@pytest.mark.parametrize(
    "fault", [Fault.CUT, Fault.LOST_REPLY, Fault.REFUSED, Fault.LATE], ids=lambda fault: fault.name.lower()
)
@pytest.mark.parametrize("nth", range(1, 6))
def test_a_publish_whose_nth_write_fails_comes_once_and_in_order(fault: Fault, nth: int) -> None:
    store, plan = PoorStore(), Plan(Namespace("").public)
    with (
        dfbackends.assemble(PoorDb(store)) as backend,
        dfbackends.assemble(faulty_db(PoorDb(store), Simulated(plan))) as faulty,
    ):
        inbox = Inbox().subscribe(backend.pubsub, "t")
        faulty.pubsub.publish("t", 0)

        plan.arm(fault, verbs=("write",), at=nth)
        faulty.pubsub.publish_many(("t", number) for number in range(1, 6))
        plan.mend()
        plan.release()
        backend.pubsub.publish("t", "from another")
        faulty.pubsub.publish("t", 6)

        inbox.wait(lambda: 6 in inbox.data, "the last message")
        assert [data for data in inbox.data if data != "from another"] == list(range(7))
        assert inbox.data.count("from another") == 1
        assert inbox.losses == []


def test_the_plan_strikes() -> None:
    store, plan = PoorStore(), Plan(Namespace("").public)
    with dfbackends.assemble(faulty_db(PoorDb(store), Simulated(plan)), retries=0) as faulty:
        plan.arm(Fault.REFUSED, verbs=("write",), times=99)
        with pytest.raises(dfbackends.Unavailable):
            faulty.pubsub.publish("t", 0)
