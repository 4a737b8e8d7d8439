"""Room: the memory that media may take while the objects that name them are stored."""

from __future__ import annotations

from typing import Final

from weft.domain.errors import Overloaded, TooLarge
from weft.domain.shares import Shares

MOST_BYTES: Final = 100 << 20
"""Of one medium, as of one in base64."""


class Room:
    """What one request takes of the ``shares``, until ``leave``. Safe for threads."""

    def __init__(self, shares: Shares, holder: str) -> None:
        self._shares = shares
        self._holder = holder
        self._taken: list[int] = []

    def take(self, size_bytes: int, reference: str, before_bytes: int = 0) -> None:
        """``size_bytes`` more of a medium, of which ``before_bytes`` are there.

        Raises TooLarge for a medium that is never read, Overloaded where there is no room now.
        """
        if before_bytes + size_bytes > MOST_BYTES:
            message = f"{reference[:200]} has more than {MOST_BYTES:,} bytes; name a smaller medium"
            raise TooLarge(message, limit=MOST_BYTES)
        if not self._shares.take(self._holder, size_bytes):
            raise Overloaded(
                f"{reference[:200]} was not read: media of objects that are being stored take too much memory; send "
                "fewer objects at a time, or send it again later"
            )
        self._taken.append(size_bytes)

    def leave(self) -> None:
        self._shares.give_back(self._holder, sum(self._taken))
        self._taken.clear()
