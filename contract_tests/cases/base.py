"""What all cases have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar, TypeVar

import pytest

from contract_tests.harness import Harness, Store
from contract_tests.notes import NOTES

if TYPE_CHECKING:
    from contract_tests.running import Running

E = TypeVar("E", bound=Exception)


def each_raises(kind: type[E], *calls: Callable[[], object]) -> list[E]:
    """Return the errors of calls, each of which raises one of this kind."""
    errors = []
    for call in calls:
        with pytest.raises(kind) as caught:
            call()
        errors.append(caught.value)
    return errors


class Cases:
    """Tests over one backend; what a class of them says about its backend is its harness."""

    harness: ClassVar[Harness]

    @pytest.fixture
    def store(self, request: pytest.FixtureRequest, contract_running: Running) -> Iterator[Store]:
        """A namespace of its own for each case."""
        contract_running.start(self.harness)
        mark = request.node.get_closest_marker("clause")
        with Store(self.harness, injecting=bool(mark.args[0].injects), notes=request.node.stash[NOTES]) as store:
            yield store
