"""Filters on text, answered by the inverted index token by token.

Equal: every token of the value that is not a stop word is in the object. NotEqual: none of them is. Comparisons: every
token of the value compares so with some token of the object, by bytes. Like: ``?`` is one character, ``*`` any number,
against each token of the object; a pattern of symbols that have no token is matched against the stored texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from pyroaring import BitMap

from weft.domain.deadline import checked
from weft.domain.errors import Invalid
from weft.domain.filters import Condition, Operator
from weft.domain.schema import Property, Tokenization
from weft.engine.embedded.index.filter import operands
from weft.engine.embedded.index.filter.operands import COMPARISONS, CONTAINS
from weft.engine.embedded.index.filter.plan import Complement, Leaf, PlanNode, both, either, nothing
from weft.engine.embedded.index.filter.view import ReadTexts, TextIndex
from weft.engine.text import symbols
from weft.engine.text.stopwords import OnlyStopwords

_TOKEN, _RANGE, _LIKE, _SCAN = 1, 6, 7, 20
_AT_ONCE = 4096
"""How many objects a scan has in memory; how many tokens are planned between two looks at the deadline."""
_FEW = 64
"""How many texts are analyzed between two looks at the deadline."""


@dataclass(frozen=True)
class _Scan:
    """The objects whose stored texts fit a pattern of symbols. Reads every one of ``live``, about 3 µs each."""

    property: str
    pattern: str
    read: ReadTexts
    cost: int = _SCAN

    def find(self, live: BitMap) -> BitMap:
        test, needle = symbols.fits(self.pattern), symbols.needle(self.pattern)
        ids, found = np.asarray(live, np.uint32), BitMap()
        for start in checked(range(0, len(ids), _AT_ONCE)):
            some = ids[start : start + _AT_ONCE]
            values = self.read(some, self.property, needle)
            found.update(doc_id for doc_id, value in zip(some.tolist(), values, strict=True) if test(_texts(value)))
        return found


def plan(condition: Condition, prop: Property, index: TextIndex, read: ReadTexts | None) -> PlanNode:
    """``read`` is needed for patterns of symbols."""
    if condition.operator in CONTAINS:
        values = operands.converted(condition, partial(operands.convert, prop))
        return _contains(condition.operator, prop, values, index)
    value = operands.convert(prop, operands.single(condition))
    if condition.operator is Operator.LIKE:
        if symbols.has_only_symbols(value, prop.tokenization, prop.text_analyzer):
            assert read is not None, "a view reads the objects that its callers filter"
            return _Scan(prop.name, value, read)
        return Leaf(_LIKE, lambda: index.matching(prop.name, value))
    if condition.operator is Operator.EQUAL:
        return _equal(prop, value, index)
    tokens = _tokens(prop, value, index)
    if condition.operator is Operator.NOT_EQUAL:
        return both([Complement(_token(prop, token, index)) for token in checked(tokens, _AT_ONCE)])
    if condition.operator in COMPARISONS:
        return both([_compare(condition.operator, prop, token, index) for token in checked(tokens, _AT_ONCE)])
    raise Invalid(f"operator {condition.operator} cannot be used on property {prop.name!r} of type {prop.data_type}")


def _texts(value: Any) -> Sequence[str]:
    """The texts of a stored value, or of None."""
    return [value] if isinstance(value, str) else value or ()


def _contains(operator: Operator, prop: Property, values: list[str], index: TextIndex) -> PlanNode:
    if operator is Operator.CONTAINS_NONE:
        return Complement(either([_equal(prop, v, index) for v in checked(values, _FEW)]) if values else nothing())
    if not values:
        return nothing()
    if operator is Operator.CONTAINS_ALL:
        return both([_equal(prop, v, index) for v in checked(values, _FEW)])
    found = []
    for value in checked(values, _FEW):
        try:
            found.append(_equal(prop, value, index))
        except OnlyStopwords as error:
            refusal = error
    if not found:
        raise refusal
    return either(found)


def _equal(prop: Property, value: str, index: TextIndex) -> PlanNode:
    return both([_token(prop, token, index) for token in checked(_tokens(prop, value, index), _AT_ONCE)])


def _token(prop: Property, token: str, index: TextIndex) -> PlanNode:
    return Leaf(_TOKEN, lambda: index.documents(prop.name, token))


def _compare(operator: Operator, prop: Property, token: str, index: TextIndex) -> PlanNode:
    inclusive = operator in (Operator.GREATER_THAN_EQUAL, Operator.LESS_THAN_EQUAL)
    if operator in (Operator.GREATER_THAN, Operator.GREATER_THAN_EQUAL):
        return Leaf(_RANGE, lambda: index.range(prop.name, token, None, inclusive, False))
    return Leaf(_RANGE, lambda: index.range(prop.name, None, token, False, inclusive))


def _tokens(prop: Property, value: str, index: TextIndex) -> list[str]:
    tokens = list(dict.fromkeys(index.analyze(prop.name, value)))
    if prop.tokenization in (Tokenization.WORD, None):
        stopwords = frozenset(index.stopwords(prop.name))
        tokens = [token for token in tokens if token not in stopwords]
    if not tokens:
        raise OnlyStopwords
    return tokens
