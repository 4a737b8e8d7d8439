"""How far it is, for people: a bar on a terminal, a line a minute elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Final, Self

from weft.domain.counts import counted

_EVERY_S: Final = 60.0


class Meter:
    """Counts objects. ``total``: as it was counted before, which may have changed since."""

    def __init__(self, what: str, total: int, done: int = 0) -> None:
        from tqdm import tqdm

        self._what, self._total, self._done = what, total, done
        self._said = time.monotonic()
        self._bar: Any = tqdm(
            total=max(total, done), initial=done, unit=" objects", desc=what, file=sys.stderr, leave=False, disable=None
        )

    def advance(self, objects: int) -> None:
        self._done += objects
        self._bar.update(objects)
        if self._bar.disable and time.monotonic() - self._said >= _EVERY_S:
            self._said = time.monotonic()
            print(f"{self._what}: {counted(self._done, 'object')} of about {self._total:,}", file=sys.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
