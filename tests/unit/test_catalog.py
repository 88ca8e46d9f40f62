"""Where a table lives never changes, whoever has heard of it; its schema is known to all soon."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator

import pytest

from contract_tests.waiting import eventually
from dfbackends.api import Table
from dfbackends.catalog import Catalog
from dfbackends.definition import TableDefinition
from dfbackends.drivers.memory import MemoryDb, shared
from dfbackends.errors import Conflict, InvalidName, InvalidValue
from dfbackends.names import Namespace
from dfbackends.reliable import Reliable
from dfbackends.retry import Patience

NUMBER = {"type": "integer"}
TEXT = {"type": "string"}

Client = Callable[[], Catalog]


@pytest.fixture
def client() -> Iterator[Client]:
    """Open another client of one store; what it knows is fresh for a tenth of a second."""
    name = secrets.token_hex(8)
    opened: list[Reliable] = []

    def connect() -> Catalog:
        opened.append(Reliable(MemoryDb(shared(name)), namespace=Namespace("n"), patience=Patience()))
        return Catalog(opened[-1], Namespace("n"), fresh=0.1)

    yield connect
    for store in opened:
        store.close()
        store.driver.close()


def accepts(catalog: Catalog, value: object) -> bool:
    schema = catalog.writable("t").schema
    try:
        if schema is not None:
            schema.check(value)  # type: ignore[arg-type]
    except InvalidValue:
        return False
    return True


def test_a_table_that_nobody_created_lives_in_a_partition_of_its_own(client: Client) -> None:
    assert client().table("t") == Table("n/t", "n/t", 1)


def test_the_first_write_settles_where_a_table_lives(client: Client) -> None:
    client().writable("t")

    with pytest.raises(Conflict, match="lives in partition 't'"):
        client().create("t", None, "net", 1, replace=True)
    with pytest.raises(Conflict):
        client().create("t", None, None, 2, replace=True)


def test_a_client_that_has_read_an_empty_table_writes_where_it_was_created_meanwhile(client: Client) -> None:
    early = client()
    early.table("t")

    client().create("t", None, "net", 1, replace=False)

    assert early.writable("t").table == Table("n/t", "n/net", 1)
    assert early.table("t") == Table("n/t", "n/net", 1)


def test_a_dropped_table_keeps_its_place_and_forgets_its_schema(client: Client) -> None:
    catalog = client()
    catalog.create("t", NUMBER, "net", 1, replace=False)
    catalog.drop("t")

    assert catalog.names() == []
    with pytest.raises(Conflict):
        catalog.create("t", None, None, 1, replace=True)
    catalog.create("t", TEXT, "net", 1, replace=False)
    assert accepts(catalog, "x")
    assert catalog.names() == ["t"]


def test_the_definition_is_what_was_created(client: Client) -> None:
    client().create("t", NUMBER, "net", 1, replace=False)
    client().create("wide", None, None, 8, replace=False)

    assert client().definition("t") == TableDefinition("t", NUMBER, "net", 1)
    assert client().definition("wide") == TableDefinition("wide", None, "wide", 8)


def test_of_a_table_that_nobody_wrote_to_there_is_no_definition(client: Client) -> None:
    reader = client()
    assert reader.definition("t") is None

    client().writable("t")

    assert reader.definition("t") == TableDefinition("t", None, "t", 1)


def test_the_definition_is_what_the_backend_says_now(client: Client) -> None:
    reader = client()
    client().create("t", NUMBER, "net", 1, replace=False)
    reader.definition("t")

    client().create("t", TEXT, "net", 1, replace=True)
    assert reader.definition("t") == TableDefinition("t", TEXT, "net", 1)

    client().drop("t")
    assert reader.definition("t") == TableDefinition("t", None, "net", 1, dropped=True)


def test_a_schema_that_was_returned_is_the_caller_s_own(client: Client) -> None:
    catalog = client()
    catalog.create("t", {"properties": {"n": {"maximum": 3}}}, None, 1, replace=False)
    definition = catalog.definition("t")
    assert definition is not None
    assert definition.schema is not None

    definition.schema["properties"]["n"]["maximum"] = 5

    assert not accepts(catalog, {"n": 4})
    assert catalog.definition("t") != definition


def test_the_same_schema_again_is_harmless_and_another_is_a_conflict(client: Client) -> None:
    client().create("t", NUMBER, None, 1, replace=False)
    client().create("t", NUMBER, None, 1, replace=False)

    with pytest.raises(Conflict, match="another schema"):
        client().create("t", TEXT, None, 1, replace=False)
    with pytest.raises(Conflict, match="another schema"):
        client().create("t", None, None, 1, replace=False)
    client().create("t", TEXT, None, 1, replace=True)
    assert accepts(client(), "x")


def test_a_table_that_was_only_written_to_takes_its_first_schema(client: Client) -> None:
    client().writable("t")

    client().create("t", NUMBER, None, 1, replace=False)

    assert not accepts(client(), "x")


def test_another_client_uses_a_new_schema_soon(client: Client) -> None:
    early = client()
    early.create("t", NUMBER, None, 1, replace=False)
    assert accepts(early, 1)

    client().create("t", TEXT, None, 1, replace=True)

    eventually(lambda: accepts(early, "x"), "the new schema is in force")


def test_of_many_who_create_a_table_differently_exactly_one_succeeds(client: Client) -> None:
    outcomes: list[bool] = []
    start = threading.Barrier(8)

    def create(number: int) -> None:
        catalog = client()
        start.wait(timeout=10)
        try:
            catalog.create("t", {"const": number}, None, 1, replace=False)
        except Conflict:
            outcomes.append(False)
        else:
            outcomes.append(True)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)

    assert sorted(outcomes) == [False] * 7 + [True]


def test_what_can_not_be_a_table_is_refused_before_anything_is_sent(client: Client) -> None:
    catalog = client()

    for name in ("", "\ud800", "x" * 511):
        with pytest.raises(InvalidName):
            catalog.table(name)
        with pytest.raises(InvalidName):
            catalog.definition(name)
    for buckets in (0, 4097, -1):
        with pytest.raises(InvalidValue, match="buckets"):
            catalog.create("t", None, None, buckets, replace=False)
    with pytest.raises(InvalidName):
        catalog.create("t", None, "", 1, replace=False)
    with pytest.raises(InvalidValue):
        catalog.create("t", {"type": "nonsense"}, None, 1, replace=False)
    assert catalog.names() == []
