"""The contract over a network: what the suite does to it, to its server, and to a driver that another wrote."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contract_tests import BackendContract
from tests.drivers.remote import installed

with installed():

    class TestRemote(BackendContract):
        """A backend that is served by another process, from a file."""

        backend = "remote"

        @pytest.fixture(autouse=True)
        def _installed(self) -> Iterator[None]:
            with installed():
                yield
