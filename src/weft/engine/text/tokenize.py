"""Text to tokens, for every tokenisation that a property can have.

    word        runs of Unicode letters and numbers, lower-cased
    lowercase   runs of what is not white space, lower-cased
    whitespace  runs of what is not white space
    field       the whole text without the white space around it, also when nothing is left
    trigram     letters and numbers only, joined and lower-cased, every three neighbours; fewer than three give nothing
    gse, gse_ch, kagome_ja, kagome_kr    words of languages that are written without spaces, see ``segmenters``

Texts are composed first (NFC), so that é is one letter whether it came as one character or as two.
Lower-casing is by character, without the two rules of Unicode that look at neighbours or make two characters of one
(final sigma, dotted capital I). Stop words stay: they are dropped from queries only, see ``stopwords``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from unicodedata import normalize

from weft.domain.schema import TextAnalyzer, Tokenization
from weft.engine.text import segmenters
from weft.engine.text.folding import folder

SEPARATOR = 0xFF
"""A byte that UTF-8 never contains, between tokens in the byte form of a text."""

_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
_PLAIN = TextAnalyzer()
_words = re.compile(r"[^\W_]+").findall
_wild_words = re.compile(r"(?:[^\W_]|[?*])+").findall
_runs = re.compile(f"[^{_SPACE}]+").findall
_controls = re.compile("[\x1c-\x1f]").search
"""``str.split`` takes these four for white space; the protocol does not."""
_special_case = str.maketrans("Σİ", "σi")

_ASCII_WORDS = "".join(chr(c).lower() if chr(c).isalnum() else " " for c in range(128))


def tokenize(text: str, tokenization: Tokenization | None, analyzer: TextAnalyzer = _PLAIN) -> list[str]:
    """The tokens of ``text`` in order, repeated ones too. None stands for ``word``."""
    return TOKENIZERS[tokenization or Tokenization.WORD](fold(text, analyzer))


def tokenize_pattern(text: str, tokenization: Tokenization | None, analyzer: TextAnalyzer = _PLAIN) -> list[str]:
    """As ``tokenize``, with the wildcards ``?`` and ``*`` kept as part of their words."""
    text = fold(text, analyzer)
    if tokenization in (None, Tokenization.WORD):
        return _wild_words(lower(text))
    if tokenization is Tokenization.TRIGRAM:
        return _windows("".join(_wild_words(lower(text))))
    assert tokenization is not None
    return TOKENIZERS[tokenization](text)


def fold(text: str, analyzer: TextAnalyzer) -> str:
    if text.isascii():
        return text
    return folder(analyzer.ascii_fold_ignore).fold(text) if analyzer.ascii_fold else normalize("NFC", text)


def lower(text: str) -> str:
    return text.lower() if text.isascii() else text.translate(_special_case).lower()


def words(text: str) -> list[str]:
    if text.isascii():
        return text.translate(_ASCII_WORDS).split()
    return _words(lower(text))


def whitespace(text: str) -> list[str]:
    return text.split() if _controls(text) is None else _runs(text)


def lowercase(text: str) -> list[str]:
    return whitespace(lower(text))


def whole(text: str) -> list[str]:
    return [text.strip(_SPACE)]


def trigrams(text: str) -> list[str]:
    return _windows("".join(words(text)))


def _windows(text: str) -> list[str]:
    return [text[i : i + 3] for i in range(len(text) - 2)]


TOKENIZERS: dict[Tokenization, Callable[[str], list[str]]] = {
    Tokenization.WORD: words,
    Tokenization.LOWERCASE: lowercase,
    Tokenization.WHITESPACE: whitespace,
    Tokenization.FIELD: whole,
    Tokenization.TRIGRAM: trigrams,
    Tokenization.GSE: segmenters.gse,
    Tokenization.GSE_CH: segmenters.gse_ch,
    Tokenization.KAGOME_JA: segmenters.kagome_ja,
    Tokenization.KAGOME_KR: segmenters.kagome_kr,
}


def _byte_table(tokenization: Tokenization) -> bytes:
    table = bytearray(range(256))
    for code in range(128):
        character = chr(code)
        separates = not character.isalnum() if tokenization is Tokenization.WORD else character in _SPACE
        if separates:
            table[code] = SEPARATOR
        elif tokenization is not Tokenization.WHITESPACE:
            table[code] = ord(character.lower())
    return bytes(table)


BYTE_TABLES = {t: _byte_table(t) for t in (Tokenization.WORD, Tokenization.LOWERCASE, Tokenization.WHITESPACE)}
"""For ASCII text: ``bytes.translate`` with it leaves tokens with one or more ``SEPARATOR`` between them."""
