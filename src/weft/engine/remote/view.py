"""RemoteView: a remote engine as a query sees it; its doc_ids are ``Handles``.

It is no whole snapshot: what it has named reads as it was first seen, and what it has not seen yet is read as it is now
(``Capabilities.snapshots``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from weft.domain.aggregate import AggregatedGroup, PropertyAggregation
from weft.domain.deadline import check
from weft.domain.errors import Invalid, NotFound
from weft.domain.filters import ID, And, Filter, Not
from weft.domain.objects import Vector
from weft.domain.query import Keyword, Sort
from weft.domain.schema import CollectionConfig, VectorConfig
from weft.engine.record import RecordCodec, Records
from weft.engine.remote import ranked
from weft.engine.remote.bounds import exactly
from weft.engine.remote.distances import distances, restored, tokens_explained
from weft.engine.remote.handles import Handles
from weft.engine.remote.judge import Judge
from weft.engine.remote.keys import RowKeys
from weft.engine.remote.lowering import Lowering
from weft.engine.remote.row_test import EVERYTHING, HasVector
from weft.engine.remote.selection import RemoteSelection, narrowed
from weft.engine.remote.store import AT_ONCE, RemoteAbilities, RemoteRows
from weft.engine.remote.word_statistics import KeptStatistics
from weft.engine.remote.words import WordSearch
from weft.engine.results import NO_NEIGHBOURS, DocIds, Matches, Neighbours, TokenMatches, WordShare
from weft.engine.selection import Referenced, Resolve, Selection

_NO_MATCHES = Matches(np.zeros(0, np.uint32), np.zeros(0, np.float32))
_ID_PATHS = ("id", ID)

Check: TypeAlias = Callable[[], None]


class RemoteView:
    """``hidden``: what has expired and is not visible; ``check``: raises NotFound when the part is gone."""

    def __init__(
        self,
        rows: RemoteRows,
        keys: RowKeys,
        codec: RecordCodec,
        checker: Judge,
        abilities: RemoteAbilities,
        statistics: KeptStatistics,
        hidden: Filter | None,
        check: Check,
    ) -> None:
        self._rows = rows
        self._keys = keys
        self._abilities = abilities
        self._statistics = statistics
        self._check = check
        self._codec = codec
        self._checker = checker
        self._hidden = hidden
        self.handles = Handles(keys.config, codec)
        everything = RemoteSelection(rows, self.handles, None, exactly(EVERYTHING), abilities.name)
        if hidden is not None:
            visible = Not(hidden)
            everything = narrowed(everything, visible, Lowering(keys, abilities, None).bounds(visible), None)
        self._everything = everything

    def again(self) -> RemoteView:
        """A view that hides what this one does, and has seen nothing."""
        kept = self._rows, self._keys, self._codec, self._checker, self._abilities, self._statistics
        return RemoteView(*kept, self._hidden, self._check)

    @property
    def config(self) -> CollectionConfig:
        return self._keys.config

    def dims(self, name: str, expected: int | None = None) -> int | None:
        self._vector(name)
        known = self._rows.dims().get(name)
        if known is None or known == expected:
            return known
        return known if self._rows.count([HasVector(name)])[0] else None

    # -- which objects

    def find(self, uuids: Sequence[bytes]) -> list[int | None]:
        self._check()
        missing = [uuid for uuid in dict.fromkeys(uuids) if self.handles.of(uuid) is None]
        for start in range(0, len(missing), AT_ONCE):
            found = self._rows.fetch(missing[start : start + AT_ONCE])
            self.handles.see_all(row for row in found if row is not None)
        return [self.handles.of(uuid) for uuid in uuids]

    def page(self, after: bytes | None, limit: int) -> DocIds:
        self._check()
        return self._everything.after(after, limit)

    def select(self, filter: Filter, resolve: Resolve | None = None) -> RemoteSelection:
        check()
        known = None if resolve is None else _once(resolve)
        self._checker.check(filter, known)
        bounds = Lowering(self._keys, self._abilities, known).bounds(filter)
        return narrowed(self._everything, filter, bounds, known)

    def still(self, filter: Filter, resolve: Resolve | None, doc_ids: Sequence[int]) -> list[bool]:
        """Whether each object, as it was found, satisfies ``filter`` and is visible."""
        both = filter if self._everything.filter is None else And((filter, self._everything.filter))
        found: list[bool] = self.handles.judge().selects(both, np.asarray(doc_ids, np.uint32), resolve).tolist()
        return found

    def sorted(self, within: Selection | None, keys: Sequence[Sort], limit: int) -> DocIds:
        self._check()
        chosen = self._own(within)
        self.handles.judge().sorted(np.zeros(0, np.uint32), keys, limit)  # which refuses what cannot be sorted
        if not keys or (keys[0].path in _ID_PATHS and keys[0].ascending):
            return chosen.after(None, limit or None)
        doc_ids = chosen.first()
        return self.handles.judge().sorted(doc_ids, keys, limit)

    def nearest(
        self,
        name: str,
        query: Vector,
        k: int,
        within: Selection | None,
        max_distance: float | None,
        *,
        depth: int | None = None,
        head: int | None = None,
    ) -> Neighbours:
        self._check()
        self._vector(name)
        chosen = self._own(within)
        if k <= 0 or name not in self._rows.dims():
            return NO_NEIGHBOURS
        where, most = chosen.bounds.most, self._abilities.most_hits
        wanted = min(max(k, depth or 0), most)
        found = ranked.nearest(
            lambda n: self._rows.nearest(name, query, n, where), self.handles, chosen, wanted, max_distance, most
        )
        return Neighbours(found.doc_ids[:k], found.numbers[:k])

    def keyword(self, query: Keyword, k: int, within: Selection | None) -> Matches:
        self._check()
        chosen = self._own(within)
        statistics = self._statistics.of(self._rows, self._everything.bounds.most)
        search = WordSearch(query, self._keys, statistics)
        found = search.best(self._rows.words, self.handles, chosen, k, self._abilities.most_hits)
        return Matches(found.doc_ids, -found.numbers) if len(found.doc_ids) else _NO_MATCHES

    # -- their contents

    def uuids(self, doc_ids: Sequence[int]) -> list[bytes]:
        return self.handles.uuids(doc_ids)

    def records(self, doc_ids: Sequence[int]) -> Records:
        self._check()
        return self.handles.records(doc_ids)

    def vectors(self, name: str, doc_ids: Sequence[int]) -> list[Vector | None]:
        self._vector(name)
        uuids = self.handles.uuids(doc_ids)
        found: list[Vector | None] = []
        for start in range(0, len(uuids), AT_ONCE):
            found += self._rows.vectors(name, uuids[start : start + AT_ONCE])
        return [
            None if vector is None else restored(vector, self.handles.body(doc_id).norms.get(name))
            for doc_id, vector in zip(doc_ids, found, strict=True)
        ]

    def distances(self, name: str, query: Vector, doc_ids: DocIds) -> npt.NDArray[np.float32]:
        return distances(self._vector(name).index, query, self.vectors(name, doc_ids.tolist()))

    def numbers(self, property: str, doc_ids: DocIds) -> npt.NDArray[np.float64]:
        gathered = self.handles.judge().gather(property, doc_ids)
        assert gathered is not None, "numbers and dates have columns"
        return gathered.numbers()

    def aggregate(
        self,
        over: Selection | DocIds | None,
        properties: Sequence[PropertyAggregation],
        group_by: str | None,
        groups: int,
    ) -> list[AggregatedGroup]:
        self._check()
        if isinstance(over, np.ndarray):
            return self.handles.judge().figures(np.sort(over), properties, group_by, groups)
        chosen = self._own(over)
        if not properties and group_by is None:
            return [AggregatedGroup(None, len(chosen), ())]
        doc_ids = np.sort(chosen.first())
        return self.handles.judge().figures(doc_ids, properties, group_by, groups)

    def explain_keyword(self, query: Keyword, doc_ids: Sequence[int]) -> list[str]:
        return self.handles.judge().explain(query, doc_ids)

    def word_shares(self, query: Keyword, doc_id: int) -> list[WordShare]:
        return []

    def explain_tokens(self, name: str, query: Vector, doc_id: int, *, matrix: bool = False) -> TokenMatches:
        index = self._vector(name).index
        if index.multivector is None:
            raise Invalid(f"vector {name!r} is a single vector; only multi-vectors have tokens to explain")
        (document,) = self.vectors(name, [doc_id])
        return tokens_explained(index, query, doc_id, document, matrix=matrix)

    # -- inside

    def _vector(self, name: str) -> VectorConfig:
        found = self.config.stored.get(name)
        if found is None:
            raise NotFound(f"collection {self.config.name} has no vector {name!r}")
        return found

    def _own(self, within: Selection | None) -> RemoteSelection:
        if within is None:
            return self._everything
        assert isinstance(within, RemoteSelection), "a selection belongs to the view that made it"
        return within


def _once(resolve: Resolve) -> Resolve:
    """``resolve``, asked once for each condition."""
    known: dict[tuple[str, str, str], Referenced] = {}

    def resolved(property: str, inner: Filter, collection: str) -> Referenced:
        key = property, repr(inner), collection
        if key not in known:
            known[key] = resolve(property, inner, collection)
        return known[key]

    return resolved
