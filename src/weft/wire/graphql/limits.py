"""Limits of the size of a query, checked before it is parsed.

The text is measured in one pass of a pattern without backtracking, so the cost is linear. ``MOST_BRACKETS`` bounds the
parser's recursion; long vectors and media belong in variables, which are JSON and not counted here.

The parser looks at the deadline between tokens, and reads most of them character by character, so that each has a limit
of its own. ``PLAIN_STRING`` is what media are written as: it is matched whole.
"""

from __future__ import annotations

import re
from typing import Final

from weft.domain.errors import TooLarge

MOST_CHARACTERS: Final = 16_000_000
MOST_TOKENS: Final = 200_000
MOST_TOKEN_CHARACTERS: Final = 1_000_000
"""Of a token that is not a plain string: up to half a second of CPU."""
MOST_BRACKETS: Final = 80
"""Brackets of any kind that are open at once: about six frames of the parser each."""

PLAIN_STRING: Final = re.compile(r'"(?!"")([^"\\\r\n\ud800-\udfff]*+)"')
"""A string without escapes, quotes and surrogates, and its value."""

_TOKEN: Final = re.compile(
    r'"""(?:[^"\\]++|\\(?:""")?|"(?!""))*+(?:""")?'  # a block string, even without an end
    r'|"(?:[^"\\\n]++|\\[^\n]?)*+"?'
    r"|#[^\n\r]*+"
    r"|[^\s,\"#\[\]{}():!$=|&@]++"
    r"|[\[\]{}():!$=|&@]"
)


def check_text(text: str) -> None:
    """Raises TooLarge for a query that is too long, has too many or too long tokens, or nests too deep."""
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
        if match.end() - match.start() > MOST_TOKEN_CHARACTERS and not PLAIN_STRING.match(text, match.start()):
            raise TooLarge(
                f"the query has a string with escapes, a block string, a name or a comment of more than "
                f"{MOST_TOKEN_CHARACTERS} characters; send large values as variables"
            )
        if count > MOST_TOKENS:
            raise TooLarge(f"the query has more than {MOST_TOKENS} tokens; send large values as variables")
