"""What a case did with its handles: the last calls, without values."""

from __future__ import annotations

import inspect
import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sized
from functools import cache
from types import TracebackType
from typing import Any, cast

import dfbackends

_KEPT = 40
_LONGEST = 40
_NAMES = frozenset({"table", "key", "keys", "topic", "topics", "revision", "partition", "buckets", "items"})
"""Arguments that are shown; of those that are not texts or numbers only how many there are."""


class Call:
    """One call: what was called, and what became of it."""

    __slots__ = ("outcome", "thread", "what")

    def __init__(self, what: str) -> None:
        self.what = what
        self.thread = threading.current_thread().name
        self.outcome = "has not returned"

    def __str__(self) -> str:
        place = "" if self.thread == "MainThread" else f" [{self.thread}]"
        return f"{self.what}{place}: {self.outcome}"


class Trace:
    """Keeps the last calls of a case. Any thread."""

    def __init__(self) -> None:
        self._calls: deque[tuple[int, Call]] = deque(maxlen=_KEPT)
        self._numbers = itertools.count(1)
        self._handles = itertools.count(1)

    def handle(self, backend: dfbackends.Backend) -> dfbackends.Backend:
        """Return a handle that does what this one does, and keeps what it was asked."""
        return cast(dfbackends.Backend, _Handle(backend, self, f"handle {next(self._handles)}"))

    def begin(self, what: str) -> Call:
        """Keep a call that begins."""
        call = Call(what)
        self._calls.append((next(self._numbers), call))
        return call

    def lines(self) -> Iterator[str]:
        """Yield a line for each of the last calls, in the order in which they began."""
        for number, call in list(self._calls):
            yield f"{number:4}  {call}"


class _Traced:
    """Stands for an object, and keeps the calls of its methods."""

    def __init__(self, inner: Any, trace: Trace, name: str) -> None:
        self._inner = inner
        self._trace = trace
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._inner, attribute)
        if attribute.startswith("_") or not inspect.ismethod(found):
            return found
        return self._kept(attribute, found)

    def _kept(self, verb: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*positional: Any, **named: Any) -> Any:
            kept = self._trace.begin(f"{self._name}: {verb}({_shown(method, positional, named)})")
            try:
                answer = method(*positional, **named)
            except BaseException as error:
                kept.outcome = type(error).__name__
                raise
            kept.outcome = "done"
            return answer

        return call


class _Handle(_Traced):
    """Stands for an open backend."""

    def __init__(self, backend: dfbackends.Backend, trace: Trace, name: str) -> None:
        super().__init__(backend, trace, name)
        self.db = _Traced(backend.db, trace, f"{name}.db")
        self.pubsub = _Traced(backend.pubsub, trace, f"{name}.pubsub")

    def __enter__(self) -> _Handle:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> Any:
        # The end of its own block is what a case may be about.
        kept = self._trace.begin(f"{self._name}: close()")
        answer = self._inner.__exit__(kind, error, trace)
        kept.outcome = "done"
        return answer


@cache
def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)[1:]


def _shown(method: Any, positional: tuple[Any, ...], named: dict[str, Any]) -> str:
    given = {**dict(zip(_parameters(method.__func__), positional, strict=False)), **named}
    return ", ".join(f"{name}={_short(value)}" for name, value in given.items() if name in _NAMES)


def _short(value: Any) -> str:
    if value is None or isinstance(value, int):
        return repr(value)
    if isinstance(value, str):
        return repr(value) if len(value) <= _LONGEST else f"{value[:_LONGEST]!r}... of {len(value)}"
    return f"<{len(value)}>" if isinstance(value, Sized) else "<...>"
