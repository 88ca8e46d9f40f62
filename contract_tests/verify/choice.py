"""Which backend is verified, and how its store is had."""

from __future__ import annotations

import shlex
from typing import NamedTuple

from contract_tests.capability import Capability
from contract_tests.served import registered, shipped
from contract_tests.servers.server import Server
from dfbackends import loader
from dfbackends.errors import ConfigurationError
from dfbackends.url import parse


class Choice(NamedTuple):
    """The name of an entry point; with ``url`` where it runs already; else ``start`` lets its harness start ``nodes``.

    None is as many as the harness thinks best.
    """

    name: str
    url: str | None = None
    start: bool = False
    nodes: int | None = None

    def server(self) -> Server:
        """Return how the store is had.

        :raises ConfigurationError: the name or the URL is unknown, or there is no way to have a store; the text says which
            ways there are
        """
        loader.load(loader.DB, self.name)
        own = registered(self.name, self.nodes) if self.name in shipped() else None
        if self.url is not None:
            return _elsewhere(self.name, self.url, own)
        if own is None:
            raise ConfigurationError(
                f"{self.name!r} ships no harness that could start a server: say where one runs, --url {self.name}://HOST:PORT"
            )
        if not own.in_process and not self.start:
            raise ConfigurationError(
                f"{self.name!r} needs a server: say where one runs, --url {own.example}, or let its harness start one, --start"
            )
        return own

    def command(self) -> str:
        """Return the command that chooses the same, without a password."""
        words = ["dfbackends verify", self.name]
        if self.url is not None:
            words.append(f"--url {shlex.quote(without_password(self.url))}")
        if self.start:
            words.append("--start")
        if self.nodes is not None:
            words.append(f"--nodes {self.nodes}")
        return " ".join(words)


def without_password(url: str) -> str:
    """Return a URL with its password left out."""
    password = parse(url).address.password
    before, at, after = url.rpartition("@")
    if password is None or not at:
        return url
    return f"{before[: before.rindex(':')]}:***@{after}"


def _elsewhere(name: str, url: str, own: Server | None) -> Server:
    """Return a store at a URL. What it can do beyond its driver is known where there is a harness."""
    given = parse(url).name
    if given != name:
        raise ConfigurationError(f"the URL is one of {given!r}, not of {name!r}")
    known = own.capabilities if own is not None else frozenset()
    return Server(
        url.replace("{", "{{").replace("}", "}}"),
        in_process=own is not None and own.in_process,
        durable=Capability.DURABLE in known,
        resumes=Capability.RESUMING in known,
        shared=Capability.SHARED in known or own is None,
    )
