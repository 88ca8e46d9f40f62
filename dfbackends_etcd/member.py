"""One member of a cluster, and the calls that it answers."""

from __future__ import annotations

import ssl

from dfbackends_etcd.access import Access, Address
from dfbackends_etcd.channel import Call, Channel
from dfbackends_etcd.errors import CallFailed, NotConnected, NotTrusted, is_silent
from dfbackends_etcd.layout import ROOT
from dfbackends_etcd.stubs import rpc, services

_PROOF = rpc.RangeRequest(key=ROOT)
"""For its answer the member has to hear from most of the others: one that is cut off from them keeps what it is asked to do."""


class Member:
    """Calls of one member. ``proven`` while nothing speaks against its being there."""

    def __init__(self, address: Address, access: Access) -> None:
        self.address = address
        self.proven = False
        self._connect_timeout = access.connect_timeout
        channel = self._channel = Channel(address, access)
        kv, lease, auth = services.KVStub(channel), services.LeaseStub(channel), services.AuthStub(channel)
        maintenance, cluster = services.MaintenanceStub(channel), services.ClusterStub(channel)
        self.range: Call = kv.Range
        self.put: Call = kv.Put
        self.txn: Call = kv.Txn
        self.grant: Call = lease.LeaseGrant
        self.authenticate: Call = auth.Authenticate
        self.status: Call = maintenance.Status
        self.alarm: Call = maintenance.Alarm
        self.members: Call = cluster.MemberList

    def prove(self, timeout: float) -> None:
        """Return when the member has shown that it reaches the others, or lets nobody in; nothing else is sent before.

        :raises NotConnected: it has not; the cause tells why
        """
        try:
            self.range(_PROOF, timeout=min(timeout, self._connect_timeout))
        except CallFailed as error:
            if is_silent(error) and not error.text.startswith("etcdserver:"):
                raise self._not_connected(error) from error
        self.proven = True

    def doubt(self) -> None:
        """Use no line again that was there before, and prove the member once more; what is under way goes on."""
        self.proven = False
        self._channel.rest()

    def close(self) -> None:
        """End the lines, and all calls that wait on them. Twice is harmless."""
        self._channel.close()

    def _not_connected(self, error: CallFailed) -> NotConnected:
        lost = error.__cause__
        # A server that does not like the certificate of a client says so when the client thinks that all is well.
        if lost is not None and isinstance(lost.__cause__, ssl.SSLError):
            return NotTrusted(f"{self.address}: {type(lost.__cause__).__name__}")
        return NotConnected(str(self.address))
