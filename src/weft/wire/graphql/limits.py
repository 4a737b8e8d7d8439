"""How large a question may be, checked before anything is built from it.

The text is measured by one pass of a pattern that cannot go back, so its cost is linear in the text whatever it holds.
The parser's recursion is bounded by ``MOST_BRACKETS``; long vectors and media belong into variables, which are JSON and
not counted here.
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
    r'"""(?:[^"\\]++|\\(?:""")?|"(?!""))*+(?:""")?'  # a block string, be it without an end
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
                raise TooLarge(f"the query opens more than {MOST_BRACKETS} brackets in each other; flatten it")
        elif first in "}])":
            depth -= 1
        if count > MOST_TOKENS:
            raise TooLarge(f"the query has more than {MOST_TOKENS} words and signs; send large values as variables")
