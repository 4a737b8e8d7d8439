"""The columns of nested properties, and how objects fill them.

    path#elements        one row for each element at the path: the number of the element around it in that object, and
                         its index in the array (0 where there is none). Elements are numbered in the order in which
                         they are met, depth first.
    path#place:<kind>    the same, one row for each value at the path
    path#value:<kind>    beside it, the value: int, number, boolean, date, uuid; or for text: each item's row with
                         ``ITEM``, followed by its tokens' numbers in ``TokenNumbers``

The kind of text says how it is analyzed. Absent and null values have no row, neither have empty arrays; a property that
is not filterable has no columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig, DataType, Property
from weft.engine.embedded.index.filter import kinds
from weft.engine.embedded.index.filter.bitmaps import Ids
from weft.engine.embedded.index.filter.kinds import Array, Kind
from weft.engine.embedded.index.filter.nested.path import is_object
from weft.engine.embedded.index.filter.nested.token_numbers import ITEM, TokenNumbers
from weft.engine.text.tokenize import tokenize

Rows = tuple[str, Ids, Array]
"""A column and what it gains: doc_ids and values, both ``(rows,)``."""

_VALUES = (DataType.INT, DataType.NUMBER, DataType.BOOLEAN, DataType.DATE, DataType.UUID)


def element_column(path: str) -> str:
    return f"{path}#elements"


def place_column(path: str, leaf: Property) -> str:
    return f"{path}#place:{_kind(leaf)}"


def value_column(path: str, leaf: Property) -> str:
    return f"{path}#value:{_kind(leaf)}"


def _kind(leaf: Property) -> str:
    """Differs between any two settings of which one cannot use the columns of the other."""
    if leaf.data_type.element is not DataType.TEXT:
        return kinds.BY_TYPE[leaf.data_type.element].name
    analyzer = leaf.text_analyzer
    folded = f",folded except {''.join(sorted(analyzer.ascii_fold_ignore))}" if analyzer.ascii_fold else ""
    return f"{leaf.tokenization}{folded}"


def has_columns(leaf: Property) -> bool:
    """Whether a nested property without properties of its own can be filtered by value."""
    return leaf.index_filterable and leaf.data_type.element in (*_VALUES, DataType.TEXT)


def columns_of(config: CollectionConfig) -> dict[str, Kind]:
    """The names and kinds of all columns of nested properties; each has any number of rows for an object."""
    found: dict[str, Kind] = {}
    for root in config.properties:
        if is_object(root):
            found.update(_columns(root, root.name))
    return found


def _columns(prop: Property, path: str) -> Iterator[tuple[str, Kind]]:
    if is_object(prop):
        yield element_column(path), kinds.PLACE
        for inner in prop.nested:
            yield from _columns(inner, f"{path}.{inner.name}")
    elif has_columns(prop):
        yield place_column(path, prop), kinds.PLACE
        is_text = prop.data_type.element is DataType.TEXT
        yield value_column(path, prop), kinds.TOKEN if is_text else kinds.BY_TYPE[prop.data_type.element]


class _PathRows:
    """The rows of one path, for one batch of objects."""

    def __init__(self, path: str, prop: Property) -> None:
        self.path = path
        self.prop = prop
        self.name = prop.name
        self.docs: list[int] = []
        self.places: list[int] = []
        self.values: list[Any] = []
        self.elements = 0
        """How many elements of the current object have been met here."""
        self._is_array = prop.data_type.is_array
        self._is_object = is_object(prop)
        self._has_elements = self._is_array or "." not in path
        found = [_PathRows(f"{path}.{inner.name}", inner) for inner in prop.nested]
        self.inner = [one for one in found if is_object(one.prop) or has_columns(one.prop)]

    def walk(self) -> Iterator[_PathRows]:
        yield self
        for one in self.inner:
            yield from one.walk()

    def take(self, doc: int, owner: int, value: Any) -> None:
        """The value, which is not None, at this path in element number ``owner`` of ``doc``."""
        items = value
        if self._is_array:
            first = owner << 32
            self.docs.extend([doc] * len(items))
            self.places.extend(range(first, first + len(items)))
        else:
            self.docs.append(doc)
            self.places.append(owner << 32)
            items = (value,)
        if not self._is_object:
            self.values.extend(items)
            return
        for item in items:
            inside = owner
            if self._has_elements:
                inside = self.elements
                self.elements += 1
            for one in self.inner:
                held = item.get(one.name)
                if held is not None:
                    one.take(doc, inside, held)

    def rows(self, words: Mapping[str, TokenNumbers]) -> Iterator[Rows]:
        docs, places = np.array(self.docs, np.uint32), np.array(self.places, np.uint64)
        if is_object(self.prop):
            yield element_column(self.path), docs, places
            return
        name, element = value_column(self.path, self.prop), self.prop.data_type.element
        if element is DataType.TEXT:
            counts, numbers = self._tokens(words[name])
            docs, places, values = np.repeat(docs, counts), np.repeat(places, counts), np.array(numbers, np.uint32)
        else:
            values = kinds.BY_TYPE[element].encode(self.values)
        yield place_column(self.path, self.prop), docs, places
        yield name, docs, values

    def _tokens(self, words: TokenNumbers) -> tuple[list[int], list[int]]:
        """How many rows each text has, and all numbers."""
        counts, numbers = [], []
        for text in self.values:
            tokens = dict.fromkeys(tokenize(text, self.prop.tokenization, self.prop.text_analyzer))
            counts.append(1 + len(tokens))
            numbers.append(ITEM)
            numbers.extend(map(words.number, tokens))
        return counts, numbers


def rows_of(
    roots: Sequence[Property], doc_ids: Ids, objects: Sequence[Object], words: Mapping[str, TokenNumbers]
) -> list[Rows]:
    """What the objects under ``doc_ids (n,)`` add to the columns of ``roots``, object properties of a collection.

    ``words`` has those of each column of tokens, and gains new ones.
    """
    found: list[Rows] = []
    for root in roots:
        gathered = _PathRows(root.name, root)
        everywhere = list(gathered.walk())
        for doc, obj in zip(doc_ids.tolist(), objects, strict=True):
            value = obj.properties.get(root.name)
            if value is None:
                continue
            for one in everywhere:
                one.elements = 0
            gathered.take(doc, 0, value)
        for one in everywhere:
            found.extend(one.rows(words))
    return found
