"""Recall: what was decoded from the same bytes before, for the parts of requests that repeat.

Callers ask for the same properties, targets and filters again and again. What is recalled is immutable and depends on
nothing but the message. Long parts are not kept, and what is refused is decoded each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeAlias, TypeVar

from google.protobuf.message import Message

Part: TypeAlias = Message | None
M = TypeVar("M", bound=Message)
T = TypeVar("T")

_MOST: Final = 512
_MOST_BYTES: Final = 1_024


class Recall(Generic[T]):
    def __init__(self) -> None:
        self._known: dict[tuple[bytes | None, ...], T] = {}

    def of(self, message: M, parts: tuple[Part, ...], decode: Callable[[M], T]) -> T:
        """``decode(message)``, which reads nothing but ``parts`` of it; None for one that is not there."""
        key = tuple([None if part is None else part.SerializeToString() for part in parts])
        found = self._known.get(key)
        if found is None:
            found = decode(message)
            if sum(len(part or b"") for part in key) <= _MOST_BYTES:
                if len(self._known) >= _MOST:
                    self._known.clear()
                self._known[key] = found
        return found
