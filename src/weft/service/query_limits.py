"""Limits of what one query may ask for, looked at before any of it is planned.

They are far beyond what people ask for: what is within them is ended by the time limit at the latest, and needs less
memory than it takes to receive it several times. Each refusal names its setting.
"""

from __future__ import annotations

from collections.abc import Iterable

from weft.domain.aggregate import Aggregation
from weft.domain.errors import Invalid
from weft.domain.filters import And, Condition, Filter, Not, Or
from weft.domain.objects import Vector
from weft.domain.query import Hybrid, Keyword, NearText, NearVector, Query, Search
from weft.settings.limits import LimitSettings

MOST_SORT_KEYS = 100
"""Of a query; each needs memory for every object that is sorted."""


class QueryLimits:
    """Each check raises Invalid."""

    def __init__(self, settings: LimitSettings) -> None:
        self._settings = settings

    def check_query(self, query: Query) -> None:
        if query.filter is not None or query.boost is not None:
            boosts = () if query.boost is None else query.boost.conditions
            filters = [one.by for one in boosts if isinstance(one.by, Condition | And | Or | Not)]
            self.check_filters(query.filter, *filters)
        if query.search is not None:
            self.check_search(query.search)
        if len(query.sort) > MOST_SORT_KEYS:
            raise Invalid(f"the query sorts by {len(query.sort)} keys; at most {MOST_SORT_KEYS} can be given")

    def check_aggregation(self, asked: Aggregation) -> None:
        self.check_filters(asked.filter)
        if asked.search is not None:
            self.check_search(asked.search)

    def check_filters(self, *filters: Filter | None) -> None:
        """The filters of one request."""
        left: list[Filter] = [one for one in filters if one is not None]
        conditions = values = characters = 0
        while left:
            one = left.pop()
            conditions += 1
            match one:
                case Condition(value=tuple() as several):
                    values += len(several)
                    if several and isinstance(several[0], str):
                        characters += sum(len(value) for value in several if isinstance(value, str))
                case Condition(value=value):
                    values += 1
                    characters += len(value) if isinstance(value, str) else 0
                case And(operands=parts) | Or(operands=parts):
                    left += parts
                case Not(operand=part):
                    left.append(part)
            if conditions + len(left) > self._settings.most_conditions:
                raise _too_many("filter", "conditions", self._settings.most_conditions, "CONDITIONS")
        if values > self._settings.most_values:
            raise _too_many("filter", "values to compare with", self._settings.most_values, "VALUES")
        if characters > self._settings.most_filter_characters:
            raise _too_many(
                "filter", "characters in its values", self._settings.most_filter_characters, "FILTER_CHARACTERS"
            )

    def check_search(self, search: Search) -> None:
        match search:
            case Keyword(text=text):
                self._check_texts([text])
            case Hybrid(keyword=keyword, near=near, targets=targets):
                self._check_texts([keyword.text])
                if near is not None:
                    self.check_search(near)
                self._check_count(len(targets.names))
            case NearVector(vectors=vectors, targets=targets):
                if len(vectors) > 1 or len(targets.names) > 1 or (vectors and vectors[0].ndim > 1):
                    self.check_vectors(vectors)
                    self._check_count(len(targets.names))
            case NearText(texts=texts, move_to=move_to, move_away=move_away, targets=targets):
                moves = [one for one in (move_to, move_away) if one is not None]
                self._check_texts([*texts, *(text for one in moves for text in one.concepts)])
                self._check_count(len(targets.names) + len(texts))
                for one in moves:
                    self._check_count(len(one.uuids) + len(one.concepts))
            case near:
                self._check_count(len(near.targets.names))

    def check_vectors(self, vectors: Iterable[Vector]) -> None:
        """Each ``(d,)``, or ``(T, d)`` with ``T`` tokens."""
        self._check_count(sum(len(one) if one.ndim > 1 else 1 for one in vectors))

    def _check_texts(self, texts: Iterable[str]) -> None:
        if sum(map(len, texts)) > self._settings.most_characters:
            raise _too_many("query", "characters to search for", self._settings.most_characters, "CHARACTERS")

    def _check_count(self, vectors: int) -> None:
        if vectors > self._settings.most_vectors:
            raise _too_many("query", "vectors to search with", self._settings.most_vectors, "VECTORS")


def _too_many(what: str, of: str, limit: int, setting: str) -> Invalid:
    return Invalid(
        f"the {what} has more {of} than the {limit} that this server allows (WEFT_QUERY_MAXIMUM_{setting}); send "
        "several requests, or ask for less",
        limit=limit,
    )
