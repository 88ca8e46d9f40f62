"""One member of a cluster, and the line to it."""

from __future__ import annotations

import weakref
from typing import Any

import grpc

from dfbackends_etcd.access import Access, Address
from dfbackends_etcd.errors import NotConnected, NotTrusted, details, is_silent
from dfbackends_etcd.forking import calling
from dfbackends_etcd.layout import ROOT
from dfbackends_etcd.stubs import registering, rpc, services

_PROOF = rpc.RangeRequest(key=ROOT)
"""For its answer the member has to hear from most of the others: one that is cut off from them keeps what it is asked to do."""


class Member:
    """Calls of one member, by one channel. ``proven`` while nothing speaks against its being there."""

    def __init__(self, address: Address, access: Access) -> None:
        self.address = address
        self.proven = False
        self._access = access
        self._channels: weakref.WeakSet[grpc.Channel] = weakref.WeakSet()
        self.renew()

    def renew(self) -> None:
        """Use another channel from now on: on one on which nothing is answered nothing may ever be again.

        What is under way goes on on the old one, which ends with it.
        """
        with calling():
            self._channel = self._access.channel(self.address)
        self._channels.add(self._channel)
        channel = registering(self._channel)
        kv, lease, auth = services.KVStub(channel), services.LeaseStub(channel), services.AuthStub(channel)
        maintenance, cluster = services.MaintenanceStub(channel), services.ClusterStub(channel)
        self.range: Any = kv.Range
        self.put: Any = kv.Put
        self.txn: Any = kv.Txn
        self.grant: Any = lease.LeaseGrant
        self.authenticate: Any = auth.Authenticate
        self.status: Any = maintenance.Status
        self.alarm: Any = maintenance.Alarm
        self.members: Any = cluster.MemberList

    def prove(self, timeout: float) -> None:
        """Return when the member has shown that it reaches the others, or lets nobody in; nothing else is sent before.

        A call that waits for a connection can not be told from one that was sent, when its time is over.

        :raises NotConnected: it has not; the cause tells why
        """
        timeout = min(timeout, self._access.connect_timeout)
        try:
            with calling():
                self.range(_PROOF, timeout=timeout)
        except grpc.RpcError as error:
            if is_silent(error) and not details(error).startswith("etcdserver:"):
                # The old channel would wait for a while before it tries again.
                self.renew()
                raise self._not_connected(error, timeout) from error
        self.proven = True

    def close(self) -> None:
        """End the lines, and all calls that wait on them."""
        with calling():
            for channel in list(self._channels):
                channel.close()

    def _not_connected(self, error: Exception, timeout: float) -> NotConnected:
        tls = self._access.tls
        refusal = tls.refusal(self.address, timeout) if tls is not None else None
        if refusal is not None:
            return NotTrusted(f"{self.address}: {type(refusal).__name__}")
        return NotConnected(str(self.address))
