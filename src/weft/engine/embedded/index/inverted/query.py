"""A prepared keyword query: its fields, its terms and their weights.

Per group of fields that analyze alike the query is tokenised once; a term's weight is idf × how often the query
repeats it, and a field's boost comes on top. idf = ln(1 + (N − n + 0.5) / (n + 0.5)) with n the mean document
frequency over the group's fields that have the term, rounded down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from weft.domain.deadline import checked
from weft.domain.errors import Inapplicable, Invalid
from weft.domain.query import Keyword, MatchOperator
from weft.engine.embedded.index.inverted.batch import encode
from weft.engine.embedded.index.inverted.fields import TextField
from weft.engine.embedded.index.inverted.view import InvertedView

_AT_ONCE = 4096
"""How many tokens are counted between two looks at the deadline."""


@dataclass(frozen=True, slots=True)
class SearchedFields:
    """The fields of a query with their boosts, by group; the same for every text."""

    names: tuple[str, ...]
    groups: tuple[tuple[tuple[TextField, float], ...], ...]
    alike: bool
    """Whether all of them analyze every text alike."""


class SearchTerm(NamedTuple):
    """One term in one field. ``word``: its token, numbered over all groups; ``gate``, ``unit``: see ``gated``."""

    field: str
    token: bytes
    repeats: float
    boost: float
    word: int
    unit: int
    gate: int


class KeywordQuery(NamedTuple):
    names: tuple[str, ...]
    """The searched properties."""
    terms: Sequence[SearchTerm]
    words: int
    """How many there are: of a token in several fields of a group there is one."""
    minima: tuple[int, ...] | None
    """By gate: how many units a document must have; None when one is enough everywhere."""


def wants_any_word(query: Keyword) -> bool:
    """Whether one of its words is enough for a document."""
    return query.operator is MatchOperator.OR and query.minimum_match <= 1


def prepare(query: Keyword, view: InvertedView) -> KeywordQuery:
    """Raises Invalid for unknown or unsearchable properties and for operators that they do not support."""
    searched = searched_fields(query.properties, view)
    crossed = query.operator is MatchOperator.AND_CROSS
    if crossed and not searched.alike:
        raise Invalid(
            "AndCross requires all searched properties to share the same tokenization and analyzer settings; "
            "search other properties or use And"
        )
    found: list[SearchTerm] = []
    minima: list[int] = []
    words = 0
    for fields in searched.groups:
        terms = _terms(query.text, fields[0][0])
        for field, boost in fields:
            gate = 0 if crossed else len(minima)
            for unit, (token, repeats) in enumerate(checked(terms, _AT_ONCE)):
                found.append(SearchTerm(field.name, token, repeats, boost, words + unit, unit, gate))
            if not crossed or not minima:
                minima.append(len(terms) if query.operator is not MatchOperator.OR else query.minimum_match)
        words += len(terms)
    gated = any(minimum > 1 for minimum in minima)
    if gated and crossed:
        found.sort(key=lambda one: one.unit)
    return KeywordQuery(searched.names, found, words, tuple(minima) if gated else None)


def idf(documents: int, frequency: int) -> float:
    """``documents`` may be an estimate below the frequency."""
    return math.log(1.0 + (max(documents, frequency) - frequency + 0.5) / (frequency + 0.5))


def _terms(text: str, field: TextField) -> list[tuple[bytes, float]]:
    return [(encode(token), times) for token, times in counted(text, field).items()]


def counted(text: str, field: TextField) -> dict[str, float]:
    """The words of ``text`` in the order in which they come, and how often each does."""
    repeats: dict[str, float] = {}
    tokens, stopwords = field.tokens(text), field.stopwords
    for token in tokens if len(tokens) <= _AT_ONCE else checked(tokens, _AT_ONCE):
        if token not in stopwords:
            repeats[token] = repeats.get(token, 0.0) + 1.0
    return repeats


def searched_fields(properties: tuple[str, ...], view: InvertedView) -> SearchedFields:
    """Raises Invalid for unknown or unsearchable properties."""
    known = view.searches.get(properties)
    if isinstance(known, SearchedFields):
        return known
    boosts: dict[str, float] = {}
    if properties:
        for written in properties:
            name, boost = _boosted(written)
            _check(name, view)
            boosts[name] = boost
    else:
        boosts = {name: 1.0 for name, field in view.fields.items() if field.searchable}
    groups: dict[tuple[str, ...], list[tuple[TextField, float]]] = {}
    for name, boost in boosts.items():
        field = view.fields[name]
        groups.setdefault(field.group, []).append((field, boost))
    names = tuple(boosts)
    alike = len({view.fields[name].settings for name in names}) <= 1
    searched = SearchedFields(names, tuple(map(tuple, groups.values())), alike)
    if len(view.searches) < 1000:
        view.searches[properties] = searched
    return searched


def _boosted(written: str) -> tuple[str, float]:
    name, caret, boost = written.partition("^")
    if not caret:
        return name, 1.0
    try:
        value = float(boost)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < math.inf:
        raise Invalid(f"{written!r}: the boost after ^ must be a number of at least 0, as in {name}^2", property=name)
    return name, value


def _check(name: str, view: InvertedView) -> None:
    if name not in view.config.by_name:
        raise Invalid(f"collection {view.config.name} has no property {name!r} to search", property=name)
    field = view.fields.get(name)
    if field is None or not field.searchable:
        raise Inapplicable(
            f"property {name!r} of collection {view.config.name} is not searchable: keyword search needs a text "
            "property with indexSearchable set to true",
            property=name,
        )
