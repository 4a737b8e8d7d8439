"""Patterns of nothing but symbols (``*@*``, ``#*``, ``*😂*``) on tokenisations that drop symbols.

No token has a symbol there, so such a pattern is matched against the stored text as on ``lowercase``: each of its
pieces between white space must fit a run of the text that has no white space.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable

from weft.domain.schema import TextAnalyzer, Tokenization
from weft.engine.text.tokenize import fold, lowercase, words

_DROP_SYMBOLS = (None, Tokenization.WORD, Tokenization.TRIGRAM)
_WILD = re.compile(r"[*?]+")


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
    """A test for whole strings: ``?`` one character, ``*`` any number of them."""
    compiled = re.compile(fnmatch.translate(pattern.replace("[", "[[]")))
    return lambda text: compiled.match(text) is not None


def needle(pattern: str) -> bytes:
    """UTF-8 that every text which fits the pattern contains, in whatever case it is written; empty if there is none."""
    literals = [part for piece in lowercase(pattern) for part in _WILD.split(piece)]
    found = max(literals, key=len, default="")
    return found.encode() if found == found.upper() else b""
