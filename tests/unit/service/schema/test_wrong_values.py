"""Documents whose values have another type than the protocol's, or are too deep or too many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from weft.domain.errors import Invalid

Made = Callable[..., dict[str, Any]]


def nested(levels: int) -> Any:
    """1 within so many lists."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "wrong",
    [
        {"class": 3},
        {"description": []},
        {"properties": {}},
        {"properties": [3]},
        {"properties": [{}]},
        {"properties": [{"name": "a"}]},
        {"properties": [{"name": "a", "dataType": "text"}]},
        {"properties": [{"name": "a", "dataType": [[]]}]},
        {"properties": [{"name": "a", "dataType": ["cref"]}]},
        {"properties": [{"name": "a", "dataType": ["text"], "indexFilterable": 1}]},
        {"properties": [{"name": "a", "dataType": ["text"], "indexInverted": True, "indexSearchable": True}]},
        {"properties": [{"name": "a", "dataType": ["text"], "textAnalyzer": {"asciiFoldIgnore": [1]}}]},
        {"vectorConfig": []},
        {"vectorConfig": {"v": None}},
        {"vectorConfig": {"v": {}}},
        {"vectorConfig": {"v": {"vectorizer": {}}}},
        {"vectorConfig": {"v": {"vectorizer": {"none": 1}}}},
        {"vectorConfig": {"v": {"vectorizer": {"none": {}, "text2vec-words": {}}}}},
        {"vectorConfig": {"v": {"vectorizer": {"none": {}}}}, "vectorizer": "none"},
        {"vectorIndexConfig": {"ef": "many"}},
        {"vectorIndexConfig": {"ef": 1.5}},
        {"vectorIndexConfig": {"pq": {"enabled": "yes"}}},
        {"vectorIndexConfig": []},
        {"vectorIndexType": 1},
        {"vectorIndexType": "hfresh", "vectorIndexConfig": {"pq": {}}},
        {"moduleConfig": {"text2vec-words": 3}},
        {"invertedIndexConfig": {"bm25": {"b": "x"}}},
        {"invertedIndexConfig": {"stopwords": {"additions": "a"}}},
        {"invertedIndexConfig": {"stopwordPresets": {"x": "a"}}},
        {"replicationConfig": {"factor": 2**64}},
        {"multiTenancyConfig": {"enabled": None, "autoTenantCreation": 3}},
        {"objectTtlConfig": {"deleteOn": 3}},
        {"x": nested(65)},
        {"x": [0] * 300_000},
    ],
)
def test_values_of_the_wrong_type_are_invalid(made: Made, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        made(**wrong)
