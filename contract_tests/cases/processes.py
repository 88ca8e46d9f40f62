"""Several processes, by forking and otherwise."""

from __future__ import annotations

from contract_tests.capability import Capability
from contract_tests.cases.base import Cases
from contract_tests.cases.life import calls
from contract_tests.clients.inbox import Inbox
from contract_tests.clients.processes import Worker, in_child
from contract_tests.harness import Store
from contract_tests.marks import clause
from dfbackends import Closed


class ProcessCases(Cases):
    """What one process does to another."""

    @clause("LIFE-03", process=True)
    def test_a_live_subscriber_does_not_keep_the_interpreter(self, store: Store) -> None:
        """A live subscriber does not keep the interpreter from ending."""
        with Worker("leave_open", store.url, "t") as worker:
            assert worker.hear() == "ready"
            assert worker.end(budget=5) == 0

    @clause("LIFE-04")
    def test_a_fork(self, store: Store) -> None:
        """After a fork the child gets Closed and closes nothing; the parent loses nothing."""
        inbox = Inbox().subscribe(store.pubsub, "t")
        store.db.put("t", "k", 1)
        store.pubsub.publish("t", 1)
        inbox.wait_data([1])

        def use() -> str:
            for number, call in enumerate(calls(store.backend)):
                try:
                    call()
                except Closed:
                    continue
                return f"call {number} was not refused"
            assert inbox.subscription is not None
            inbox.subscription.unsubscribe()
            store.backend.close()
            return "refused"

        for number in range(2, 5):
            assert in_child(use) == "refused"
            store.db.put("t", "k", number)
            store.pubsub.publish("t", number)
            inbox.wait(lambda number=number: number in inbox.data, "the next message")  # type: ignore[misc]

        assert inbox.data == [1, 2, 3, 4]
        assert inbox.losses == []
        assert store.db.get("t", "k") == 4

    @clause("LIFE-04", needs=[Capability.SHARED], process=True)
    def test_a_fork_may_open_its_own(self, store: Store) -> None:
        """After a fork the child may open a handle of its own."""
        store.db.put("t", "k", 1)

        def use() -> str:
            with store.harness.open(store.namespace) as backend:
                found = backend.db.get("t", "k")
                backend.db.put("t", "k", found + 1)
            return "done"

        assert in_child(use) == "done"
        assert store.db.get("t", "k") == 2

    @clause("LIFE-05", needs=[Capability.SHARED], process=True)
    def test_a_second_process_sees_what_the_first_wrote(self, store: Store) -> None:
        """A second process sees what the first wrote, at once, and the other way round."""
        store.db.put_many("t", {"a": 1, "b": [2]})
        with Worker("read", store.url, "t") as worker:
            assert worker.hear() == {"a": 1, "b": [2]}
        with Worker("write", store.url, "t", {"c": 3}) as worker:
            worker.hear()
            assert store.db.get("t", "c") == 3

    @clause("LIFE-05", needs=[Capability.SHARED], process=True)
    def test_a_second_process_gets_the_messages(self, store: Store) -> None:
        """A second process gets the messages of the first, and the other way round."""
        inbox = Inbox().subscribe(store.pubsub, "up")
        with Worker("listen", store.url, "down") as listener, Worker("publish", store.url, "up", [1, 2, 3]) as publisher:
            assert publisher.hear() == "done"
            assert listener.hear() == "ready"
            store.pubsub.publish("down", {"n": 1})
            assert listener.hear() == {"n": 1}
        inbox.wait_data([1, 2, 3])
        assert inbox.losses == []

    @clause("LIFE-05", needs=[Capability.DURABLE, Capability.SHARED], process=True)
    def test_what_a_killed_process_had_written_is_there(self, store: Store) -> None:
        """A process that is killed leaves everything that was acknowledged, and nothing half written."""
        for turn in range(3):
            table = f"t{turn}"
            with Worker("write_on", store.url, table) as worker:
                acknowledged = [worker.hear() for _ in range(50 + turn)]
                worker.kill()
            found = {entry.key: entry.value for entry in store.db.entries(table)}
            assert found.items() >= {str(number): number for number in acknowledged}.items()
            assert found == {str(number): number for number in range(len(found))}
            store.db.put(table, "after", 1)
