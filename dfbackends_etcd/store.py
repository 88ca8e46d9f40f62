"""Which store answers: one that was set up anew, or from a copy, may have the addresses, and the id, of the one before."""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

from dfbackends_etcd.errors import CallFailed, is_forbidden, is_full
from dfbackends_etcd.layout import STORE
from dfbackends_etcd.members import Members
from dfbackends_etcd.stubs import rpc


class Store(NamedTuple):
    """A store at a moment. Its revision, and the term of its leader, only grow."""

    cluster: int
    name: str
    """Given to it by whoever listened first."""
    term: int
    revision: int

    def may_be(self, before: Store) -> bool:
        """Return whether this can be what another one has become."""
        return self[:2] == before[:2] and self.term >= before.term and self.revision >= before.revision


def store(members: Members) -> Store | None:
    """Return the store that answers; None where we may not know its name, or can not give it one.

    Errors as for ``Members.answer``.
    """
    look = rpc.RangeRequest(key=STORE)
    try:
        answer: Any = members.answer("range", look)
        if not answer.kvs:
            nameless = rpc.Compare(key=STORE, target=rpc.Compare.VERSION, version=0)
            name = rpc.PutRequest(key=STORE, value=secrets.token_hex(8).encode())
            members.answer("txn", rpc.TxnRequest(compare=[nameless], success=[rpc.RequestOp(request_put=name)]))
            answer = members.answer("range", look)
    except CallFailed as error:
        if is_forbidden(error) or is_full(error):
            return None
        raise
    header = answer.header
    return Store(header.cluster_id, answer.kvs[0].value.decode(), header.raft_term, header.revision)
