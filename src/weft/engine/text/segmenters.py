"""Words of languages that are written without spaces, by libraries that are installed as the extra ``cjk``.

    kagome_ja   Japanese, by lindera with IPADIC; compounds are split into their parts
    kagome_kr   Korean, by lindera with ko-dic
    gse         Japanese, lower-cased: every word of ``kagome_ja``, and the compounds that they form
    gse_ch      Chinese, lower-cased: the words of jieba's dictionary, and the shorter ones inside them

The names are Weaviate's; so are the words of ``kagome_ja``, and of ``kagome_kr`` in Korean text. Those of ``gse`` and
``gse_ch`` come from other dictionaries, but a Latin word stays one. ``kagome_*`` keeps the case; punctuation is a word.
Dictionaries are loaded when first used (0.1 s each). Raises OperatorError where the library is not installed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from weft.domain.errors import OperatorError
from weft.domain.schema import Tokenization

if TYPE_CHECKING:
    Split = Callable[..., list[Any]]

_ENDS: Final = {"ipadic": "\n"}
"""What is put behind each text: lindera does not split a Japanese compound that ends it, such as a whole title or
query. In Korean such compounds are split, and a line break would only change the last word."""
_lone = re.compile("[\ud800-\udfff]").sub

LIBRARIES: Final = {
    Tokenization.GSE: "lindera",
    Tokenization.GSE_CH: "rjieba",
    Tokenization.KAGOME_JA: "lindera",
    Tokenization.KAGOME_KR: "lindera",
}
"""The module that each of these tokenisations needs."""


def missing(tokenization: Tokenization | None) -> str | None:
    """What to do before this tokenisation can be used; None if it can."""
    library = None if tokenization is None else LIBRARIES.get(tokenization)
    if library is None or find_spec(library) is not None:
        return None
    return (
        f"tokenization '{tokenization}' needs the library {library!r}, which is not installed; "
        "run pip install 'weft[cjk]' and restart the server"
    )


def kagome_ja(text: str) -> list[str]:
    return _surfaces("ipadic", text)


def kagome_kr(text: str) -> list[str]:
    return _surfaces("ko-dic", text)


def gse(text: str) -> list[str]:
    text = _valid(text).lower()
    parts = iter(_lindera("ipadic", "decompose")(text))
    found: list[str] = []
    for compound in _lindera("ipadic", "normal")(text):
        inside = []
        for part in parts:
            inside.append(part.surface)
            if part.byte_end >= compound.byte_end:
                break
        if compound.surface.isspace():
            continue
        found.append(compound.surface)
        if len(inside) > 1:
            found += inside
    return found


def gse_ch(text: str) -> list[str]:
    return [word for word in _jieba()(_valid(text).lower(), False) if not word.isspace()]


def _valid(text: str) -> str:
    """With U+FFFD for lone surrogates, which the libraries refuse."""
    return _lone(chr(0xFFFD), text)


def _surfaces(dictionary: str, text: str) -> list[str]:
    return [token.surface for token in _lindera(dictionary, "decompose")(_valid(text)) if not token.surface.isspace()]


@lru_cache(maxsize=4)
def _lindera(dictionary: str, mode: str) -> Split:
    _require(Tokenization.KAGOME_JA)
    from lindera import TokenizerBuilder

    builder = TokenizerBuilder()
    builder.set_dictionary(f"embedded://{dictionary}")
    builder.set_mode(mode)
    tokenizer, end = builder.build(), _ENDS.get(dictionary, "")
    return lambda text: tokenizer.tokenize(text + end)


@lru_cache(maxsize=1)
def _jieba() -> Split:
    _require(Tokenization.GSE_CH)
    from rjieba import cut_for_search

    split: Split = cut_for_search
    return split


def _require(tokenization: Tokenization) -> None:
    advice = missing(tokenization)
    if advice is not None:
        raise OperatorError(advice)
