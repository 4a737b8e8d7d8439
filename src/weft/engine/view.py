"""View: the state of a part at one moment, as a query sees it.

Objects are identified by ``doc_ids``, small integers that are valid within one view. A view is a snapshot: while it is
referenced, everything that it names can be read as it was when the view was taken, whatever is replaced or removed
meanwhile. An engine frees that space when the view is let go, so views are not kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from weft.domain.aggregate import AggregatedGroup, PropertyAggregation
from weft.domain.filters import Filter
from weft.domain.objects import Object, Vector
from weft.domain.query import Keyword, Sort
from weft.domain.schema import CollectionConfig
from weft.engine.record import Record, Records
from weft.engine.results import DocIds, Matches, Neighbours, TokenMatches, WordShare
from weft.engine.selection import Resolve, Selection


class View(Protocol):
    """Vectors and properties are named as in ``config``; an unknown vector raises NotFound."""

    @property
    def config(self) -> CollectionConfig: ...

    def dims(self, name: str, expected: int | None = None) -> int | None:
        """The dimensions of the vectors ``name``; None while no object has one.

        An engine that would have to look for such an object may answer ``expected`` without, where any later vector
        would have that many.
        """
        ...

    # -- which objects

    def find(self, uuids: Sequence[bytes]) -> list[int | None]:
        """The doc_id of each uuid, expired objects included; None if there is no such object."""
        ...

    def page(self, after: bytes | None, limit: int) -> DocIds:
        """``(n,)``: the first ``limit`` objects in order of uuid, after ``after``; fewer only at the end."""
        ...

    def select(self, filter: Filter, resolve: Resolve | None = None) -> Selection:
        """The objects that satisfy ``filter``. Raises Invalid.

        ``resolve`` evaluates conditions on referenced objects; None refuses them.
        """
        ...

    def sorted(self, within: Selection | None, keys: Sequence[Sort], limit: int) -> DocIds:
        """``(n,)``: the first ``limit`` (0: all) by ``keys``; no value comes first ascending, last descending.

        ``within`` None: of all objects. Ties, and without ``keys`` all, are in order of uuid. Raises Invalid.
        """
        ...

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
        """The ``k`` nearest to ``query``, ``(d,)`` or ``(Tq, d)`` f32, none farther than ``max_distance``.

        Ascending; equal distances by uuid, also where ``k`` cuts them. With a ``depth`` the first ``k`` of a list that
        depends on ``depth`` alone: what a search for the ``depth`` nearest finds, and more only where that is exact.
        With a ``head`` the first so many are found as by a search for these alone, while some of the others may be
        missed.
        """
        ...

    def keyword(self, query: Keyword, k: int, within: Selection | None) -> Matches:
        """The ``k`` best by BM25F; equal scores by uuid, also where ``k`` cuts them.

        Scores count the objects of the view only. Raises Invalid for properties that are not searchable.
        """
        ...

    # -- their contents

    def uuids(self, doc_ids: Sequence[int]) -> list[bytes]:
        """The 16 bytes of each."""
        ...

    def records(self, doc_ids: Sequence[int]) -> Records:
        """The stored object of each. Raises CorruptData."""
        ...

    def vectors(self, name: str, doc_ids: Sequence[int]) -> list[Vector | None]:
        """Copies, ``(d,)`` or ``(T, d)``, as given (up to ``Capabilities.exact_vectors``); None without one."""
        ...

    def distances(self, name: str, query: Vector, doc_ids: DocIds) -> npt.NDArray[np.float32]:
        """``(n,)``, exact; NaN where an object has no such vector."""
        ...

    def numbers(self, property: str, doc_ids: DocIds) -> npt.NDArray[np.float64]:
        """``(n,)``: the values of an int, number or date property (dates in seconds since 1970); NaN without one."""
        ...

    def aggregate(
        self,
        over: Selection | DocIds | None,
        properties: Sequence[PropertyAggregation],
        group_by: str | None,
        groups: int,
    ) -> list[AggregatedGroup]:
        """Figures over some objects (None: all): for each property, the requested metrics that have a value.

        Without ``group_by`` one group, whose value is None; with it the ``groups`` greatest, ties by value. References
        are grouped by their beacons, dates by their text. The caller has checked that the properties exist and have
        types that can be aggregated.
        """
        ...

    def explain_keyword(self, query: Keyword, doc_ids: Sequence[int]) -> list[str]:
        """For each doc_id, the words that contribute to its score."""
        ...

    def word_shares(self, query: Keyword, doc_id: int) -> list[WordShare]:
        """What each word adds to the document's score; empty where the engine does not say it."""
        ...

    def explain_tokens(self, name: str, query: Vector, doc_id: int, *, matrix: bool = False) -> TokenMatches:
        """Which token of the object matches each of ``query (Tq, d)`` best. Invalid for a single vector."""
        ...


def find_records(view: View, uuids: Sequence[bytes]) -> list[tuple[int, Record] | None]:
    """The doc_id and the record of each uuid; None where there is no such object."""
    doc_ids = view.find(uuids)
    present = [doc_id for doc_id in doc_ids if doc_id is not None]
    records = dict(zip(present, view.records(present), strict=True))
    return [None if doc_id is None else (doc_id, records[doc_id]) for doc_id in doc_ids]


def find_objects(view: View, uuids: Sequence[bytes], *, vectors: bool) -> list[tuple[int, Object] | None]:
    """As ``find_records``, fully decoded; ``vectors``: with their vectors."""
    found = [None if one is None else (one[0], one[1].to_object()) for one in find_records(view, uuids)]
    if vectors:
        present = [one for one in found if one is not None]
        for name in view.config.stored if present else ():
            stored = view.vectors(name, [doc_id for doc_id, _ in present])
            for (_, obj), vector in zip(present, stored, strict=True):
                if vector is not None:
                    obj.vectors[name] = vector
    return found
