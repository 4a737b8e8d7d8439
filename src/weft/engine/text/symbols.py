"""Patterns of nothing but symbols (``*@*``, ``#*``, ``*😂*``) on tokenisations that drop symbols.

No token has a symbol there, so such a pattern is matched against the stored text as on ``lowercase``: each of its
pieces between white space must fit a run of the text that has no white space.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence

from weft.domain.deadline import check
from weft.domain.schema import TextAnalyzer, Tokenization
from weft.engine.text.tokenize import fold, lowercase, words

_DROP_SYMBOLS = (None, Tokenization.WORD, Tokenization.TRIGRAM)
_WILD = re.compile(r"[*?]+")
_LITERAL = re.compile(r"[^?]+")
_LONG_PATTERN, _LONG_TEXT = 1_000, 1_000


def has_only_symbols(pattern: str, tokenization: Tokenization | None, analyzer: TextAnalyzer) -> bool:
    """Whether the pattern has symbols, and nothing else that the tokenisation keeps but wildcards."""
    if tokenization not in _DROP_SYMBOLS or words(fold(pattern, analyzer)):
        return False
    return any(_WILD.sub("", piece) for piece in lowercase(pattern))


def fits(pattern: str) -> Callable[[Iterable[str]], bool]:
    """A test for the texts of a property: ``?`` is one character of a run, ``*`` any number."""
    pieces = [like(piece) for piece in dict.fromkeys(lowercase(pattern))]

    def test(texts: Iterable[str]) -> bool:
        runs = {run for text in texts for run in lowercase(text)}
        return all(any(map(piece, runs)) for piece in pieces)

    return test


def like(pattern: str) -> Callable[[str], bool]:
    """A test for whole strings: ``?`` one character, ``*`` any number of them.

    An expression is faster for short strings; of long ones it could take the product of both lengths, while no other
    thread runs.
    """
    if len(pattern) > _LONG_PATTERN:
        runs = pattern.split("*")
        return lambda text: fits_runs(runs, text)
    compiled = re.compile(fnmatch.translate(pattern.replace("[", "[[]")))

    def test(text: str) -> bool:
        if len(text) > _LONG_TEXT:
            return fits_runs(pattern.split("*"), text)
        return compiled.match(text) is not None

    return test


def fits_runs(runs: Sequence[str], text: str) -> bool:
    """Whether the whole text has these runs in their order with anything between them; ``?`` is one character. Looks at
    the deadline at each step, and takes time linear in the text where there is no ``?``."""
    first, last = runs[0], runs[-1]
    if len(runs) == 1:
        return len(text) == len(first) and _is_at(_literals(first), text, 0)
    at, end = len(first), len(text) - len(last)
    if end < at or not _is_at(_literals(first), text, 0) or not _is_at(_literals(last), text, end):
        return False
    for run in runs[1:-1]:
        at = _find(run, text, at, end)
        if at < 0:
            return False
        at += len(run)
    return True


def _literals(run: str) -> list[tuple[int, str]]:
    """The parts of a run between question marks, with where they begin."""
    return [(match.start(), match[0]) for match in _LITERAL.finditer(run)]


def _is_at(literals: Sequence[tuple[int, str]], text: str, at: int) -> bool:
    return all(text.startswith(literal, at + offset) for offset, literal in literals)


def _find(run: str, text: str, at: int, end: int) -> int:
    """The first place of ``run`` in ``text[at:end]``; -1: there is none."""
    literals = _literals(run)
    if not literals:
        return at if at + len(run) <= end else -1
    offset, longest = max(literals, key=lambda one: len(one[1]))
    behind = len(run) - offset - len(longest)
    while True:
        check()
        found = text.find(longest, at + offset, end - behind)
        if found < 0:
            return -1
        at = found - offset
        if _is_at(literals, text, at):
            return at
        at += 1


def needle(pattern: str) -> bytes:
    """UTF-8 that every text which fits the pattern contains, in whatever case it is written; empty if there is none."""
    literals = [part for piece in lowercase(pattern) for part in _WILD.split(piece)]
    found = max(literals, key=len, default="")
    return found.encode() if found == found.upper() else b""
