"""What is installed as it should not be, or declared as it is not."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Any

from oslo_config import cfg

from contract_tests.capability import Capability
from contract_tests.mutants.installed import OPTIONS, Installed
from contract_tests.mutants.registry import Base, mutant
from dfbackends.api import Address, Feed, Message, Position
from dfbackends.drivers.sqlite import File, SqliteDb, SqlitePubSub, Trim
from dfbackends.loader import DB


@mutant(kills="test_an_unknown_backend", base=Base.FILE)
class MisspelledNamesAreTaken(Installed):
    """A backend is installed under a misspelled name as well."""

    @classmethod
    def names(cls) -> list[str]:
        [own] = super().names()
        return [own, f"{own}x"]


@mutant(kills="test_an_unknown_parameter_of_a_url", base=Base.FILE)
class MisspelledParametersAreTaken(Installed):
    """A parameter that is misspelled is an option of the backend."""

    options = (*OPTIONS, cfg.StrOpt("deadlin"))


@mutant(kills="test_an_unknown_option_in_a_file", base=Base.FILE)
class NonsenseIsTaken(Installed):
    """An option that means nothing is taken."""

    options = (*OPTIONS, cfg.StrOpt("nonsense"))


@mutant(kills="test_the_file_and_the_url_say_the_same", base=Base.FILE)
class UrlsMeanOtherFiles(Installed):
    """A URL with a path means another file than a configuration with it."""

    @staticmethod
    def address(address: Address) -> Mapping[str, str]:
        return {"path": f"{address.path}.url"}


@mutant(kills="test_declared_capabilities_are_those_of_the_driver", base=Base.FILE)
class ChangesAreNotDeclared(Installed):
    """The store tells of changes, which is not declared."""

    denied = frozenset({Capability.WATCHING})


@mutant(kills="test_another_process_has_another_store", base=Base.FILE)
class SharingIsNotDeclared(Installed):
    """Several processes can open the store, which is not declared."""

    denied = frozenset({Capability.SHARED})


@mutant(kills="test_what_was_written_ends_with_its_process", base=Base.FILE)
class LastingIsNotDeclared(Installed):
    """What was written outlives its process, which is not declared."""

    denied = frozenset({Capability.SHARED, Capability.DURABLE})


@mutant(kills="test_a_broken_backend", base=Base.FILE)
class OthersAreLoaded(SqliteDb):
    """Whoever opens it has to be able to load all others that are installed."""

    def __init__(self, file: File, trim: Trim | None = None) -> None:
        for point in metadata.entry_points(group=DB):
            point.load()
        super().__init__(file, trim)


@mutant(kills="test_lines_resume_or_not", base=Base.FILE)
class PositionsAreHidden(SqlitePubSub):
    """Lines go on from positions, and have none."""

    def listen(self, after: Position | None = None) -> Feed[str, Message]:
        feed: Any = super().listen(after)
        feed.__class__ = type("Hidden", (type(feed),), {"position": None})
        return feed  # type: ignore[no-any-return]
