"""Conditions on text as ``Bounds``: the cases of ``filter.texts``, over the tokens that rows have as keywords."""

from __future__ import annotations

import re

from weft.domain.deadline import checked
from weft.domain.filters import Condition, Operator
from weft.domain.schema import Property
from weft.engine.embedded.index.filter import operands
from weft.engine.remote.bounds import Bounds, all_bounds, any_bounds, complement, exactly, unknown
from weft.engine.remote.keys import LONG, LONGEST_KEYWORD, TextKeys, is_plain, keyword
from weft.engine.remote.row_test import NOTHING, AnyOf, HasText, Present, RowTest, all_of, negated, one_of
from weft.engine.text import symbols
from weft.engine.text.stopwords import OnlyStopwords

_WILD = re.compile(r"[?*]+")


def bounds(condition: Condition, prop: Property, text: TextKeys, *, substrings: bool) -> Bounds:
    """``substrings``: see ``RemoteAbilities``. Raises OnlyStopwords."""
    operator = condition.operator
    if operator in operands.CONTAINS:
        return _contains(operator, [str(one) for one in operands.several(condition)], text)
    value = str(operands.single(condition))
    if operator is Operator.LIKE:
        if symbols.has_only_symbols(value, prop.tokenization, prop.text_analyzer):
            return unknown(f"{operator} of {prop.name!r}")
        words = dict.fromkeys(text.field.patterns(value))
        if not words:
            raise OnlyStopwords
        return all_bounds(_like(word, text, prop.name, substrings) for word in checked(words))
    if operator is Operator.EQUAL:
        return _equal(value, text)
    tokens = _tokens(value, text)
    if operator is Operator.NOT_EQUAL:
        return all_bounds(complement(_token(token, text)) for token in tokens)
    return unknown(f"{operator} of {prop.name!r}", Present(text.tokens))


def _contains(operator: Operator, values: list[str], text: TextKeys) -> Bounds:
    if operator is Operator.CONTAINS_NONE:
        return complement(any_bounds([_equal(value, text) for value in checked(values)]))
    if not values:
        return exactly(NOTHING)
    if operator is Operator.CONTAINS_ALL:
        return all_bounds([_equal(value, text) for value in checked(values)])
    found = []
    for value in checked(values):
        try:
            found.append(_equal(value, text))
        except OnlyStopwords as error:
            refusal = error
    if not found:
        raise refusal
    return any_bounds(found)


def _equal(value: str, text: TextKeys) -> Bounds:
    return all_bounds(_token(token, text) for token in _tokens(value, text))


def _token(token: str, text: TextKeys) -> Bounds:
    return exactly(AnyOf(text.tokens, (keyword(token),)))


def _tokens(value: str, text: TextKeys) -> list[str]:
    tokens = [token for token in dict.fromkeys(text.field.tokens(value)) if token not in text.field.stopwords]
    if not tokens:
        raise OnlyStopwords
    return tokens


def _like(word: str, text: TextKeys, name: str, substrings: bool) -> Bounds:
    """One word of a pattern: its longest run without wildcards is in some token, or a token is too long to be read."""
    if not _WILD.search(word):
        return _token(word, text)
    why = f"{Operator.LIKE} of {name!r}"
    run = max(_WILD.split(word), key=len)
    if not substrings or not run or not is_plain(run) or len(run.encode()) > LONGEST_KEYWORD or run.startswith(LONG):
        return unknown(why, Present(text.tokens))
    has, long = HasText(text.tokens, run), AnyOf(text.tokens, (LONG,))
    most: RowTest = one_of((has, long))
    if word != f"*{run}*":
        return unknown(why, most)
    return Bounds(all_of((has, negated(long))), most, why)
