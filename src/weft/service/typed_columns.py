"""TypedColumns: a batch's columns checked against a schema together, as ``values.coerce`` checks objects one by one.

Only for batches in which every value fits, and every property is a scalar or an array of texts that the collection has,
spelled exactly so; for any other there are none, and each object is checked by itself, which words its error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain.objects import EncodedProperties, Properties
from weft.domain.schema import CollectionConfig, DataType, Property
from weft.domain.sent_columns import BOOLEAN, NULL, NUMBER, TEXT, TEXTS, SentColumn, SentColumns
from weft.engine.encoded_columns import BYTES, FIXED, MISSING, VARINT, EncodedColumn, text_list
from weft.engine.record import plain_properties, schema_tag
from weft.service.scalars import are_normal_dates, normal_date, normal_uuid

_SENT_AS = {
    DataType.TEXT: TEXT,
    DataType.TEXT_ARRAY: TEXTS,
    DataType.DATE: TEXT,
    DataType.UUID: TEXT,
    DataType.NUMBER: NUMBER,
    DataType.INT: NUMBER,
    DataType.BOOLEAN: BOOLEAN,
}
_NORMAL = {DataType.DATE: normal_date, DataType.UUID: normal_uuid}


@dataclass(frozen=True, slots=True, eq=False)
class TypedColumns:
    """For each object its values, nulls left out, and what they are in a reply. ``properties`` None: as they were sent.

    ``takes_vectors``: the vectors are stored as they were sent, under the same name, once their dimensions fit.
    """

    properties: list[Properties] | None
    encoded: list[EncodedProperties]
    takes_vectors: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Checked:
    values: list[Any]
    encoded: EncodedColumn
    as_sent: bool
    """Whether all of the values are what was sent, and none is missing."""


def typed_columns(config: CollectionConfig, columns: SentColumns) -> TypedColumns | None:
    """Made once for each configuration; the latest is kept with ``columns``."""
    known = columns.typed
    if known is None or known[0] is not config:
        known = columns.typed = (config, _typed(config, columns))
    made = known[1]
    assert made is None or isinstance(made, TypedColumns)
    return made


def _typed(config: CollectionConfig, columns: SentColumns) -> TypedColumns | None:
    checked: dict[str, _Checked] = {}
    for name, column in columns.by_name.items():
        property = config.by_name.get(name)
        found = None if property is None else _check(property, column, columns.request)
        if found is None:
            return None
        checked[name] = found
    if not checked:
        return None
    from weft.engine.encoding_columns import encode_columns  # compiled

    plain = plain_properties(config)
    lacking = [one for one in plain if one.name not in checked]
    data = encode_columns([one.encoded for one in checked.values()], lacking)
    tag = schema_tag(plain)
    as_sent = all(one.as_sent for one in checked.values())
    return TypedColumns(
        None if as_sent else list(_rows(checked)),
        list(map(EncodedProperties, repeat(tag), data)),
        columns.vector is None or _takes(config, columns.vector),
    )


def _takes(config: CollectionConfig, vector: str) -> bool:
    target = config.vectors.get(vector)
    if target is None or config.revisions or target.name != vector:
        return False
    return not target.index.is_dropped and target.index.multivector is None


def _rows(checked: dict[str, _Checked]) -> Iterator[Properties]:
    rows = zip(*(one.values for one in checked.values()), strict=True)
    if all(bool((one.encoded.forms != MISSING).all()) for one in checked.values()):
        return map(dict, map(zip, repeat(tuple(checked)), rows))
    return ({name: value for name, value in zip(checked, row, strict=True) if value is not None} for row in rows)


def _check(property: Property, column: SentColumn, request: bytes) -> _Checked | None:
    """None where a value does not fit, or may not."""
    data_type, kinds = property.data_type, column.kinds
    sent = _SENT_AS.get(data_type)
    if sent is None:
        return None
    there = kinds == sent
    complete = bool(there.all())
    if not complete and bool(((kinds > NULL) & ~there).any()):
        return None
    values, form, bits = column.values, FIXED, column.numbers.view(np.uint64)
    match data_type:
        case DataType.NUMBER:
            if not np.isfinite(column.numbers[there]).all():
                return None
        case DataType.INT:
            numbers = column.numbers[there]
            if not ((numbers >= -(2.0**63)) & (numbers < 2.0**63) & (np.floor(numbers) == numbers)).all():
                return None
            whole = np.zeros(len(kinds), np.int64)
            whole[there] = numbers.astype(np.int64)
            values = whole.tolist() if complete else _only(whole.tolist(), there)
            form, bits = VARINT, whole.view(np.uint64)
        case DataType.BOOLEAN:
            form = VARINT
        case DataType.TEXT_ARRAY:
            return _array(property, column, request, there)
        case _:
            return _check_texts(property, column, request, there, complete)
    forms = np.where(there, np.uint8(form), np.uint8(MISSING))
    encoded = EncodedColumn(property, forms, request, column.starts, column.sizes, bits)
    return _Checked(values, encoded, complete and values is column.values)


def _check_texts(
    property: Property, column: SentColumn, request: bytes, there: npt.NDArray[np.bool_], complete: bool
) -> _Checked | None:
    """A column of texts, dates or uuids, which are stored in a normal form."""
    values, starts, sizes, data = column.values, column.starts, column.sizes, request
    normal = _NORMAL.get(property.data_type)
    if normal is normal_date and complete and are_normal_dates(values):
        normal = None
    if normal is not None:
        values = [one if one is None else normal(one) for one in column.values]
        if values != column.values:
            if values.count(None) != len(values) - int(there.sum()):
                return None
            made = [(one or "").encode() for one in values]
            data = b"".join(made)
            sizes = np.fromiter(map(len, made), np.int64, len(made))
            starts = np.cumsum(sizes) - sizes
    forms = np.where(there, np.uint8(BYTES), np.uint8(MISSING))
    encoded = EncodedColumn(property, forms, data, starts, sizes, column.numbers.view(np.uint64))
    return _Checked(values, encoded, complete and data is request)


def _array(property: Property, column: SentColumn, request: bytes, there: npt.NDArray[np.bool_]) -> _Checked:
    sent = zip(column.starts.tolist(), (column.starts + column.sizes).tolist(), there.tolist(), strict=True)
    made = [text_list(request[start:end]) if has else b"" for start, end, has in sent]
    sizes = np.fromiter(map(len, made), np.int64, len(made))
    forms = np.where(there, np.uint8(BYTES), np.uint8(MISSING))
    bits = column.numbers.view(np.uint64)
    encoded = EncodedColumn(property, forms, b"".join(made), np.cumsum(sizes) - sizes, sizes, bits)
    return _Checked(column.values, encoded, bool(there.all()))


def _only(values: list[Any], there: npt.NDArray[np.bool_]) -> list[Any]:
    return [value if has else None for value, has in zip(values, there.tolist(), strict=True)]
