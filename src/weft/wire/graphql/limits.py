"""Limits of the size of a query, checked before it is parsed.

The text is measured in one pass of a pattern without backtracking, so the cost is linear. ``MOST_BRACKETS`` bounds the
parser's recursion; long vectors and media belong in variables, which are JSON and not counted here.
"""

from __future__ import annotations

import re
from typing import Final

from weft.domain.errors import TooLarge

MOST_CHARACTERS: Final = 16_000_000
MOST_TOKENS: Final = 200_000
MOST_BRACKETS: Final = 80
"""Brackets of any kind that are open at once: about six frames of the parser each."""

_TOKEN: Final = re.compile(
    r'"""(?:[^"\\]++|\\(?:""")?|"(?!""))*+(?:""")?'  # a block string, even without an end
    r'|"(?:[^"\\\n]++|\\[^\n]?)*+"?'
    r"|#[^\n\r]*+"
    r"|[^\s,\"#\[\]{}():!$=|&@]++"
    r"|[\[\]{}():!$=|&@]"
)


def check_text(text: str) -> None:
    """Raises TooLarge for a query that is too long, has too many tokens or nests too deep."""
    if len(text) > MOST_CHARACTERS:
        raise TooLarge(f"the query has more than {MOST_CHARACTERS} characters; send large values as variables")
    depth = 0
    for count, match in enumerate(_TOKEN.finditer(text), 1):
        first = text[match.start()]
        if first in "{[(":
            depth += 1
            if depth > MOST_BRACKETS:
                raise TooLarge(f"the query nests more than {MOST_BRACKETS} brackets; flatten it")
        elif first in "}])":
            depth -= 1
        if count > MOST_TOKENS:
            raise TooLarge(f"the query has more than {MOST_TOKENS} tokens; send large values as variables")
