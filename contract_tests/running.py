"""The harnesses that a run has started."""

from __future__ import annotations

import pytest

from contract_tests.harness import Harness


class Running:
    """The harnesses that have been started; each is stopped at the end of the run."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._started: dict[int, Harness] = {}
        self._failed: dict[int, str] = {}

    def start(self, harness: Harness) -> None:
        """Start a harness, once; where that failed, or was interrupted, say so again and at once."""
        if id(harness) in self._started:
            return
        if id(harness) in self._failed:
            pytest.fail(f"the harness did not start before: {self._failed[id(harness)]}", pytrace=False)
        try:
            harness.start(self._folders.mktemp(harness.name))
        except BaseException as error:
            self._failed[id(harness)] = f"{type(error).__name__}: {error}"
            raise
        self._started[id(harness)] = harness

    def stop(self) -> None:
        """Stop all."""
        for harness in self._started.values():
            harness.stop()
