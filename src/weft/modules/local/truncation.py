"""Truncation: how many texts a model has read only in part; it is counted and logged, so that it is never silent."""

from __future__ import annotations

import logging
import threading
from typing import Protocol, runtime_checkable

from weft.domain import metering

_log = logging.getLogger(__name__)


@runtime_checkable
class CountsTruncation(Protocol):
    """An encoder that says of how many texts it has not read the end."""

    truncation: Truncation


class Truncation:
    """Safe on any thread. Logged at the first text, the tenth, the hundredth and so on."""

    def __init__(self, model: str, most_tokens: int) -> None:
        self.texts = 0
        self._model, self._most_tokens = model, most_tokens
        self._logged_at = 1
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        if not count:
            return
        metering.count(truncated=count)
        with self._lock:
            self.texts += count
            if self.texts < self._logged_at:
                return
            while self._logged_at <= self.texts:
                self._logged_at *= 10
            texts = self.texts
        _log.warning(
            "%d texts were longer than the %d tokens that the model %s reads, and their ends have no part in their "
            "vectors; text2multivec-transformers embeds long texts whole, in chunks",
            texts,
            self._most_tokens,
            self._model,
        )
