"""The first moment of the year 1, Go's zero time, as which the protocol spells a time that there is not."""

from __future__ import annotations

from typing import Final

NO_TIME: Final = "0001-01-01T00:00:00.000Z"
NO_TIME_MS: Final = -62_135_596_800_000
"""Since 1970."""
