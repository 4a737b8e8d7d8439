"""RowTest → Qdrant's filters."""

from __future__ import annotations

from typing import Any

from qdrant_client import models

from weft.engine.qdrant.ids import PointIds
from weft.engine.qdrant.names import vector_name
from weft.engine.remote.row_test import (
    AllOf,
    AnyOf,
    Except,
    HasText,
    HasVector,
    IdIn,
    InRange,
    OneOf,
    Present,
    RowTest,
)


def compiled(test: RowTest, ids: PointIds) -> models.Filter:
    """A filter that is exactly ``test``."""
    match test:
        case AllOf(tests):
            return models.Filter(must=[_condition(one, ids) for one in tests])
        case OneOf(tests):
            return models.Filter(should=[_condition(one, ids) for one in tests]) if tests else _nothing()
        case Except(one):
            return models.Filter(must_not=[_condition(one, ids)])
        case _:
            return models.Filter(must=[_condition(test, ids)])


def _nothing() -> models.Filter:
    return models.Filter(must=[models.HasIdCondition(has_id=[])])


def _condition(test: RowTest, ids: PointIds) -> Any:
    match test:
        case AnyOf(key, values):
            return models.FieldCondition(key=key.name, match=models.MatchAny(any=list(values)))
        case InRange(key, low, high, include_low, include_high):
            ends = {("gte" if include_low else "gt"): low, ("lte" if include_high else "lt"): high}
            return models.FieldCondition(key=key.name, range=models.Range(**ends))
        case Present(key):
            return models.Filter(must_not=[models.IsEmptyCondition(is_empty=models.PayloadField(key=key.name))])
        case HasText(key, text):
            return models.FieldCondition(key=key.name, match=models.MatchSubstring(substring=text))
        case IdIn(uuids):
            return models.HasIdCondition(has_id=[ids.of(uuid) for uuid in uuids])
        case HasVector(name):
            return models.HasVectorCondition(has_vector=vector_name(name))
        case AllOf() | OneOf() | Except():
            return compiled(test, ids)
