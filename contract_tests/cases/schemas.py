"""Schemas of tables."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from contract_tests.cases.base import Cases, each_raises
from contract_tests.harness import Store
from contract_tests.marks import clause
from dfbackends import Conflict, InvalidValue, KeyNotFound


class SchemaCases(Cases):
    """What a schema allows, and what it never does."""

    @clause("KV-13")
    def test_a_value_that_breaks_the_schema(self, store: Store) -> None:
        """A value that breaks the table's schema raises InvalidValue with the path and the rule, never the value itself."""
        store.db.create_table(
            "t",
            {
                "type": "object",
                "properties": {"ports": {"type": "array", "items": {"type": "integer", "maximum": 65535}}},
                "required": ["ports"],
            },
        )
        store.db.create("t", "good", {"ports": [80]})
        for error in each_raises(
            InvalidValue,
            lambda: store.db.create("t", "k", {"ports": [80, 271828182]}),
            lambda: store.db.put("t", "good", {"ports": [80, 271828182]}),
            lambda: store.db.update("t", "good", {"ports": [80, 271828182]}),
        ):
            assert "ports[1]" in str(error)
            assert "maximum" in str(error)
            assert "271828182" not in str(error)

        with pytest.raises(InvalidValue, match="required"):
            store.db.create("t", "k", {})
        assert {entry.key: entry.value for entry in store.db.entries("t")} == {"good": {"ports": [80]}}

    @clause("KV-13")
    def test_the_schema_holds_for_other_handles(self, store: Store) -> None:
        """The schema of a table is kept in the backend."""
        store.db.create_table("t", {"type": "integer"})

        with pytest.raises(InvalidValue):
            store.open().db.put("t", "k", "text")
        with pytest.raises(KeyNotFound):
            store.db.get("t", "k")

    @clause("KV-13")
    def test_another_schema_is_a_conflict(self, store: Store) -> None:
        """The same schema again is harmless; another one raises Conflict unless it is to replace the first."""
        store.db.create_table("t", {"type": "integer"})
        store.db.create_table("t", {"type": "integer"})
        with pytest.raises(Conflict):
            store.db.create_table("t", {"type": "string"})
        with pytest.raises(InvalidValue):
            store.db.put("t", "k", "text")

        store.db.create_table("t", {"type": "string"}, replace=True)

        store.db.put("t", "k", "text")
        with pytest.raises(InvalidValue):
            store.db.put("t", "k", 1)

    @clause("KV-13")
    @pytest.mark.parametrize("schema", [[], "x", {"type": 7}, {"pattern": "("}, {"$schema": "http://nowhere/"}], ids=repr)
    def test_what_is_no_schema(self, store: Store, schema: Any) -> None:
        """What is no schema raises InvalidValue, and no table is made."""
        with pytest.raises(InvalidValue):
            store.db.create_table("t", schema)

        assert store.db.tables() == []

    @clause("KV-13")
    def test_references_are_never_fetched(self, store: Store, tmp_path: Path) -> None:
        """Remote and file references are never fetched."""
        (tmp_path / "schema.json").write_text('{"type": "integer"}')
        calls: list[Any] = []
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(30)

            def listen() -> None:
                try:
                    while True:
                        connection, caller = server.accept()
                        calls.append(caller)
                        connection.close()
                except OSError:
                    return

            listener = threading.Thread(target=listen)
            listener.start()
            port = server.getsockname()[1]
            for reference in (f"http://127.0.0.1:{port}/schema.json", (tmp_path / "schema.json").as_uri()):
                for schema in (
                    {"$ref": reference},
                    {"properties": {"a": {"$ref": f"{reference}#/x"}}},
                    {"$id": reference, "$ref": "other.json"},
                ):
                    with pytest.raises(InvalidValue):
                        store.db.create_table("t", schema)
            server.shutdown(socket.SHUT_RDWR)
            listener.join()

        assert calls == []
        assert store.db.tables() == []
