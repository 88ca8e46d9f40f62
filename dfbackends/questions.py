"""What a backend was asked for, and has not answered."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from dfbackends.api import Head
from dfbackends.errors import Error

T = TypeVar("T", bound=Hashable)


class Question:
    """One topic asked for by one member; who settles it first, the reader or the deadline, decides."""

    def __init__(self, member: Hashable, effect: Callable[[Head, float], None]) -> None:
        self.member: Hashable = member
        self.effect: Callable[[Head, float], None] = effect
        self.joins: bool = False
        """Whether the member wants the topic because of this question only."""
        self.settled: bool = False
        self.error: Error | None = None
        self.answered: threading.Event = threading.Event()


class Questions(Generic[T]):
    """The questions about each topic, in the order in which they are answered. Not for several threads."""

    def __init__(self) -> None:
        self._open: dict[T, deque[Question]] = {}

    def add(self, topic: T, question: Question) -> None:
        """Add a question that is asked now."""
        self._open.setdefault(topic, deque()).append(question)

    def next(self, topic: T) -> Question | None:
        """Remove and return the one that an answer is for, None where nobody asked."""
        if topic not in self._open:
            return None
        question = self._open[topic][0]
        self.remove(topic, question)
        return question

    def remove(self, topic: T, question: Question) -> None:
        """Remove one that was not asked after all."""
        self._open[topic].remove(question)
        if not self._open[topic]:
            del self._open[topic]

    def clear(self) -> list[tuple[T, Question]]:
        """Remove and return all."""
        found = [(topic, question) for topic, questions in self._open.items() for question in questions]
        self._open.clear()
        return found

    def __bool__(self) -> bool:
        return bool(self._open)
