"""Tokenising, folding and stop words."""

from __future__ import annotations

import random
import unicodedata

import pytest

from weft.domain.errors import Invalid
from weft.domain.schema import DataType, InvertedConfig, Property, StopwordConfig, TextAnalyzer, Tokenization
from weft.engine.text.folding import folder
from weft.engine.text.stopwords import Stopwords
from weft.engine.text.tokenize import BYTE_TABLES, tokenize, tokenize_pattern

TEXT = "  Hello_World, it's 2nd-rate\tnaïve ΟΔΟΣ x² 東京\n"


@pytest.mark.parametrize(
    ("tokenization", "tokens"),
    [
        (Tokenization.WORD, ["hello", "world", "it", "s", "2nd", "rate", "naïve", "οδοσ", "x²", "東京"]),
        (Tokenization.LOWERCASE, ["hello_world,", "it's", "2nd-rate", "naïve", "οδοσ", "x²", "東京"]),
        (Tokenization.WHITESPACE, ["Hello_World,", "it's", "2nd-rate", "naïve", "ΟΔΟΣ", "x²", "東京"]),
        (Tokenization.FIELD, [TEXT.strip()]),
        (None, ["hello", "world", "it", "s", "2nd", "rate", "naïve", "οδοσ", "x²", "東京"]),
    ],
)
def test_each_tokenisation(tokenization: Tokenization | None, tokens: list[str]) -> None:
    assert tokenize(TEXT, tokenization) == tokens


def test_trigrams() -> None:
    assert tokenize("A b-Çd!", Tokenization.TRIGRAM) == ["abç", "bçd"]
    assert tokenize("ab", Tokenization.TRIGRAM) == []
    assert tokenize("", Tokenization.TRIGRAM) == []


def test_empty_texts() -> None:
    assert tokenize(" \n", Tokenization.WORD) == []
    assert tokenize(" \n", Tokenization.FIELD) == [""]


def test_control_characters_are_not_white_space() -> None:
    assert tokenize("a\x1cb c", Tokenization.WHITESPACE) == ["a\x1cb", "c"]
    assert tokenize("\x1fa\x85", Tokenization.FIELD) == ["\x1fa"]


def test_lower_case_is_by_character() -> None:
    assert tokenize("İΣ", Tokenization.WORD) == ["iσ"]


@pytest.mark.parametrize("tokenization", [Tokenization.WORD, Tokenization.FIELD, Tokenization.TRIGRAM])
def test_decomposed_texts_have_the_tokens_of_composed_ones(tokenization: Tokenization) -> None:
    text = "Résumé Ångström が 각"
    decomposed = unicodedata.normalize("NFD", text)
    assert decomposed != text
    assert tokenize(decomposed, tokenization) == tokenize(text, tokenization)
    assert tokenize_pattern(decomposed, tokenization) == tokenize_pattern(text, tokenization)


def test_patterns_keep_wildcards() -> None:
    assert tokenize_pattern("Car* ?at,dog", Tokenization.WORD) == ["car*", "?at", "dog"]
    assert tokenize_pattern("C?r *", Tokenization.TRIGRAM) == ["c?r", "?r*"]
    assert tokenize_pattern("Car* x", Tokenization.FIELD) == ["Car* x"]
    assert tokenize_pattern("Car* X", Tokenization.LOWERCASE) == ["car*", "x"]


@pytest.mark.parametrize("tokenization", BYTE_TABLES)
def test_byte_tables_separate_as_the_tokenizer_does(tokenization: Tokenization) -> None:
    rng = random.Random(7)
    for _ in range(300):
        text = "".join(chr(rng.randrange(128)) for _ in range(rng.randrange(30)))
        parts = text.encode().translate(BYTE_TABLES[tokenization]).split(b"\xff")
        assert [part.decode() for part in parts if part] == tokenize(text, tokenization), repr(text)


def test_folding() -> None:
    plain = folder(())
    assert plain.fold("Crème brûlée, Łódź, Ærø, Straße, ﬁn, ǿ") == "Creme brulee, Lodz, AEro, Strasse, fin, o"
    assert plain.fold(unicodedata.normalize("NFD", "é")) == "e"
    assert plain.fold("Москва 東京") == "Москва 東京"


def test_folding_leaves_ignored_characters_in_both_cases() -> None:
    keeping = folder(("é", "ø"))
    assert keeping.fold("Éé Øø Èè Łł") == "Éé Øø Ee Ll"
    assert keeping.fold(unicodedata.normalize("NFD", "é")) == "é"
    analyzer = TextAnalyzer(ascii_fold=True, ascii_fold_ignore=("é",))
    assert tokenize("Café À", Tokenization.WORD, analyzer) == ["café", "a"]


def prop(preset: str | None = None, tokenization: Tokenization | None = Tokenization.WORD) -> Property:
    return Property("p", DataType.TEXT, tokenization=tokenization, text_analyzer=TextAnalyzer(stopword_preset=preset))


def test_stop_words() -> None:
    config = InvertedConfig(
        stopwords=StopwordConfig("en", additions=("foo",), removals=("the",)),
        stopword_presets={"de": ("der", "die"), "none": ("own",)},
    )
    stopwords = Stopwords(config)
    default = stopwords.of(prop())
    assert "foo" in default and "a" in default and "the" not in default
    assert stopwords.of(prop("de")) == {"der", "die"}
    assert stopwords.of(prop("none")) == {"own"}
    assert "the" in stopwords.of(prop("en"))
    assert stopwords.of(prop("de", Tokenization.LOWERCASE)) == frozenset()
    with pytest.raises(Invalid, match="fr"):
        stopwords.of(prop("fr"))
