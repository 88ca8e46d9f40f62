"""Which backend, and its options: from a URL, or from the configuration of oslo.config."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from oslo_config import cfg

from dfbackends import given, loader
from dfbackends.api import Driver
from dfbackends.errors import ConfigurationError
from dfbackends.given import Setting
from dfbackends.retry import Patience
from dfbackends.url import Url

GROUP = "dfbackends"
LOG = "log"
"""The name of publish and subscribe over the database itself, by polling."""

_ROLES = {"db": loader.DB, "pubsub": loader.PUBSUB}
"""What a section of a backend may be for, behind a colon; without, for both."""

OPTIONS: list[cfg.Opt] = [
    cfg.StrOpt("db", help="The backend that stores: the name of an entry point of the group dfbackends.db."),
    cfg.StrOpt(
        "pubsub",
        help="The backend that carries messages: the name of an entry point of the group dfbackends.pubsub, or 'log' for "
        "messages kept in the database and polled for. By default the database's own, and 'log' where it has none.",
    ),
    cfg.IntOpt("retries", default=3, min=0, max=100, help="How often a call is repeated while the backend is away."),
    cfg.FloatOpt(
        "deadline", default=10.0, min=0.1, max=3600.0, help="Seconds after which a call has ended, one way or the other."
    ),
    cfg.StrOpt("namespace", default="", help="Keeps the tables and topics of several applications in one store apart."),
    cfg.IntOpt("threads", default=1, min=1, max=256, help="Threads that call the handlers of subscriptions."),
]


class Choice(NamedTuple):
    """A driver, and the values of its options."""

    name: str
    driver: Driver[Any]
    values: Mapping[str, Any]

    def __repr__(self) -> str:
        secret = {option.dest for option in self.driver.options if option.secret}
        values = ", ".join(f"{name}={'***' if name in secret else repr(value)}" for name, value in self.values.items())
        return f"<Choice {self.name!r} {values}>"


class Settings(NamedTuple):
    """All that is configured; ``pubsub`` is None for messages kept in the database."""

    db: Choice
    pubsub: Choice | None
    patience: Patience
    namespace: str
    threads: int

    @property
    def shared(self) -> bool:
        """Whether one backend both stores and carries messages."""
        return self.pubsub is not None and (self.pubsub.name, self.pubsub.values) == (self.db.name, self.db.values)


def from_url(url: Url) -> Settings:
    """Return the settings that a URL stands for; parameters are options of the core and of the backend.

    :raises ConfigurationError: the backend or a parameter is unknown, or a value is not legal
    """
    db = loader.load(loader.DB, url.name)
    options = {option.dest: option for option in OPTIONS if option.dest != "db"}
    core = _typed({dest: text for dest, text in url.options.items() if dest in options}, options, url.name)
    carrier = _carrier(url.name, core["pubsub"])
    drivers = [db] if carrier != url.name else [db, loader.load(loader.PUBSUB, carrier)]
    known = {option.dest for driver in drivers for option in driver.options}
    _refuse_unknown(url.options, known | options.keys(), f"the URL of the backend {url.name!r}")
    refused = sorted({dest for driver in drivers for dest in driver.not_in_urls} & url.options.keys())
    if refused:
        raise ConfigurationError(f"{refused[0]!r} can not be set in a URL: use a configuration file")
    try:
        place = db.address(url.address)
    except ValueError as error:
        raise ConfigurationError(f"the URL of the backend {url.name!r} has another form: {error}") from None
    twice = sorted(place.keys() & url.options.keys())
    if twice:
        raise ConfigurationError(f"the URL gives {twice[0]!r} twice: in its address and as a parameter")
    stated = {**place, **url.options}

    def choose(name: str, driver: Driver[Any]) -> Choice:
        own = {option.dest: option for option in driver.options}
        texts = {dest: text for dest, text in stated.items() if dest in own} if name == url.name else {}
        return Choice(name, driver, _typed(texts, own, name))

    pubsub = choose(carrier, loader.load(loader.PUBSUB, carrier)) if carrier != LOG else None
    return _settings(choose(url.name, db), pubsub, core)


def from_conf(conf: cfg.ConfigOpts) -> Settings:
    """Return the settings in the group ``dfbackends`` and the groups of the backends that it names.

    :raises ConfigurationError: a backend, or an option in a file or the environment, is unknown, or a value is not legal
    """
    conf.register_opts(OPTIONS, group=GROUP)
    _refuse_mistakes([*given.in_files(conf), *given.in_environment(conf, GROUP)])
    core = _values(conf, OPTIONS, GROUP)
    if not core["db"]:
        installed = ", ".join(loader.names(loader.DB))
        raise ConfigurationError(f"no backend is chosen: set db in the section [{GROUP}] to one of {installed}")

    def choose(group: str, name: str) -> Choice:
        driver = loader.load(group, name)
        general = group_of(name)
        special = f"{general}:{group.rpartition('.')[2]}"
        for section in (general, special):
            conf.register_opts(list(driver.options), group=section)
        return Choice(name, driver, _values(conf, driver.options, general) | _given(conf, driver.options, special))

    carrier = _carrier(core["db"], core["pubsub"])
    return _settings(choose(loader.DB, core["db"]), choose(loader.PUBSUB, carrier) if carrier != LOG else None, core)


def group_of(name: str) -> str:
    """Return the group of options of a backend."""
    return f"{GROUP}_{name.replace('-', '_')}"


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options of the core and of every driver that is installed, for oslo-config-generator."""
    found = {GROUP: list(OPTIONS)}
    for group in (loader.DB, loader.PUBSUB):
        for name in loader.names(group):
            try:
                options = list(loader.load(group, name).options)
            except ConfigurationError:
                continue  # Tells nothing of its options; `dfbackends drivers` tells why.
            known = found.setdefault(group_of(name), [])
            known += [option for option in options if option.dest not in _names(known)]
    return list(found.items())


def _carrier(db: str, chosen: str | None) -> str:
    """Return the name of what carries messages, where none is chosen the database's own."""
    return chosen or (db if loader.has(loader.PUBSUB, db) else LOG)


def _settings(db: Choice, pubsub: Choice | None, core: Mapping[str, Any]) -> Settings:
    return Settings(db, pubsub, Patience(core["retries"], core["deadline"]), core["namespace"], core["threads"])


def _names(options: Iterable[cfg.Opt]) -> set[str]:
    return {option.dest for option in options}


def _typed(texts: Mapping[str, str], options: Mapping[str, cfg.Opt], owner: str) -> dict[str, Any]:
    """Return the values of all options: those given as texts, and the defaults of the others."""
    values = {dest: option.default for dest, option in options.items()}
    for dest, text in texts.items():
        try:
            values[dest] = _number(options[dest].type(text))
        except ValueError as error:
            reason = "its value is not legal" if options[dest].secret else str(error)
            raise ConfigurationError(f"parameter {dest!r} of the backend {owner!r}: {reason}") from None
    return values


def _values(conf: cfg.ConfigOpts, options: Iterable[cfg.Opt], group: str) -> dict[str, Any]:
    values = {}
    for option in options:
        try:
            values[option.dest] = _number(conf[group][option.dest])
        except (cfg.ConfigFileValueError, cfg.TemplateSubstitutionError, cfg.NoSuchOptError, ValueError) as error:
            # In these files $name stands for another option, which surprises who has it in a password.
            reason = "its value is not legal ($$ stands for $)" if option.secret else str(error)
            raise ConfigurationError(f"the section [{group}]: option {option.dest!r}: {reason}") from None
    return values


def _number(value: Any) -> Any:
    """Return the value; bounds let pass what is no number."""
    if isinstance(value, float) and math.isnan(value):
        raise ValueError("nan is no number")
    return value


def _given(conf: cfg.ConfigOpts, options: Iterable[cfg.Opt], group: str) -> dict[str, Any]:
    """Return the values that were set in a group, without the defaults."""
    values = _values(conf, options, group)
    defaults = (cfg.Locations.opt_default, cfg.Locations.set_default)
    locations = {dest: conf.get_location(dest, group) for dest in values}
    return {dest: values[dest] for dest, found in locations.items() if found is not None and found.location not in defaults}


def _refuse_mistakes(settings: Iterable[Setting]) -> None:
    drivers = {group_of(name): name for group in (loader.DB, loader.PUBSUB) for name in loader.names(group)}
    known: dict[str, list[cfg.Opt] | None] = {GROUP: OPTIONS}
    for section, option, source in settings:
        group, colon, role = section.partition(":")
        if group != GROUP and not group.startswith(f"{GROUP}_"):
            continue
        if colon and (group == GROUP or role not in _ROLES):
            raise ConfigurationError(f"{source}there is no section [{section}]; a backend has {' and '.join(_ROLES)}")
        if group != GROUP and group not in drivers:
            raise ConfigurationError(
                f"{source}the section [{section}] is of no backend that is installed{loader.closest(group, drivers)}"
            )
        if section not in known:
            known[section] = _options(drivers[group], role)
        options = known[section]
        if options is not None:
            _refuse_unknown([option], _names(options), f"{source}the section [{section}]")


def _options(name: str, role: str) -> list[cfg.Opt] | None:
    """Return the options of a backend in a role, or in all; None for one that is broken, which is told where it is chosen."""
    groups = [group for kind, group in _ROLES.items() if role in ("", kind) and loader.has(group, name)]
    try:
        return [option for group in groups for option in loader.load(group, name).options]
    except ConfigurationError:
        return None


def _refuse_unknown(stated: Iterable[str], known: Iterable[str], where: str) -> None:
    names = sorted(known)
    for name in sorted(stated):
        if name not in names:
            raise ConfigurationError(
                f"{where} has no option {name!r}{loader.closest(name, names)} (it has: {', '.join(names)})"
            )
