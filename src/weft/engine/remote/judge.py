"""Judge: the embedded indexes of filters and words over a few objects, in memory and thrown away with its view.

So a filter, an order and a figure mean the same in every engine: what an engine cannot answer exactly is answered here,
over the objects that it has returned. About 20 µs for each object.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.domain.aggregate import AggregatedGroup, PropertyAggregation
from weft.domain.deadline import checked
from weft.domain.filters import Filter
from weft.domain.objects import Object, Value
from weft.domain.query import Keyword, Sort
from weft.domain.schema import CollectionConfig
from weft.engine.embedded.figures import aggregate
from weft.engine.embedded.index.filter.gathered import Gathered
from weft.engine.embedded.index.filter.index import FilterIndex
from weft.engine.embedded.index.inverted import InvertedIndex
from weft.engine.results import DocIds
from weft.engine.selection import Resolve

_NOWHERE = Path("remote")
"""Followed indexes write nothing, and there is nothing to read."""
_AT_ONCE = 1000


class Judge:
    """``object_of``: the object of a doc_id. Objects are added in order of doc_id, each once."""

    def __init__(self, config: CollectionConfig, object_of: Callable[[int], Object]) -> None:
        self._config = config
        self._object_of = object_of
        self._words = InvertedIndex(_NOWHERE, config, followed=True)
        self._filters = FilterIndex(_NOWHERE, config, self._words, followed=True)

    def cover(self, end: int) -> None:
        """Add every object below ``end``."""
        for start in checked(range(self._filters.covered, end, _AT_ONCE)):
            ids = range(start, min(start + _AT_ONCE, end))
            objects = [self._object_of(doc_id) for doc_id in ids]
            self._words.add(ids, [obj.properties for obj in objects])
            self._filters.add(ids, objects)

    def check(self, filter: Filter, resolve: Resolve | None) -> None:
        """Raises Invalid for a filter that the schema, the index settings or the types do not allow."""
        self._filters.check(filter, references=resolve is not None)

    def selects(self, filter: Filter, doc_ids: DocIds, resolve: Resolve | None) -> npt.NDArray[np.bool_]:
        """``(n,)``: which of ``doc_ids (n,)``, which are covered, satisfy ``filter``."""

        def referring(property: str, inner: Filter, collection: str) -> BitMap:
            assert resolve is not None, "refused when the filter was checked"
            found = resolve(property, inner, collection)
            return self._filters.referring(property, found.uuids, found.collection)

        found = self._filters.evaluate(filter, BitMap(doc_ids), referring, self._texts)
        return np.fromiter((doc_id in found for doc_id in doc_ids.tolist()), np.bool_, len(doc_ids))

    def sorted(self, doc_ids: DocIds, keys: Sequence[Sort], limit: int) -> DocIds:
        return self._filters.sort(doc_ids, keys, limit, self._values)

    def gather(self, property: str, doc_ids: DocIds) -> Gathered | None:
        return self._filters.gather(property, doc_ids)

    def figures(
        self, doc_ids: DocIds, properties: Sequence[PropertyAggregation], group_by: str | None, groups: int
    ) -> list[AggregatedGroup]:
        """See ``View.aggregate``; ``doc_ids (n,)`` are ascending."""
        return aggregate(self._config, self._filters, self._values, doc_ids, properties, group_by, groups)

    def explain(self, query: Keyword, doc_ids: Sequence[int]) -> list[str]:
        return self._words.explain(query, doc_ids)

    def _values(self, doc_ids: DocIds, property: str) -> list[Value]:
        return [self._object_of(doc_id).properties.get(property) for doc_id in checked(doc_ids.tolist(), _AT_ONCE)]

    def _texts(self, doc_ids: DocIds, property: str, needle: bytes) -> list[Value]:
        return self._values(doc_ids, property)
