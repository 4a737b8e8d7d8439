"""VectorIndex: the interface of every index over the vectors of one name, and of the source that it reads.

Single vectors and multi-vectors differ in the shape of a vector: ``(d,)`` or ``(T, d)`` f32. All else is the same, and
one suite, ``tests/contract/test_vectors.py``, checks it for every kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from pyroaring import BitMap

from weft.domain.errors import CorruptData
from weft.domain.objects import Vector
from weft.domain.schema import VectorIndexConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.ties import BY_DOC_ID, Ties
from weft.engine.embedded.storage.rows import Rows, TokenRows, VectorRows
from weft.engine.results import DocIds, Neighbours
from weft.files.lineage import Origin

_CHECKED_AT_ONCE_BYTES = 32 << 20
"""Bytes checked in a step of upkeep: some 10 ms of hashing when the file is cached; two steps per second."""

R_co = TypeVar("R_co", bound=Rows, covariant=True)


class VectorSource(Protocol[R_co]):
    """The vectors of one name: ``storage.VectorFile`` with ``VectorRows``, ``RaggedVectorFile`` with ``TokenRows``."""

    @property
    def rows(self) -> R_co:
        """The committed rows, a consistent state; the floats are mapped, and checked by ``require``."""
        ...

    @property
    def origin(self) -> Origin:
        """The store that they are in."""
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
    added: int = 0
    """How many vectors have been put into what was built since the opening; one for each if each was once."""


class VectorIndex(Protocol):
    """One thread calls ``extend`` and ``checkpoint``; another may call ``maintain`` concurrently; any number search."""

    @property
    def covered(self) -> int:
        """How many rows of the source, from the first on, searches find."""
        ...

    def extend(self) -> None:
        """Takes in the rows that the source has beyond ``covered``; they are found when this returns."""
        ...

    def configure(self, config: VectorIndexConfig) -> bool:
        """Applies ``config`` if it ``is_built_as`` the present one; False: another index has to be opened for it."""
        ...

    def search(
        self,
        query: Vector,
        k: int,
        allow: AllowList | None = None,
        *,
        max_distance: float | None = None,
        ties: Ties = BY_DOC_ID,
        depth: int | None = None,
        head: int | None = None,
    ) -> Neighbours:
        """The ``k`` nearest allowed objects (None: all) to ``query``, ``(d,)`` or ``(Tq, d)``, none farther than
        ``max_distance``; objects of equal distance in the order of ``ties``.

        With a ``depth`` the first ``k`` of a list that depends on ``depth`` alone: what a search for the ``depth``
        nearest finds, and more only where that is exact. With a ``head`` only the first so many need be found as
        reliably as by a search for these alone.

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
        """Writes what is not on disk yet, so that nothing is rebuilt at the next opening. Raises StorageFull."""
        ...

    def abandon(self) -> None:
        """Ends upkeep; a running build is given up soon after this returns. The index still answers readers that hold
        it, and another one may be opened ``after`` it."""
        ...

    def close(self) -> None:
        """As ``abandon``, and returns when nothing is written to the folder any more."""
        ...

    def stats(self) -> VectorIndexStats: ...


class SourceCheck:
    """Checks a source's bytes against their checksums: each is read once, some in every step of upkeep, and those that
    a search needs before it uses them.

    Once damage has been found, by whatever reads the source, searches are refused.
    """

    def __init__(self, source: VectorSource[VectorRows | TokenRows]) -> None:
        self._source = source
        self._done = False

    def step(self) -> bool:
        """Checks some bytes; True if more are left. Raises CorruptData, every time from then on."""
        self.require_whole()
        if not self._done:
            self._done = self._source.verify_some(_CHECKED_AT_ONCE_BYTES)
        return not self._done

    def look(self, start: int) -> None:
        """Checks the rows from ``start`` on, which are about to be encoded. Damage is only noted: what is encoded of it
        is not searched."""
        with suppress(CorruptData):
            self._source.rows.require_from(start)

    def require_whole(self) -> None:
        """Raises CorruptData when damage has been found."""
        file = self._source.rows.file
        if file is not None and (damage := file.damage) is not None:
            # A new error each time: many threads would add to the traceback of one that they share.
            raise CorruptData(damage.message, **damage.facts)  # type: ignore[arg-type]
