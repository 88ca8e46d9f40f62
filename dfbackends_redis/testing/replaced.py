"""Servers whose data becomes that of others, as when an old copy is loaded, while their lines stay."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dfbackends
from contract_tests.fault import Fault
from contract_tests.replaceable import Replaceable
from dfbackends_redis.testing.group import Group
from dfbackends_redis.testing.program import version

_DUMP = "dump.rdb"
# Redis 7 wants to be asked for it, 6 does not know the setting.
_RELOADS = "--enable-debug-command"


class ReplacedServers(Replaceable):
    """Two groups of servers: one in use, and the one whose data is put in its place."""

    def __init__(self, make: Callable[[Path], Group], folder: Path) -> None:
        self._make = make
        self._folder = folder
        self._ended = ExitStack()
        self._group = self._started("own")
        self._other: Group | None = None

    def open(self, **settings: Any) -> dfbackends.Backend:
        return _opened(self._group, settings)

    def keep(self) -> None:
        self._copy(self._group, Fault.OLDER)

    def other(self) -> dfbackends.Backend:
        if self._other is None:
            self._other = self._started("other")
        return _opened(self._other, {})

    def replace(self, how: Fault) -> None:
        if how is Fault.WIPED:
            for server in self._group.masters:
                server.ask("FLUSHALL")
            return
        if how is Fault.OTHER:
            assert self._other is not None
            self._copy(self._other, how)
        for number, server in enumerate(self._group.masters):
            shutil.copy(self._place(how, number), server.folder / _DUMP)
            server.ask("DEBUG", "RELOAD", "NOSAVE")

    def close(self) -> None:
        self._ended.close()

    def _started(self, name: str) -> Group:
        group = self._make(self._folder / name)
        self._ended.callback(group.kill)
        group.start()
        return group

    def _copy(self, group: Group, how: Fault) -> None:
        for number, server in enumerate(group.masters):
            server.ask("SAVE")
            shutil.copy(server.folder / _DUMP, self._place(how, number))

    def _place(self, how: Fault, number: int) -> Path:
        return self._folder / f"{how.value}-{number}.rdb"


def replaced(kind: Callable[..., Group], **shape: int) -> Callable[[Path], Replaceable]:
    """Return what makes stores of servers of a kind."""

    def made(folder: Path) -> Replaceable:
        settings = (_RELOADS, "local") if version() >= (7,) else ()
        return ReplacedServers(lambda own: kind(own, *settings, **shape), folder)

    return made


def _opened(group: Group, settings: dict[str, Any]) -> dfbackends.Backend:
    url = group.url([node.port for node in group.nodes])
    options = "&".join(f"{name}={value}" for name, value in settings.items())
    return dfbackends.open(f"{url}?{options}" if options else url)
