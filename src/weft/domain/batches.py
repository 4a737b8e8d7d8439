"""How many items one request may hold, over any wire: each takes memory of its own, however small it is sent."""

from __future__ import annotations

from typing import Final

from weft.domain.errors import TooLarge

MOST_ITEMS: Final = 100_000


def check_items(count: int, what: str) -> None:
    """Raises TooLarge for too many; ``what`` is the word for them."""
    if count > MOST_ITEMS:
        raise TooLarge(f"a request holds up to {MOST_ITEMS} {what}, not {count}; send several", limit=MOST_ITEMS)
