"""Chunking: a long text as pieces that a model reads whole, cut where its own tokens, sentences or headings end.

Every token of a text is in a chunk, so nothing is left out. Chunks are slices of the text: their positions count
characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from weft.domain.errors import Invalid
from weft.modules.base import ModuleConfig
from weft.modules.local.text_encoder import Offsets
from weft.modules.text_vectorizer import text_setting, whole_number_setting

Span: TypeAlias = tuple[int, int]

MOST_CHUNKS = 1_000
"""Of one text: each becomes a vector."""

_WAYS = ("sentence", "heading", "tokens")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？｡])[」』）]*|\n\s*")
_HEADING = re.compile(r"^#{1,6}\s", re.MULTILINE)
"""Of Markdown."""


@dataclass(frozen=True, slots=True)
class Chunking:
    """``tokens``: the most in a chunk, None: as many as the model reads; ``overlap``: those that a chunk may repeat of
    the one before; ``by``: where it may end."""

    tokens: int | None = None
    overlap: int = 0
    by: str = "sentence"

    @classmethod
    def of(cls, settings: ModuleConfig) -> Chunking:
        """From ``chunkTokens``, ``chunkOverlap`` and ``chunkBy``. Raises Invalid."""
        by = text_setting(settings, "chunkBy", "sentence")
        if by not in _WAYS:
            raise Invalid(f"chunkBy must be one of {', '.join(_WAYS)}, not {by!r}")
        tokens = whole_number_setting(settings, "chunkTokens")
        overlap = whole_number_setting(settings, "chunkOverlap") if settings.get("chunkOverlap") else 0
        if tokens is not None and 2 * (overlap or 0) > tokens:
            raise Invalid(f"chunkOverlap must be at most half of chunkTokens, {tokens // 2}, not {overlap}")
        return cls(tokens, overlap or 0, by)

    def __str__(self) -> str:
        return f"chunks of {self.tokens or 'all'} tokens by {self.by}, overlap {self.overlap}"

    def spans(self, text: str, offsets: Offsets, most_tokens: int) -> list[Span]:
        """The chunks of ``text``, in order; ``most_tokens``: those that the model reads. One at least.

        Raises Invalid for ``tokens`` beyond ``most_tokens``, and for a text of more than ``MOST_CHUNKS``.
        """
        size = most_tokens if self.tokens is None else self.tokens
        if size > most_tokens:
            raise Invalid(f"chunkTokens must be at most {most_tokens}, which the model reads, not {size}")
        if len(offsets) <= size and self.by != "heading":
            return [(0, len(text))]
        found: list[Span] = []
        for section in self._sections(text):
            found += self._packed(text, offsets, section, size, min(self.overlap, size // 2))
            if len(found) > MOST_CHUNKS:
                raise Invalid(
                    f"the text has more than {MOST_CHUNKS} chunks of {size} tokens; divide it into several objects, or "
                    "raise chunkTokens"
                )
        return found or [(0, len(text))]

    def _sections(self, text: str) -> Iterator[Span]:
        """From heading to heading, or the whole text."""
        begins = [one.start() for one in _HEADING.finditer(text)] if self.by == "heading" else []
        return ((a, b) for a, b in pairwise(sorted({0, *begins, len(text)})) if text[a:b].strip())

    def _packed(self, text: str, offsets: Offsets, section: Span, size: int, overlap: int) -> list[Span]:
        """Units of at most ``size`` tokens, as many in a chunk as have room."""
        units = list(self._units(text, offsets, section, size))
        found: list[Span] = []
        first = 0
        while first < len(units):
            last, count = first, units[first][1]
            while last + 1 < len(units) and count + units[last + 1][1] <= size:
                last += 1
                count += units[last][1]
            found.append((units[first][0][0], units[last][0][1]))
            if last + 1 == len(units):
                break
            left = min(overlap, size - units[last + 1][1])
            following = last + 1
            while following - 1 > first and units[following - 1][1] <= left:
                following -= 1
                left -= units[following][1]
            first = following
        return found

    def _units(self, text: str, offsets: Offsets, section: Span, size: int) -> Iterator[tuple[Span, int]]:
        """What is not divided, and how many tokens it has: sentences, and of longer ones and by tokens, runs of tokens.

        Runs are as long as chunks less their overlap, so that chunks can repeat one.
        """
        ends = () if self.by == "tokens" else (one.end() for one in _SENTENCE_END.finditer(text, *section))
        for begin, end in pairwise(sorted({section[0], *ends, section[1]})):
            first, last = np.searchsorted(offsets[:, 0], (begin, end))
            if last - first <= size and self.by != "tokens":
                if last > first:
                    yield (begin, end), int(last - first)
                continue
            step = max(1, min(self.overlap, size // 2)) if self.overlap else size
            bounds = [*range(int(first), int(last), step), int(last)]
            for a, b in pairwise(bounds):
                stop = end if b == last else int(offsets[b, 0])
                yield (begin if a == first else int(offsets[a, 0]), stop), b - a


def texts_of(text: str, spans: Sequence[Span]) -> list[str]:
    return [text[begin:end].strip() for begin, end in spans]
