"""One question for all who ask at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """``ask`` returns what a call of ``question`` returned that began after ``ask`` was called. However many threads
    ask, one call runs at a time, and none waits for more than two."""

    def __init__(self, question: Callable[[], T]) -> None:
        self._question = question
        self._changed = threading.Condition()
        self._begun = 0
        self._ended = 0
        self._answer: T | None = None
        self._error: Exception | None = None

    def ask(self) -> T:
        """Raises what the question raised."""
        with self._changed:
            wanted = self._begun + 1
            while self._begun > self._ended and self._ended < wanted:
                self._changed.wait()
            if self._ended >= wanted:
                return self._found()
            self._begun = wanted
        answer: T | None = None
        failure: Exception | None = None
        try:
            answer = self._question()
        except Exception as error:
            failure = error
        with self._changed:
            self._ended, self._answer, self._error = wanted, answer, failure
            self._changed.notify_all()
            return self._found()

    def _found(self) -> T:
        if self._error is not None:
            raise self._error
        assert self._answer is not None, "a question is answered, or fails"
        return self._answer
