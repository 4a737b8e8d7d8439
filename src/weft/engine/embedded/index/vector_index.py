"""VectorIndex: the interface of every index over the vectors of one name, and of the source that it reads.

Single vectors and multi-vectors differ in the shape of a vector: ``(d,)`` or ``(T, d)`` f32. All else is the same, and
one suite, ``tests/contract/test_vectors.py``, checks it for every kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from pyroaring import BitMap

from weft.domain.errors import CorruptData
from weft.domain.objects import Vector
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.ties import BY_DOC_ID, Ties
from weft.engine.embedded.storage.rows import Rows
from weft.engine.results import DocIds, Neighbours

_CHECKED_AT_ONCE_BYTES = 32 << 20
"""Bytes checked in a step of upkeep: some 10 ms of hashing when the file is cached; two steps per second."""

R_co = TypeVar("R_co", bound=Rows, covariant=True)


class VectorSource(Protocol[R_co]):
    """The vectors of one name: ``storage.VectorFile`` with ``VectorRows``, ``RaggedVectorFile`` with ``TokenRows``."""

    @property
    def rows(self) -> R_co:
        """The committed rows, a consistent state; the floats are mapped and not checked."""
        ...

    def get(self, doc_ids: Sequence[int]) -> list[Vector | None]:
        """Checked copies of the vectors, ``(d,)`` or ``(T, d)``; None for an object without one. Raises CorruptData."""
        ...

    def verify_some(self, most_bytes: int) -> bool:
        """Checks about ``most_bytes`` that were not read yet; True when none are left. Raises CorruptData."""
        ...


@dataclass(frozen=True, slots=True)
class VectorIndexStats:
    """``rows`` are searchable; ``waiting`` of them are searched exactly until upkeep builds them in."""

    rows: int
    waiting: int
    components: Mapping[str, int] = field(default_factory=dict)
    """Bytes of each part of the index, in memory or mapped; the vectors themselves are not counted."""


class VectorIndex(Protocol):
    """One thread calls ``extend`` and ``checkpoint``; another may call ``maintain`` concurrently; any number search."""

    @property
    def covered(self) -> int:
        """How many rows of the source, from the first on, searches find."""
        ...

    def extend(self) -> None:
        """Takes in the rows that the source has beyond ``covered``; they are found when this returns."""
        ...

    def search(
        self,
        query: Vector,
        k: int,
        allow: AllowList | None = None,
        *,
        max_distance: float | None = None,
        ties: Ties = BY_DOC_ID,
    ) -> Neighbours:
        """The ``k`` nearest allowed objects (None: all) to ``query``, ``(d,)`` or ``(Tq, d)``, none farther than
        ``max_distance``; objects of equal distance in the order of ``ties``.

        Raises Invalid when the query does not fit the stored vectors, CorruptData when these are known to be damaged.
        """
        ...

    def distances(self, query: Vector, doc_ids: Sequence[int] | DocIds) -> Vector:
        """``(n,) f32``, exact; NaN where the object has no such vector. Raises as ``search`` does."""
        ...

    def maintain(self, live: BitMap) -> bool:
        """A step of work off the query path: checks, trains, builds; True if anything was done. Raises CorruptData."""
        ...

    def checkpoint(self) -> None:
        """Writes the snapshot, so that nothing is rebuilt at the next opening. Raises StorageFull."""
        ...

    def close(self) -> None:
        """Ends upkeep; a running build is discarded. A closed index still answers readers that hold it."""
        ...

    def stats(self) -> VectorIndexStats: ...


class SourceCheck:
    """Checks a source's bytes against their checksums: each is read once, some in every step of upkeep.

    Searches compute on mapped floats, which are not checked as they are read. Once a step has found damage, searches
    are refused; their results between the opening and that step may have been wrong.
    """

    def __init__(self, source: VectorSource[Rows]) -> None:
        self._source = source
        self._done = False
        self._damage: CorruptData | None = None

    def step(self) -> bool:
        """Checks some bytes; True if more are left. Raises CorruptData, every time from then on."""
        self.require_whole()
        if self._done:
            return False
        try:
            self._done = self._source.verify_some(_CHECKED_AT_ONCE_BYTES)
        except CorruptData as damage:
            self._damage = damage
            raise
        return not self._done

    def require_whole(self) -> None:
        """Raises CorruptData when a step has found damage."""
        if self._damage is not None:
            # A new error each time: many threads would add to the traceback of one that they share.
            raise CorruptData(self._damage.message, **self._damage.facts)  # type: ignore[arg-type]
