"""Queries made of the data: the text of one property is the query, and its own object the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from weft.domain.errors import Invalid
from weft.domain.objects import format_uuid
from weft.domain.schema import BLOBS
from weft.engine.record import Record
from weft.engine.view import View
from weft.service.evaluation.request import JudgedQuery, MadeQueries, Making

_SEED = 17
_ALL = 2**31 - 1
_MOST_TRIED = 20
"""How many objects are looked at for each query that is wanted: some have no such text."""
_CHUNK = 1_000


def made_queries(view: View, asked: MadeQueries) -> list[JudgedQuery]:
    """At most ``asked.count``, of objects chosen at random, the same ones each time. Objects with one text are one
    query, which any of them answers. Raises Invalid if there is no object to make one of."""
    doc_ids = view.page(None, _ALL)
    random = np.random.default_rng(_SEED)
    chosen = random.permutation(doc_ids)[: asked.count * _MOST_TRIED].tolist()
    blobs = [one.name for one in view.config.properties if one.data_type in BLOBS]
    found: dict[str, dict[str, float]] = {}
    for begin in range(0, len(chosen), _CHUNK):
        for record in view.records(chosen[begin : begin + _CHUNK]):
            text = _text_of(record, asked, blobs)
            if text and (text in found or len(found) < asked.count):
                found.setdefault(text, {})[format_uuid(record.uuid)] = 1.0
        if len(found) >= asked.count:
            break
    if not found:
        needs = f"a text in {asked.property!r}"
        needs += " and an image, audio clip or video" if asked.making is Making.CAPTIONS else ""
        raise Invalid(f"class {view.config.name} has no object with {needs}, so there is nothing to make queries of")
    return [JudgedQuery(str(place), relevant, text) for place, (text, relevant) in enumerate(found.items(), 1)]


def _text_of(record: Record, asked: MadeQueries, blobs: Sequence[str]) -> str:
    """Empty where the object makes no query."""
    value: Any = record.properties.get(asked.property)
    text = " ".join(value) if isinstance(value, list) else value or ""
    if asked.making is Making.CAPTIONS and not any(record.properties.get(name) for name in blobs):
        return ""
    return text.strip() if isinstance(text, str) else ""
