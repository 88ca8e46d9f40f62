"""A backend that is opened by its URL."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dfbackends
from contract_tests.capability import Capability
from contract_tests.fault import Fault
from contract_tests.harness import Harness


class UrlHarness(Harness):
    """An installed backend. ``{folder}`` in the URL becomes an empty folder of its own.

    ``settings`` are lines of a configuration file, with the same ``{folder}``, that choose the same store. ``faults`` are those
    that a subclass can inject.
    """

    def __init__(
        self,
        name: str,
        url: str,
        capabilities: Iterable[Capability] = (),
        faults: Iterable[Fault] = (),
        *,
        settings: str = "",
    ) -> None:
        super().__init__(name, capabilities, faults)
        self._url = url
        self._settings = settings
        self._folder = Path()

    def start(self, folder: Path) -> None:
        self._folder = folder

    def open(self, namespace: str, **settings: Any) -> dfbackends.Backend:
        return dfbackends.open(self.url(namespace, **settings))

    @property
    def in_processes(self) -> bool:
        return True

    def url(self, namespace: str, **settings: Any) -> str:
        parameters = "&".join(f"{name}={value}" for name, value in {"namespace": namespace, **settings}.items())
        url = self._url.format(folder=self._folder)
        return f"{url}{'&' if '?' in url else '?'}{parameters}"

    def settings(self, namespace: str) -> str | None:
        if not self._settings:
            return None
        return f"[dfbackends]\nnamespace = {namespace}\n{self._settings.format(folder=self._folder)}"
