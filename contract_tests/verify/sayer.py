"""A plugin of pytest that says how far it is, to the process that has started it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pytest

ENVIRONMENT = "DFBACKENDS_VERIFY_OUTPUT"
"""Has the number of the file that it is said to."""


class _Sayer:
    def __init__(self, output: int) -> None:
        self._output = output
        self._total = 0
        self._done = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._total = self._total or len(session.items)
        self._say()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        self._total = len(ids)

    def pytest_runtest_logfinish(self) -> None:
        self._done += 1
        self._say()

    def _say(self) -> None:
        try:
            os.write(self._output, f"[{self._done}, {self._total}]\n".encode())
        except BrokenPipeError:
            # Who started us is gone, without a word.
            pytest.exit("nobody waits for the outcome any more")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to say it, in the main process of the run."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Sayer(int(os.environ[ENVIRONMENT])), "dfbackends-verify-sayer")
