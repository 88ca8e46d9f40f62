"""What the options mean, and how the drivers are opened."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from oslo_config import cfg

from dfbackends.api import Address as UrlAddress
from dfbackends.api import DbApi, Driver, PubSubApi
from dfbackends.errors import ConfigurationError
from dfbackends_redis import options
from dfbackends_redis.access import Access, Address, Tls
from dfbackends_redis.cluster import Cluster
from dfbackends_redis.db import RedisClusterDb, RedisDb
from dfbackends_redis.node import Node
from dfbackends_redis.pubsub import RedisClusterPubSub, RedisPubSub
from dfbackends_redis.requests import Requests
from dfbackends_redis.sentinel import Sentinel
from dfbackends_redis.servers import Servers, Single
from dfbackends_redis.tls import tls

_PORT = 6379
_SENTINEL_PORT = 26379
_DATA, _PUBLISHER = "dfb-data", "dfb-publisher"
_OUTCOMES_FOR = 10
"""Deadlines for which the outcome of an operation is kept."""
_MOMENT = 0.1
"""Seconds for which a call waits at most for who tells which server is to be asked, where one is known."""

_NOT_IN_URLS = ("tls_verify", "sentinel_tls_verify")

Settings = Mapping[str, Any]


def _access(settings: Settings, deadline: float) -> Access:
    return Access(
        user=settings["user"],
        password=settings["password"],
        database=settings.get("database", 0),
        tls=_tls(settings),
        connect_timeout=min(settings["connect_timeout"], deadline / 10),
        # A call waits for a line and for an answer, and so does the question that settles it.
        timeout=min(settings["timeout"], deadline / 5),
    )


def _tls(settings: Settings, before: str = "") -> Tls | None:
    given = {name: settings[f"{before}{name}"] for name in ("tls_ca", "tls_cert", "tls_key", "tls_host_name")}
    if not settings[f"{before}tls"]:
        for name, value in given.items():
            if value:
                raise ConfigurationError(f"{before}{name} says nothing where {before}tls is off")
        return None
    if given["tls_key"] and not given["tls_cert"]:
        raise ConfigurationError(f"{before}tls_key needs {before}tls_cert")
    return tls(
        ca=given["tls_ca"],
        certificate=given["tls_cert"],
        key=given["tls_key"],
        name=given["tls_host_name"],
        verify=settings[f"{before}tls_verify"],
    )


Opening = Callable[[Settings, float, str], Servers]


def _single(settings: Settings, deadline: float, name: str) -> Servers:
    access = _access(settings, deadline)
    path = settings["unix_socket"]
    if path and (settings["host"] or settings["port"] or access.tls):
        raise ConfigurationError("unix_socket is in place of host, port and tls: leave out one or the other")
    address = Address(path, 0) if path else Address(settings["host"] or "127.0.0.1", settings["port"] or _PORT)
    return Single(Node(address, access, most=settings["pool_size"], name=name))


def _moment(access: Access) -> float:
    return min(_MOMENT, access.timeout / 2)


def _cluster(settings: Settings, deadline: float, name: str) -> Servers:
    access = _access(settings, deadline)
    if settings["hosts"] and settings["startup_nodes"]:
        raise ConfigurationError("hosts and startup_nodes say the same: leave out one of them")
    addresses = _startup_nodes(settings["startup_nodes"]) if settings["startup_nodes"] else _hosts(settings, _PORT)
    return Cluster(
        addresses,
        lambda address: Node(address, access, most=settings["pool_size"], name=name),
        # Who only publishes uses one server, and connects to no other without need.
        warm=name == _DATA,
        reached=_address_map(settings),
        moment=_moment(access),
    )


def _sentinel(settings: Settings, deadline: float, name: str) -> Servers:
    access = _access(settings, deadline)
    if not settings["service"]:
        raise ConfigurationError("the redis-sentinel driver needs the name of a service")
    asking = replace(
        access,
        user=settings["sentinel_user"],
        password=settings["sentinel_password"],
        database=0,
        tls=_tls(settings, "sentinel_"),
        # There are several of them, and a call may have to ask each.
        connect_timeout=access.connect_timeout / 2,
        timeout=access.timeout / 4,
    )
    return Sentinel(
        [Node(address, asking, most=2, name=name, scripts=()) for address in _hosts(settings, _SENTINEL_PORT)],
        settings["service"],
        lambda address: Node(address, access, most=settings["pool_size"], name=name),
        reached=_address_map(settings),
        moment=_moment(access),
    )


def _db(kind: type[RedisDb], opening: Opening) -> Callable[[Settings, float], RedisDb]:
    def open(settings: Settings, deadline: float) -> RedisDb:  # noqa: A001 - that is what it does.
        access = _access(settings, deadline)
        return kind(
            Requests(opening(settings, deadline, _DATA), access.timeout),
            timeout=access.connect_timeout + access.timeout,
            patience=access.timeout,
            keep=_OUTCOMES_FOR * deadline,
            failover=settings["failover"],
            replicas=1 if settings["durability"] == "replicated" else 0,
        )

    return open


def _pubsub(kind: type[RedisPubSub], opening: Opening) -> Callable[[Settings, float], RedisPubSub]:
    def open(settings: Settings, deadline: float) -> RedisPubSub:  # noqa: A001
        access = _access(settings, deadline)
        return kind(
            Requests(opening(settings, deadline, _PUBLISHER), access.timeout),
            timeout=access.connect_timeout + access.timeout,
            patience=access.timeout,
            failover=settings["failover"],
        )

    return open


def _hosts(settings: Settings, port: int) -> list[Address]:
    texts = [text for text in (settings["hosts"] or "").split(",") if text.strip()]
    if not texts:
        raise ConfigurationError("hosts is missing: host:port of some servers, with commas between them")
    try:
        return [_host(text, port) for text in texts]
    except ValueError as error:
        raise ConfigurationError(f"hosts: {error}") from None


def _address_map(settings: Settings) -> dict[Address, Address]:
    found: dict[Address, Address] = {}
    for text in (settings["address_map"] or "").split(","):
        announced, sign, reached = text.partition("=")
        try:
            if text.strip():
                found[_host(announced)] = _host(reached if sign else "")
        except ValueError as error:
            raise ConfigurationError(f"address_map: {error}") from None
    return found


def _startup_nodes(text: str) -> list[Address]:
    """Return what redis-py-cluster takes as a list of dictionaries."""
    try:
        nodes = json.loads(text)
        found = [Address(str(node["host"]), int(node["port"])) for node in nodes if node.keys() == {"host", "port"}]
        if not found or len(found) != len(nodes):
            raise ValueError(text)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ConfigurationError('startup_nodes: the form is [{"host": "10.0.0.1", "port": 6379}, ...]') from None
    return found


def _host(text: str, port: int = _PORT) -> Address:
    host, colon, number = text.strip().rpartition(":")
    if not colon or (text.endswith("]")):
        host, number = text.strip(), str(port)
    if not number.isdecimal() or not 0 < int(number) < 65_536 or not host:
        raise ValueError(f"{text!r} is no host:port")
    return Address(host.removeprefix("[").removesuffix("]"), int(number))


def _login(address: UrlAddress) -> dict[str, str]:
    found = {"user": address.user or "", "password": address.password or ""}
    return {name: text for name, text in found.items() if text}


def _redis_address(address: UrlAddress) -> Mapping[str, str]:
    form = "redis://user:password@host:port/database, redis+tls://host:port, or redis+unix:/path"
    if address.variant == "unix":
        if address.hosts or not address.path:
            raise ValueError(f"the form is {form}")
        return {"unix_socket": address.path, **_login(address)}
    if address.variant not in ("", "tls") or "," in address.hosts or (address.path and not address.path.isdecimal()):
        raise ValueError(f"the form is {form}")
    found = _login(address)
    if address.hosts:
        try:
            host = _host(address.hosts)
        except ValueError:
            raise ValueError(f"the form is {form}") from None
        found.update(host=host.host, port=str(host.port))
    if address.path:
        found["database"] = address.path
    if address.variant:
        found["tls"] = "true"
    return found


def _cluster_address(address: UrlAddress) -> Mapping[str, str]:
    if address.variant not in ("", "tls") or address.path or not address.hosts:
        raise ValueError("the form is redis-cluster://user:password@host:port,host:port, or redis-cluster+tls://...")
    return {"hosts": address.hosts, **_login(address), **({"tls": "true"} if address.variant else {})}


def _sentinel_address(address: UrlAddress) -> Mapping[str, str]:
    service, _, database = address.path.partition("/")
    if address.variant not in ("", "tls") or not service or not address.hosts or (database and not database.isdecimal()):
        raise ValueError("the form is redis-sentinel://user:password@host:port,host:port/service, or .../service/database")
    found = {"hosts": address.hosts, "service": service, **_login(address)}
    if database:
        found["database"] = database
    return {**found, **({"tls": "true"} if address.variant else {})}


def _driver(provides: Any, open: Any, chosen: list[cfg.Opt], address: Callable[[UrlAddress], Mapping[str, str]]) -> Driver[Any]:
    own = {option.dest for option in chosen}
    refused = [name for name in _NOT_IN_URLS if name in own]
    return Driver(provides=provides, open=open, options=chosen, address=address, not_in_urls=refused)


redis_db: Driver[DbApi] = _driver(RedisDb, _db(RedisDb, _single), options.SINGLE, _redis_address)
redis_pubsub: Driver[PubSubApi] = _driver(RedisPubSub, _pubsub(RedisPubSub, _single), options.SINGLE, _redis_address)
cluster_db: Driver[DbApi] = _driver(RedisClusterDb, _db(RedisClusterDb, _cluster), options.CLUSTER, _cluster_address)
cluster_pubsub: Driver[PubSubApi] = _driver(
    RedisClusterPubSub, _pubsub(RedisClusterPubSub, _cluster), options.CLUSTER, _cluster_address
)
sentinel_db: Driver[DbApi] = _driver(RedisDb, _db(RedisDb, _sentinel), options.SENTINEL, _sentinel_address)
sentinel_pubsub: Driver[PubSubApi] = _driver(RedisPubSub, _pubsub(RedisPubSub, _sentinel), options.SENTINEL, _sentinel_address)
