"""TokenNumbers: the different tokens of one text property, numbered in the order in which they first came.

Number 0 is no token: its row marks where an item begins, so that an item without any token has a row, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

ITEM = 0


class TokenNumbers:
    """Only the writer of the index adds words; any number of readers may look them up meanwhile."""

    def __init__(self, tokens: Iterable[str] = ()) -> None:
        self._tokens: list[str] = ["", *tokens]
        self._numbers = {token: number for number, token in enumerate(self._tokens) if number != ITEM}

    def __len__(self) -> int:
        return len(self._tokens)

    def number(self, token: str) -> int:
        """The number of ``token``, a new one if it has none yet. For the writer."""
        found = self._numbers.get(token)
        if found is None:
            found = len(self._tokens)
            self._tokens.append(token)
            self._numbers[token] = found
        return found

    def find(self, token: str) -> int | None:
        return self._numbers.get(token)

    def which(self, test: Callable[[str], bool]) -> npt.NDArray[np.uint32]:
        """The numbers of the tokens that pass ``test``, ascending."""
        tokens = self._tokens
        return np.array([number for number in range(1, len(tokens)) if test(tokens[number])], np.uint32)

    def chosen(self, numbers: Sequence[int]) -> TokenNumbers:
        """Those of ``numbers`` (ascending, without 0), with new numbers."""
        return TokenNumbers(self._tokens[number] for number in numbers)

    def packed(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint8]]:
        """``(n,)`` where each token ends and the UTF-8 of all of them."""
        raw = [token.encode("utf-8", "surrogatepass") for token in self._tokens[1:]]
        ends = np.cumsum(np.fromiter(map(len, raw), np.uint64, len(raw)), dtype=np.uint64)
        return ends, np.frombuffer(b"".join(raw), np.uint8)

    @classmethod
    def unpacked(cls, ends: npt.NDArray[np.uint64], text: npt.NDArray[np.uint8]) -> TokenNumbers:
        """From what ``packed`` gave."""
        raw, at, tokens = text.tobytes(), 0, []
        for end in ends.tolist():
            tokens.append(raw[at:end].decode("utf-8", "surrogatepass"))
            at = end
        return cls(tokens)
