"""FilterView: one immutable state of all columns, as a reader of the filter index sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeAlias

from pyroaring import BitMap

from weft.domain.filters import ID, Filter
from weft.domain.schema import CollectionConfig
from weft.engine.embedded.index.filter.bitmaps import Ids
from weft.engine.embedded.index.filter.column import ColumnView
from weft.engine.embedded.index.filter.nested.token_numbers import TokenNumbers
from weft.engine.embedded.index.ties import Ties, ties_of


class TextIndex(Protocol):
    """The part of the inverted index that filters on text use; doc_ids may be dead."""

    def documents(self, property: str, token: str) -> BitMap: ...
    def matching(self, property: str, pattern: str) -> BitMap: ...
    def range(
        self, property: str, low: str | None, high: str | None, include_low: bool, include_high: bool
    ) -> BitMap: ...
    def analyze(self, property: str, text: str) -> list[str]: ...
    def stopwords(self, property: str) -> Iterable[str]: ...


ReferenceResolver: TypeAlias = Callable[[str, Filter, str], BitMap]
"""``(property, inner_filter, collection)`` → doc_ids here whose ``property`` points to an object of ``collection`` that
``inner_filter`` selects."""


ReadTexts: TypeAlias = Callable[[Ids, str, bytes], Sequence[Any]]
"""``(doc_ids, property, needle)`` → the stored value of each; None where absent, and allowed where the object does not
contain the bytes ``needle``."""


@dataclass(frozen=True, eq=False)
class FilterView:
    """``version`` differs between any two views of an index; ``covered``: every doc_id below it has been added."""

    version: int
    covered: int
    config: CollectionConfig
    columns: Mapping[str, ColumnView]
    words: Mapping[str, TokenNumbers] = field(default_factory=dict)
    """Of the paths of nested texts."""
    has_elements: bool = False
    """Whether the collection has object properties."""

    @cached_property
    def ties(self) -> Ties:
        """All objects that were added, in order of uuid."""
        column = self.columns[ID]
        return ties_of(column.values, column.docs)
