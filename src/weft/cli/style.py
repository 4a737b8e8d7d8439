"""Colours and bold text, where a terminal has them.

``NO_COLOR`` (https://no-color.org), if it is not empty, turns them off, and so does ``TERM=dumb``. ``FORCE_COLOR``
turns them on where the output is no terminal.
"""

from __future__ import annotations

import os
import sys
from typing import IO

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def has_colours(stream: IO[str] | None) -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or stream is None:
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


class Style:
    """Text for ``stream``, standard output unless one is given: as it is, where that has no colours."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._on = has_colours(sys.stdout if stream is None else stream)

    def bold(self, text: str) -> str:
        return self._in("bold", text)

    def dim(self, text: str) -> str:
        return self._in("dim", text)

    def red(self, text: str) -> str:
        return self._in("red", text)

    def green(self, text: str) -> str:
        return self._in("green", text)

    def yellow(self, text: str) -> str:
        return self._in("yellow", text)

    def cyan(self, text: str) -> str:
        return self._in("cyan", text)

    def _in(self, name: str, text: str) -> str:
        return f"\x1b[{_CODES[name]}m{text}\x1b[0m" if self._on and text else text
