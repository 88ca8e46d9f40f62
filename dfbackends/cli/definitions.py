"""The definitions of tables that are copied: those of the source, and those that the target may have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from dfbackends.cli.outcome import Declined
from dfbackends.cli.output import shown
from dfbackends.cli.side import side
from dfbackends.database import Database
from dfbackends.definition import TableDefinition, canonical

Defined = Literal["created", "replaced", "same"]
"""What became of the definition in the target."""


def chosen(source: Database, tables: Sequence[str]) -> list[TableDefinition]:
    """Return the definitions of the tables to copy, of all where none is named.

    One that is named and does not exist is taken for a slip: --overwrite would empty the target.

    :raises Declined: one does not exist, or there is none at all
    """
    with side("source"):
        found = {name: _existing(source, name) for name in tables or source.tables()}
    missing = [shown(name) for name in tables if found[name] is None]
    if missing:
        raise Declined(f"the source has no table {', '.join(missing)}")
    definitions = [definition for definition in found.values() if definition is not None]
    if not definitions:
        raise Declined("the source has no tables")
    return definitions


def refuse_others(target: Database, definitions: Sequence[TableDefinition], *, replace: bool) -> None:
    """Return when the target can take the definitions; ``replace`` where it may give up its schemas for them.

    :raises Declined: a table lives in another place there, or has another schema and is not to be replaced
    """
    with side("target"):
        found = [(definition, target.definition(definition.name)) for definition in definitions]
    there = [(definition, old) for definition, old in found if old is not None]
    for definition, old in there:
        if _place(definition) != _place(old):
            raise Declined(
                f"the target has {shown(old.name)} in {_place(old)}, the source in {_place(definition)}, and nothing was "
                "copied: where a table lives never changes, also when it is dropped; copy to another store, or namespace"
            )
    others = [shown(old.name) for definition, old in there if not old.dropped and not _same_schema(definition, old)]
    if others and not replace:
        raise Declined(
            f"the target has another schema of {', '.join(others)}, and nothing was copied: --overwrite replaces it, and what "
            "is not as in the source"
        )


def define(target: Database, definition: TableDefinition, *, replace: bool) -> Defined:
    """Make the definition that of the target.

    :raises Conflict: the target has another one, which can not, or is not to, be replaced
    """
    old = target.definition(definition.name)
    target.create_table(
        definition.name, definition.schema, partition=definition.partition, buckets=definition.buckets, replace=replace
    )
    if old is None or old.dropped:
        return "created"
    return "same" if _same_schema(definition, old) else "replaced"


def alike(one: TableDefinition | None, two: TableDefinition | None) -> bool:
    """Tell whether two definitions say the same; only a table that exists has one."""
    if one is None or two is None:
        return False
    return _place(one) == _place(two) and _same_schema(one, two)


def _existing(source: Database, name: str) -> TableDefinition | None:
    definition = source.definition(name)
    # One that was dropped by another client may have entries again before that is recorded.
    if definition is not None and definition.dropped and next(source.keys(name), None) is None:
        return None
    return definition


def _place(definition: TableDefinition) -> str:
    return f"partition {definition.partition!r} with {definition.buckets} bucket(s)"


def _same_schema(one: TableDefinition, two: TableDefinition) -> bool:
    return canonical(one.schema) == canonical(two.schema)
