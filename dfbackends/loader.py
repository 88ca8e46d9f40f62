"""Backends by name: the entry points of what is installed."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from importlib import metadata
from typing import Any, NamedTuple

from stevedore import driver as stevedore_driver
from stevedore.exception import NoMatches

from dfbackends.api import CONTRACT, DbApi, Driver, Limits, PubSubApi, Transactional, Watching
from dfbackends.errors import ConfigurationError

DB = "dfbackends.db"
PUBSUB = "dfbackends.pubsub"

_KINDS: dict[str, type[DbApi | PubSubApi]] = {DB: DbApi, PUBSUB: PubSubApi}
_CONTRACTS = range(max(CONTRACT - 1, 1), CONTRACT + 1)

# What is known to be published, for the one who has not installed it yet.
_PACKAGES = {
    "redis": "dfbackends-redis",
    "redis-cluster": "dfbackends-redis",
    "redis-sentinel": "dfbackends-redis",
    "etcd": "dfbackends-etcd",
}


class Installed(NamedTuple):
    """A driver that is installed: what it can do, or why it can not be used.

    ``contract`` is None where it could not be asked, ``limits`` where its class does not tell.
    """

    name: str
    kind: str
    distribution: str
    version: str
    contract: int | None
    capabilities: tuple[str, ...]
    limits: Limits | None
    error: str | None


class _Fresh(stevedore_driver.DriverManager):  # type: ignore[type-arg]  # It takes a type from 5.6 on only.
    """Reads the entry points from the installed distributions each time.

    The cache of stevedore tells folders apart by times that it rounds to 128 s, and so misses what was just installed.
    """

    def list_entry_points(self) -> list[metadata.EntryPoint]:
        return _entry_points(self.namespace)


def load(group: str, name: str) -> Driver[Any]:
    """Return the driver that is installed under the name.

    :raises ConfigurationError: none is, several are, it can not be imported, or it is for another version of the contract;
        the text says what to do
    """
    point, loaded = _imported(group, name)
    return _checked(loaded, group, point)


def has(group: str, name: str) -> bool:
    """Tell whether a driver is installed under the name, without loading it."""
    return any(point.name == name for point in _entry_points(group))


def names(group: str) -> list[str]:
    """Return the names of the drivers that are installed, sorted."""
    return sorted({point.name for point in _entry_points(group)})


def installed() -> list[Installed]:
    """Return all drivers that are installed, also the broken ones. They are imported, and connect to nothing."""
    return [_described(group, name) for group in (DB, PUBSUB) for name in names(group)]


def closest(word: str, words: Iterable[str]) -> str:
    """Return a remark that names the word most like one that is unknown, or nothing."""
    matches = get_close_matches(word, list(words), n=1)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def _imported(group: str, name: str) -> tuple[metadata.EntryPoint, Any]:
    """Return the entry point of the name, and what it names, whatever that is."""
    found = [point for point in _entry_points(group) if point.name == name]
    if not found:
        raise ConfigurationError(_unknown(group, name))
    if len(found) > 1:
        owners = " and ".join(sorted(_owner(point) for point in found))
        raise ConfigurationError(f"the backend {name!r} is installed by {owners}: remove one of them")
    failures: list[BaseException] = []
    try:
        return found[0], _Fresh(group, name, on_load_failure_callback=lambda *failure: failures.append(failure[-1])).driver
    except (NoMatches, AssertionError, SystemExit) as error:  # stevedore lets the last two pass.
        cause = failures[0] if failures else error
        reason = f"{type(cause).__name__}: {cause}"
        raise ConfigurationError(f"the backend {name!r} of {_owner(found[0])} is broken: {reason}") from cause


def _entry_points(group: str) -> list[metadata.EntryPoint]:
    """Return the entry points of a group; a distribution that is found twice (an editable one, say) counts once."""
    return list({(point.name, point.value, _owner(point)): point for point in metadata.entry_points(group=group)}.values())


def _owner(point: metadata.EntryPoint) -> str:
    distribution = point.dist
    return f"{distribution.name} {distribution.version}" if distribution is not None else "an unknown distribution"


def _unknown(group: str, name: str) -> str:
    known = names(group)
    kind = "backend" if group == DB else "backend for publish and subscribe"
    remark = closest(name, [*known, *_PACKAGES])
    package = _PACKAGES.get(name)
    if package is not None:
        remark = f"; it comes with the package {package}"
    return f"no {kind} is installed under the name {name!r}{remark} (installed: {', '.join(known) or 'none'})"


def _checked(loaded: Any, group: str, point: metadata.EntryPoint) -> Driver[Any]:
    who = f"the backend {point.name!r} of {_owner(point)}"
    if not isinstance(loaded, Driver) or not issubclass(loaded.provides, _KINDS[group]):
        raise ConfigurationError(f"{who} is broken: {point.value} is no dfbackends.api.Driver for the group {group}")
    if loaded.contract not in _CONTRACTS:
        raise ConfigurationError(
            f"{who} was written for version {loaded.contract} of the contract; this dfbackends takes "
            f"{' and '.join(map(str, _CONTRACTS))}: install a version of the two that fit"
        )
    return loaded


def _described(group: str, name: str) -> Installed:
    kind = group.rpartition(".")[2]
    points = [point for point in _entry_points(group) if point.name == name]
    distribution = " and ".join(sorted({point.dist.name for point in points if point.dist is not None}))
    version = " and ".join(sorted({point.dist.version for point in points if point.dist is not None}))
    contract = None
    try:
        point, loaded = _imported(group, name)
        contract = loaded.contract if isinstance(loaded, Driver) else None
        provides = _checked(loaded, group, point).provides
    except ConfigurationError as error:
        return Installed(name, kind, distribution, version, contract, (), None, str(error))
    capabilities = tuple(ability.__name__ for ability in (Transactional, Watching) if issubclass(provides, ability))
    limits = provides.limits if isinstance(provides.limits, Limits) else None
    return Installed(name, kind, distribution, version, contract, capabilities, limits, None)
