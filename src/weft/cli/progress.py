"""Progress of a long command: a bar on a terminal, a line a minute elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from weft.cli.table import bytes_text
from weft.domain.counts import counted

_EVERY_S = 60.0


class LongProgress:
    """``total_bytes``: of everything that will be read, 0 if it is unknown. ``noun`` names what is counted."""

    def __init__(
        self,
        name: str,
        noun: str,
        total_bytes: int,
        *,
        done_bytes: int = 0,
        out: TextIO | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        from tqdm import tqdm

        self._name, self._noun, self._total = name, noun, total_bytes
        self._out = out or sys.stderr
        self._now = now
        self._done = self._before = done_bytes
        self._count = 0
        self._begun = self._said = now()
        bar = tqdm(
            total=total_bytes or None,
            initial=done_bytes,
            unit="B",
            unit_scale=True,
            desc=name,
            file=self._out,
            leave=False,
            disable=None,
        )
        self._bar = None if bar.disable else bar

    def update(self, size_bytes: int, count: int) -> None:
        """So many more bytes are read, and so many more things done."""
        self._done += size_bytes
        self._count += count
        if self._bar is not None:
            self._bar.set_postfix_str(counted(self._count, self._noun), refresh=False)
            self._bar.update(size_bytes)
        elif (now := self._now()) - self._said >= _EVERY_S:
            self._said = now
            print(self._line(now - self._begun), file=self._out, flush=True)

    def _line(self, took_s: float) -> str:
        text = f"{self._name}: {counted(self._count, self._noun)}, {self._count / took_s:,.1f} a second"
        if not self._total:
            return text
        text += f", {100 * self._done / self._total:.0f}% of {bytes_text(self._total)}"
        per_s = (self._done - self._before) / took_s
        if not per_s:
            return text
        left_s = max(self._total - self._done, 0) / per_s
        return f"{text}, about {counted(round(left_s / 60), 'minute')} left"

    def __enter__(self) -> LongProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
