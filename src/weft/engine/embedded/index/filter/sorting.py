"""Sorting doc_ids by one or several keys.

No value comes first in ascending and last in descending order; ties are by uuid. Texts compare by the bytes of their
lower case, arrays element by element and then by length (an empty one counts as no value), points by longitude and then
latitude, phone numbers by country code and then number.

Each key becomes one or two arrays of ranks. With a limit, the first key alone cuts the candidates down to those that
can be among the first, so that values are read from storage for those only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain.deadline import checked
from weft.domain.errors import Invalid
from weft.domain.filters import CREATION_TIME, ID, UPDATE_TIME
from weft.domain.objects import PhoneNumber
from weft.domain.query import Sort
from weft.domain.schema import DataType
from weft.engine.embedded.index.filter import kinds
from weft.engine.embedded.index.filter.bitmaps import Ids
from weft.engine.embedded.index.filter.column import ColumnView
from weft.engine.embedded.index.filter.kinds import Array
from weft.engine.embedded.index.filter.view import FilterView
from weft.engine.embedded.index.ties import order_of_ties

Read = Callable[[Ids, str], Sequence[Any]]
Mask = npt.NDArray[np.bool_]

_BUILT_IN = {"id": ID, ID: ID, CREATION_TIME: CREATION_TIME, UPDATE_TIME: UPDATE_TIME}
_SAMPLED = 16
"""The n-th of every 16th value is not before the n-th of all, and takes less to select."""
_UNSORTABLE = frozenset(
    {DataType.UUID, DataType.UUID_ARRAY, DataType.REFERENCE, DataType.OBJECT, DataType.OBJECT_ARRAY}
)


def sort(view: FilterView, doc_ids: Ids, keys: Sequence[Sort], limit: int, read: Read) -> Ids:
    """See ``FilterIndex.sort``."""
    paths = [_checked(view, key) for key in keys]
    wanted = len(doc_ids) if limit <= 0 else min(limit, len(doc_ids))
    if not keys:
        from weft.engine.embedded.index.ties.first import first_by_uuid

        return first_by_uuid(view.ties, doc_ids, wanted)
    if (doc_ids[1:] < doc_ids[:-1]).any():
        doc_ids = np.sort(doc_ids)
    if keys and wanted < len(doc_ids):
        doc_ids = _cut(view, doc_ids, paths[0], keys[0].ascending, wanted)
    levels: list[Array] = []
    for path, key in checked(zip(paths, keys, strict=True)):
        levels += [rank if key.ascending else _descending(rank) for rank in _ranks(view, doc_ids, path, read)]
    if not len(doc_ids):
        return doc_ids
    order = np.argsort(levels[0], kind="stable") if len(levels) == 1 else np.lexsort(levels[::-1])
    return _with_ties(view, doc_ids[order], [level[order] for level in levels], wanted)


def _with_ties(view: FilterView, doc_ids: Ids, levels: Sequence[Array], wanted: int) -> Ids:
    """The first ``wanted`` of ``doc_ids (n,)``, sorted by ``levels``; those whose levels are equal come by uuid."""
    starts = np.zeros(len(doc_ids), np.bool_)
    starts[0] = True
    for level in levels:
        starts[1:] |= level[1:] != level[:-1]
    if starts[: wanted + 1].all():
        return doc_ids[:wanted]
    behind = np.flatnonzero(starts[wanted:])
    end = wanted + int(behind[0]) if len(behind) else len(doc_ids)
    last = int(np.flatnonzero(starts[:wanted])[-1])
    from weft.engine.embedded.index.ties.first import first_by_uuid

    ties = view.ties
    runs = np.cumsum(starts[:last])
    whole = doc_ids[:last][order_of_ties(ties, runs, doc_ids[:last])]
    found: Ids = np.concatenate((whole, first_by_uuid(ties, doc_ids[last:end], wanted - last)))
    return found


def _checked(view: FilterView, key: Sort) -> str:
    if key.path in _BUILT_IN:
        return _BUILT_IN[key.path]
    prop = view.config.by_name.get(key.path)
    if prop is None:
        known = ", ".join(sorted(view.config.by_name)) or "none"
        raise Invalid(f"cannot sort by {key.path[:80]!r}: no such property; its properties are: {known}")
    if prop.data_type in _UNSORTABLE:
        raise Invalid(f"cannot sort by property {prop.name!r}: sorting by {prop.data_type} is not supported")
    return prop.name


def _cut(view: FilterView, doc_ids: Ids, path: str, ascending: bool, wanted: int) -> Ids:
    """Those of ``doc_ids`` that can be among the first ``wanted``, judged by the column of the first key."""
    return doc_ids[_candidates(view, doc_ids, path, ascending, wanted)]


def _candidates(view: FilterView, doc_ids: Ids, path: str, ascending: bool, wanted: int) -> Mask:
    column = view.columns.get(path)
    if column is None or column.multi:
        return np.ones(len(doc_ids), np.bool_)
    values, has = column.scalars(doc_ids)
    absent = int(len(has) - np.count_nonzero(has))
    if ascending and absent >= wanted:
        return ~has
    if ascending:
        wanted -= absent
    elif wanted >= len(doc_ids) - absent:
        return np.ones(len(doc_ids), np.bool_)
    ranks = _numeric(column, values)[has]
    ranks = ranks if ascending else _descending(ranks)
    keep = np.full(len(doc_ids), ascending)
    some = ranks[::_SAMPLED] if len(ranks) > _SAMPLED * wanted else ranks
    keep[has] = ranks <= np.partition(some, wanted - 1)[wanted - 1]
    return keep


def _ranks(view: FilterView, doc_ids: Ids, path: str, read: Read) -> list[Array]:
    """Arrays ``(n,)`` that order the doc_ids ascending, the first deciding most."""
    column = view.columns.get(path)
    if column is None or column.multi:
        return [_ranks_of([_comparable(v) for v in _values(view, column, doc_ids, path, read)])]
    values, has = column.scalars(doc_ids)
    levels: list[Array] = [] if has.all() else [has]
    values = np.where(has, values, np.zeros(1, values.dtype))
    if column.kind is kinds.TEXT:
        return [*levels, values, *_tied_texts(doc_ids, values, path, read)]
    if column.kind is kinds.UUID:
        pairs = np.ascontiguousarray(values).view(">u8").reshape(-1, 2).astype(np.uint64)
        return [*levels, pairs[:, 0], pairs[:, 1]]
    return [*levels, _numeric(column, values)]


def _tied_texts(doc_ids: Ids, keys: Array, path: str, read: Read) -> list[Array]:
    """The order of texts whose sort keys tie; only these are read."""
    order = np.argsort(keys)
    same = keys[order][1:] == keys[order][:-1]
    tied = np.zeros(len(keys), np.bool_)
    tied[order[1:][same]] = True
    tied[order[:-1][same]] = True
    tied &= (keys & np.uint64(0xFF)) >= kinds.TEXT_KEY_EXACT
    if not tied.any():
        return []
    ranks = np.zeros(len(keys), np.int64)
    ranks[tied] = _ranks_of([_comparable(text) for text in read(doc_ids[tied], path)])
    return [ranks]


def _values(view: FilterView, column: ColumnView | None, doc_ids: Ids, path: str, read: Read) -> Sequence[Any]:
    if column is None:
        return read(doc_ids, path)
    first, end = column.rows(doc_ids)
    flat = column.values
    return [flat[a:b].tolist() for a, b in zip(first.tolist(), end.tolist(), strict=True)]


def _comparable(value: Any) -> Any:
    if isinstance(value, PhoneNumber):
        return (value.country_code, value.national)
    if isinstance(value, list):
        return tuple(map(_comparable, value)) or None
    return kinds.folded(value) if isinstance(value, str) else value


def _ranks_of(values: list[Any]) -> npt.NDArray[np.int64]:
    """``(n,)`` ranks of Python values; None before all."""
    known = sorted({v for v in values if v is not None})
    rank = {value: number for number, value in enumerate(known, 1)}
    return np.fromiter((0 if v is None else rank[v] for v in values), np.int64, len(values))


def _numeric(column: ColumnView, values: Array) -> Array:
    """An array that numpy sorts fast and in the order of the values."""
    if column.kind is kinds.UUID:
        return np.ascontiguousarray(values).view(">u8")[::2].astype(np.uint64)
    return values


def _descending(ranks: Array) -> Array:
    """Reverses the order without overflow."""
    return ~ranks if ranks.dtype.kind in "iub" else -ranks
