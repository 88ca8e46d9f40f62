"""What the options mean, and how the drivers are opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dfbackends.api import Address as UrlAddress
from dfbackends.api import DbApi, Driver, PubSubApi
from dfbackends.errors import ConfigurationError
from dfbackends_etcd import options
from dfbackends_etcd.access import Access, Address, Tls
from dfbackends_etcd.db import EtcdDb
from dfbackends_etcd.members import Members
from dfbackends_etcd.pubsub import EtcdPubSub
from dfbackends_etcd.step import Size
from dfbackends_etcd.tls import tls

_PORT = 2379
_OUTCOMES_FOR = 10
"""Deadlines for which the outcome of an operation is kept."""
_FAILOVER = 3.0

Settings = Mapping[str, Any]


def members(settings: Settings, deadline: float) -> Members:
    """Return the members that the options name, to which nobody has connected yet.

    :raises ConfigurationError: the options contradict each other, or say nothing that makes sense
    """
    access = Access(
        user=settings["user"],
        password=settings["password"],
        tls=_tls(settings),
        connect_timeout=min(settings["connect_timeout"], deadline / 10),
        # A call waits for a line and for an answer, and so does the question that settles it.
        timeout=min(settings["timeout"], deadline / 5),
    )
    if access.password and not access.user:
        raise ConfigurationError("a password needs a user")
    return Members(_hosts(settings), access)


def failover(settings: Settings) -> float:
    """Return how long a failover takes."""
    if settings["failover"] is not None:
        return float(settings["failover"])
    return _FAILOVER if len(_hosts(settings)) > 1 else 0.0


def _tls(settings: Settings) -> Tls | None:
    given = {name: settings[name] for name in ("tls_ca", "tls_cert", "tls_key", "tls_host_name")}
    if not settings["tls"]:
        for name, value in given.items():
            if value:
                raise ConfigurationError(f"{name} says nothing where tls is off")
        return None
    if given["tls_key"] and not given["tls_cert"]:
        raise ConfigurationError("tls_key needs tls_cert")
    return tls(ca=given["tls_ca"], certificate=given["tls_cert"], key=given["tls_key"], name=given["tls_host_name"])


def _hosts(settings: Settings) -> list[Address]:
    texts = [text for text in (settings["hosts"] or "").split(",") if text.strip()] or ["127.0.0.1"]
    try:
        return list(dict.fromkeys(_host(text) for text in texts))
    except ValueError as error:
        raise ConfigurationError(f"hosts: {error}") from None


def _host(text: str) -> Address:
    host, colon, number = text.strip().rpartition(":")
    if not colon or text.strip().endswith("]"):
        host, number = text.strip(), str(_PORT)
    if not number.isdecimal() or not 0 < int(number) < 65_536 or not host:
        raise ValueError(f"{text!r} is no host:port")
    return Address(host.removeprefix("[").removesuffix("]"), int(number))


def _open(settings: Settings, deadline: float) -> EtcdDb:
    return EtcdDb(
        members(settings, deadline),
        keep=_OUTCOMES_FOR * deadline,
        failover=failover(settings),
        most_ops=settings["max_txn_ops"],
        most_bytes=settings["max_request_bytes"],
    )


def _open_pubsub(settings: Settings, deadline: float) -> EtcdPubSub:
    return EtcdPubSub(
        members(settings, deadline),
        keep=_OUTCOMES_FOR * deadline,
        failover=failover(settings),
        size=Size(settings["max_txn_ops"], settings["max_request_bytes"]),
    )


def _address(address: UrlAddress) -> Mapping[str, str]:
    if address.variant not in ("", "tls") or address.path:
        raise ValueError("the form is etcd://user:password@host:port,host:port, or etcd+tls://...")
    found = {"hosts": address.hosts, "user": address.user or "", "password": address.password or ""}
    return {**{name: text for name, text in found.items() if text}, **({"tls": "true"} if address.variant else {})}


etcd_db: Driver[DbApi] = Driver(provides=EtcdDb, open=_open, options=options.MEMBERS, address=_address)
etcd_pubsub: Driver[PubSubApi] = Driver(provides=EtcdPubSub, open=_open_pubsub, options=options.MEMBERS, address=_address)
