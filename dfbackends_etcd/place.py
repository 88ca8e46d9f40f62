"""Places from which a line goes on: up to which revision each of its watches has told everything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from dfbackends.api import Gone, Position
from dfbackends_etcd.errors import CallFailed, is_compacted
from dfbackends_etcd.layout import STORE
from dfbackends_etcd.members import Members
from dfbackends_etcd.store import Store, store
from dfbackends_etcd.stubs import rpc


class Witness(NamedTuple):
    """A key as it was put at a revision: in a copy of the store that went another way it would not be the same."""

    key: str
    revision: int
    version: int
    lease: int


class Place(NamedTuple):
    """All watches have told everything up to ``revision``, and those that are named by their key up to another one."""

    store: Store
    revision: int
    ahead: Mapping[str, int]
    witness: Witness | None

    @property
    def position(self) -> Position:
        """What the core keeps of it."""
        return Position(json.dumps(self))


def witness(kv: Any) -> Witness | None:
    """Return what a key was like when it was put."""
    return None if kv is None else Witness(kv.key.decode(), kv.mod_revision, kv.version, kv.lease)


def place(position: Position) -> Place:
    """Return the place that a position stands for."""
    found, revision, ahead, witness = json.loads(position)
    return Place(Store(*found), revision, ahead, Witness(*witness) if witness else None)


def found(members: Members, position: Position) -> Place:
    """Return the place that a position stands for, where the store that answers still has all that came after it.

    :raises Gone: it has not
    """
    wanted = place(position)
    now = store(members)
    if now is None or not now.may_be(wanted.store):
        raise Gone("this place belongs to another store")
    try:
        members.answer("range", rpc.RangeRequest(key=STORE, revision=min(wanted.revision + 1, now.revision)))
    except CallFailed as error:
        if is_compacted(error):
            raise Gone("what came after this place is compacted") from error
        raise
    if wanted.witness is not None and not _was_there(members, wanted.witness):
        raise Gone("this place belongs to another store")
    return wanted._replace(store=now)


def _was_there(members: Members, witness: Witness) -> bool:
    """Return whether a key was as it was seen, or nobody knows any more."""
    key, revision, version, lease = witness
    try:
        answer: Any = members.answer("range", rpc.RangeRequest(key=key.encode(), revision=revision, keys_only=True))
    except CallFailed as error:
        if is_compacted(error):
            return True
        raise
    return [(kv.mod_revision, kv.version, kv.lease) for kv in answer.kvs] == [(revision, version, lease)]
