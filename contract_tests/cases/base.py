"""What all cases have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import pytest

from contract_tests.harness import Harness, Store

if TYPE_CHECKING:
    from contract_tests.plugin import Running


class Cases:
    """Tests over one backend; what a class of them says about its backend is its harness."""

    harness: ClassVar[Harness]

    @pytest.fixture
    def store(self, contract_running: Running) -> Iterator[Store]:
        """A namespace of its own for each case."""
        contract_running.start(self.harness)
        with Store(self.harness) as store:
            yield store
