"""Patterns in permissions: a name, ``*`` for any text, or a regular expression over the whole name.

A ``*`` always means any text, so ``Movies*`` matches what begins with ``Movies``; ``{…}`` is any text without a slash.
Names are compared in linear time, and only up to a length that no name has; see ``expressions``. Look-around,
back-references, repeated groups and more than three repetitions are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from weft.access.expressions import Expression, NotAnExpression
from weft.domain.errors import Invalid
from weft.domain.wildcards import wildcard

ANY = "*"
LONGEST = 256
LONGEST_NAME = 300
"""The longest names that patterns match, apart from those that match everything. Nothing has a longer one; what a
request calls by one is absent."""
MOST_REPETITIONS = 3

_REGULAR = re.compile(r"[.+?^$()|{}\[\]\\]")
_ANYTHING = ("*", ".*")
_BRACES = re.compile(r"\{[^/]+\}")
_SLOW = re.compile(r"\)\+|\(\?|\\[0-9A-Z]")

Match = Callable[[str], object]
"""Truthy for the names that the pattern matches."""


def check_pattern(field: str, pattern: str) -> None:
    """Raises Invalid when ``pattern`` cannot be the filter ``field`` of a permission."""
    if len(pattern) > LONGEST:
        raise Invalid(f"{field} exceeds the maximum length of {LONGEST} characters")
    expanded = _expanded(pattern)
    if _SLOW.search(pattern) or len(re.findall(r"[+?*]", expanded)) > MOST_REPETITIONS:
        raise Invalid(
            f"{field} '{pattern}' could take too long to match: use no repeated groups, no look-ahead or look-behind "
            f"and at most {MOST_REPETITIONS} wildcards, or split it into several permissions"
        )
    try:
        Expression(expanded)
    except NotAnExpression as error:
        raise Invalid(f"{field} '{pattern}' is not a valid pattern: {error}") from None


@lru_cache(maxsize=4096)
def matcher(pattern: str) -> Match:
    """A matcher for ``pattern``, which was checked. The name ``*`` stands for all names: only ``*`` surely matches."""
    if pattern in _ANYTHING:
        return _anything
    matches: Match
    if _REGULAR.search(pattern):
        matches = Expression(_expanded(pattern)).matches
    elif ANY in pattern:
        matches = wildcard(pattern)
    else:
        return pattern.__eq__
    return lambda name: name != ANY and len(name) <= LONGEST_NAME and "\n" not in name and matches(name)


def covers(pattern: str, other: str) -> bool:
    """Whether ``pattern`` matches every name that the pattern ``other`` matches; False if that is hard to decide.

    Between patterns without regular expressions, the wildcards of ``other`` are treated as a character that only the
    wildcards of ``pattern`` match.
    """
    if pattern == other or pattern in _ANYTHING:
        return True
    if other in _ANYTHING or (_REGULAR.search(other) or ("*" in other and _REGULAR.search(pattern))):
        return False
    return bool(matcher(pattern)(other))


def _anything(name: str) -> bool:
    return True


def _expanded(pattern: str) -> str:
    return _BRACES.sub("[^/]+", pattern.replace("*", ".*"))
