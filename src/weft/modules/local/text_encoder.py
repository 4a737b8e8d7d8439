"""TextEncoder: the interface of models of texts, whichever library runs them."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from weft.modules.local.scheduler import Encoder

Offsets: TypeAlias = npt.NDArray[np.int64]
"""``(T, 2)``: where each token of a text begins and ends, in characters."""

SPARE_TOKENS = 2
"""Left free in a chunk, because a text that is cut may have other tokens at its ends."""


class TextEncoder(Encoder[Any], Protocol):
    def offsets(self, text: str) -> Offsets:
        """Of all tokens of ``text``, also of those that the model would not read, without markers."""
        ...

    def most_content_tokens(self, prompt: str | None) -> int:
        """The most tokens of a document that are read besides markers and ``prompt``; None: the model's own."""
        ...
