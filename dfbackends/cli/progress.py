"""A sign of life on a terminal for what takes longer than a second."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_PATIENCE = 1.0


class Progress:
    """Shows how far something is, on standard error, if that is a terminal."""

    def __init__(self, doing: str, total: int | None = None, *, quiet: bool = False) -> None:
        """Without a total only the count is shown."""
        self._doing = doing
        self._total = total
        self._shown = sys.stderr.isatty() and not quiet
        self._done = 0
        # Guards _bar and _ended.
        self._lock = threading.Lock()
        self._bar: Bar | None = None
        self._ended = False
        self._timer = threading.Timer(_PATIENCE, self._show)
        self._timer.daemon = True

    def advance_to(self, done: int) -> None:
        """Say how much is done."""
        self._done = done
        bar = self._bar
        if bar is not None:
            bar.update(bar.task_ids[0], completed=done)

    def __enter__(self) -> Progress:
        if self._shown:
            self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._timer.cancel()
        with self._lock:
            self._ended = True
            if self._bar is not None:
                self._bar.stop()

    def _show(self) -> None:
        # rich takes longer to import than most commands run.
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        count = TextColumn("{task.completed:,}") if self._total is None else TextColumn("{task.percentage:.0f} %")
        with self._lock:
            if self._ended:
                return
            bar = Bar(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                count,
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=False,
            )
            bar.add_task(self._doing, total=self._total, completed=self._done)
            bar.start()
            self._bar = bar
