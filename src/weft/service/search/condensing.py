"""Condensing: similar hits become one, either the first of them or all of them merged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from weft.domain.answer import Hit
from weft.domain.deadline import checked
from weft.domain.errors import Invalid
from weft.domain.objects import GeoPoint, Object, Properties, Reference, Vector
from weft.domain.query import Condense
from weft.domain.schema import CollectionConfig, DataType
from weft.engine.record import RecordCodec
from weft.engine.view import View

MOST_HITS = 1_000
"""Each is compared with those before it."""


def condensed(view: View, config: CollectionConfig, asked: Condense, hits: list[Hit]) -> list[Hit]:
    """``hits`` with each group of similar ones as one, in the order of the first of each group. Raises Invalid."""
    if len(hits) > MOST_HITS:
        raise Invalid(f"group: at most {MOST_HITS} hits can be compared, not {len(hits)}; set a lower limit")
    vectors = view.vectors(_vector_name(config), [hit.doc_id for hit in hits])
    groups = [[hits[i] for i in group] for group in alike(vectors, asked.force)]
    codec = RecordCodec(config)
    return [_merged(codec, config, group) if asked.merged and len(group) > 1 else group[0] for group in groups]


def alike(vectors: Sequence[Vector | None], force: float) -> list[list[int]]:
    """Groups of positions, in the order of their first.

    Each ``(d,)`` joins the first group with a member to which half its cosine distance is less than ``force``. One
    that is None or has length 0 is a group by itself.
    """
    groups: list[list[int]] = []
    units = np.zeros((len(vectors), max((len(v) for v in vectors if v is not None), default=0)), np.float32)
    group_of = np.zeros(len(vectors), np.int64)
    comparable = np.zeros(len(vectors), bool)
    for i, vector in enumerate(checked(vectors, 64)):
        length = 0.0 if vector is None else float(np.linalg.norm(vector))
        near = np.zeros(i, bool)
        if vector is not None and length > 0:
            comparable[i] = True
            units[i] = vector / length
            near = comparable[:i] & ((1 - units[:i] @ units[i]) / 2 < force)
        if near.any():
            group_of[i] = group_of[:i][near].min()
            groups[group_of[i]].append(i)
        else:
            group_of[i] = len(groups)
            groups.append([i])
    return groups


def _vector_name(config: CollectionConfig) -> str:
    single = [vector.name for vector in config.vectors.values() if vector.index.multivector is None]
    if len(config.vectors) != 1 or not single:
        raise Invalid(f"group compares the objects' one vector; class {config.name} must have one, and no multi-vector")
    return single[0]


def _merged(codec: RecordCodec, config: CollectionConfig, hits: Sequence[Hit]) -> Hit:
    """The first hit, with the merged values, vectors and references of all."""
    first = hits[0]
    values = merged_values(config, [hit.record.properties for hit in hits])
    record = first.record
    obj = Object(record.uuid, values, {}, record.created_ms, record.updated_ms)
    linked: dict[str, dict[bytes, Hit]] = defaultdict(dict)
    for hit in hits:
        for name, targets in hit.references.items():
            for one in targets:
                linked[name].setdefault(one.record.uuid, one)
    references = {name: list(targets.values()) for name, targets in linked.items()}
    vectors = {name: np.mean([hit.vectors[name] for hit in hits if name in hit.vectors], 0) for name in first.vectors}
    return replace(first, record=codec.open(codec.encode(obj)), references=references, vectors=vectors)


def merged_values(config: CollectionConfig, given: Sequence[Properties]) -> Properties:
    """Distinct texts, as ``first (second, third)``; the mean of numbers and points, truncated for integers; the
    majority of booleans, true on a tie; distinct references. For other types, the value that all have in common.
    """
    merged: Properties = {}
    for name, declared in config.by_name.items():
        values = [one[name] for one in given if one.get(name) is not None]
        if values:
            merge: Callable[[Any], Any] = _MERGES.get(declared.data_type, _common)
            value = merge(values)
            if value is not None:
                merged[name] = value
    return merged


def _text(values: Sequence[str]) -> str:
    first, *others = dict.fromkeys(values)
    return f"{first} ({', '.join(others)})" if others else first


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _whole_mean(values: Sequence[int]) -> int:
    total = sum(values)
    return total // len(values) if total >= 0 else -(-total // len(values))


def _majority(values: Sequence[bool]) -> bool:
    return 2 * sum(values) >= len(values)


def _union(values: Sequence[Sequence[Reference]]) -> list[Reference]:
    return list(dict.fromkeys(chain.from_iterable(values)))


def _point(values: Sequence[GeoPoint]) -> GeoPoint:
    return GeoPoint(_mean([one.latitude for one in values]), _mean([one.longitude for one in values]))


def _common(values: Sequence[Any]) -> Any:
    return values[0] if all(one == values[0] for one in values) else None


_MERGES: dict[DataType, Callable[[Any], Any]] = {
    DataType.TEXT: _text,
    DataType.INT: _whole_mean,
    DataType.NUMBER: _mean,
    DataType.BOOLEAN: _majority,
    DataType.GEO: _point,
    DataType.REFERENCE: _union,
}
