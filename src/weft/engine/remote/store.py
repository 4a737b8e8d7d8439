"""The inner face of a remote engine: what its driver must be able to do with rows.

``RemoteDriver`` makes the seam of all engines (``Driver``, ``Part``, ``View``, ``Selection``) of it, so that a driver
is a client, a compiler of ``RowTest`` and its limits. A row is one object: bytes that only Weft reads (``body``), keys
that the engine filters by, vectors, and a sparse vector of words. The body is the truth; all else is derived from it.

Rules for every engine
- What ``write``, ``insert``, ``replace`` and ``delete`` have returned from is durable, and seen by every later call, of
  this client and of others.
- A call either does all of what it is asked or raises an OperatorError (``Overloaded`` where it may be sent again);
  what it has done before it raised is unknown. All calls may be repeated.
- Order by uuid is that of its 16 bytes.
- Any number of threads call; no call changes its arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from weft.domain.errors import Invalid
from weft.domain.objects import Vector
from weft.domain.schema import Metric, VectorIndexConfig
from weft.engine.remote.row_test import Key, RowTest

AT_ONCE: Final = 1000
"""The most rows and uuids that are passed to one call."""


@dataclass(frozen=True, slots=True)
class RemoteAbilities:
    """What an engine can do. What is False here is never asked of it: it is done above, or refused by name."""

    name: str
    """The kind of engine, by the name that users configure."""
    version: str
    """Of the server that answers, for ``/v1/meta`` and for errors."""
    metrics: frozenset[Metric]
    """Of single vectors."""
    vectors: int | None = None
    """The most names of vectors in a collection; None: any number."""
    multivectors: bool = True
    """MaxSim by cosine and dot product."""
    words: bool = True
    """Sparse vectors by dot product, which searches of words need."""
    conditional_writes: bool = True
    """``insert`` and ``replace`` are atomic, row by row, against all other writers."""
    substrings: bool = True
    """``HasText``."""
    exact_integers: int = 2**63
    """Ranges of integers are exact up to this size: 2**53 where they are compared as doubles."""
    exact_numbers: bool = True
    """Numbers are compared as they were given, not one unit in the last place beside it."""
    normalised: frozenset[Metric] = frozenset()
    """Vectors of these metrics come back with length 1; Weft restores their length up to rounding."""
    exact_vectors: bool = True
    """All other vectors come back bit for bit."""
    most_hits: int = 10_000
    """The most that ``nearest`` and ``words`` can be asked for."""
    refuses: tuple[str, ...] = ()
    """In words, what it cannot do beside that."""
    drops_vectors: bool = True
    """``forget_vector``: a vector that no row has can take other dimensions."""


@dataclass(frozen=True, slots=True)
class RowLayout:
    """What an engine must know of a collection. ``name``: its own name there, ASCII letters, digits and underscores.

    The dimensions of vectors are those of the first that is written, so an engine that must know them creates what
    depends on them then (see ``RemoteRows.write``).
    """

    name: str
    keys: tuple[Key, ...]
    """All that rows may have."""
    indexed: frozenset[str]
    """The names of those that are asked about without any uuid: the settings of the collection exclude the others."""
    vectors: Mapping[str, VectorIndexConfig]
    words: bool
    """Whether rows have a sparse vector."""
    tenants: bool
    """Whether rows belong to tenants."""


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One object to be stored. ``keys``: the values by name of the key, never empty; text, int or float by its kind."""

    uuid: bytes
    body: bytes
    keys: Mapping[str, Sequence[str] | Sequence[int] | Sequence[float]]
    vectors: Mapping[str, Vector] = field(default_factory=dict)
    words: Mapping[int, float] = field(default_factory=dict)
    """Weight by dimension, below 2**32; empty where the object has no words."""


class SeenRow(NamedTuple):
    """What every reading call returns of a row."""

    uuid: bytes
    body: bytes


class RankedRow(NamedTuple):
    row: SeenRow
    number: float
    """A distance as ``Neighbours`` has it (smaller is nearer), or a dot product of words (greater is better)."""


class OtherDimensions(Invalid):
    """A vector ``name`` of a row has other dimensions than the engine knows; no row of the call was stored."""

    def __init__(self, name: str, known: int, given: int) -> None:
        super().__init__(f"vector {name!r} has {known} dimensions in this collection, not {given}", vector=name)
        self.name = name


class RemoteRows(Protocol):
    """The rows of one collection, or of one of its tenants; made for one request, so it holds nothing."""

    def dims(self) -> Mapping[str, int]:
        """The dimensions of the vectors that the engine knows, by name, of the whole collection."""
        ...

    # -- reading

    def fetch(self, uuids: Sequence[bytes]) -> list[SeenRow | None]:
        """Each row, in order; None where there is none."""
        ...

    def vectors(self, name: str, uuids: Sequence[bytes]) -> list[Vector | None]:
        """Each row's vector of that name, ``(d,)`` or ``(T, d)`` f32, in order; None where there is none."""
        ...

    def scan(self, where: RowTest, after: bytes | None, limit: int) -> list[SeenRow]:
        """The first ``limit`` rows by uuid, after ``after``; fewer only at the end."""
        ...

    def count(self, where: Sequence[RowTest]) -> list[int]:
        """The exact number of rows that satisfy each test. One call, because an engine may count them side by side."""
        ...

    def facet(self, key: Key, where: RowTest) -> Mapping[str, int] | Mapping[int, int]:
        """The exact number of rows by value of a keyword or an integer."""
        ...

    def nearest(self, name: str, query: Vector, k: int, where: RowTest) -> list[RankedRow]:
        """The ``k`` rows nearest to ``query``, ascending by distance; equal ones in any order.

        Distances are of the stored float32, not of compressed vectors, and none is missing for want of effort when
        ``k`` covers all rows that satisfy ``where``. ``name`` is one of ``dims``.
        """
        ...

    def words(self, weights: Mapping[int, float], k: int, where: RowTest) -> list[RankedRow]:
        """The ``k`` rows with the greatest positive dot product with ``weights``, descending; equal in any order."""
        ...

    # -- writing

    def write(self, rows: Sequence[StoredRow]) -> None:
        """Store rows of different uuids, replacing those that are there.

        A vector that the engine does not know yet is created with the dimensions of the first one. Raises
        OtherDimensions where it is known with others, from before or from another client at the same time, and
        TooLarge with the ``uuid``, as text, of a row that the engine cannot hold.
        """
        ...

    def insert(self, rows: Sequence[StoredRow]) -> None:
        """As ``write``, but rows that are there stay as they are. Which were stored is read afterwards.

        Needs the ability ``conditional_writes``, as does ``replace``.
        """
        ...

    def replace(self, rows: Sequence[StoredRow], key: Key, values: Sequence[str]) -> None:
        """As ``write``, but each row only where the stored one has its value of ``values`` as the keyword ``key``."""
        ...

    def delete(self, where: RowTest) -> None:
        """Delete what satisfies ``where`` at that moment, each row judged and deleted as one."""
        ...


class RemoteStore(Protocol):
    """A client of one engine. All that it creates begins with ``prefix`` of the address, so several can share it."""

    @property
    def abilities(self) -> RemoteAbilities: ...

    def check(self, layout: RowLayout) -> None:
        """Raises Unsupported, naming what it is, for a collection that the engine cannot hold."""
        ...

    def make(self, layout: RowLayout) -> None:
        """Create the collection, or add to an existing one what it lacks. Idempotent, also of two at the same time."""
        ...

    def drop(self, name: str) -> None:
        """Delete the collection with its rows; does nothing when there is none."""
        ...

    def names(self) -> list[str]:
        """The collections with the prefix."""
        ...

    def rows(self, layout: RowLayout, tenant: str | None) -> RemoteRows:
        """Objects of several tenants may have the same uuid. Needs no request to the engine.

        ``tenant``: an id that is never reused, of ASCII letters and digits; None exactly where there are none.
        """
        ...

    def forget_vector(self, layout: RowLayout, name: str) -> None:
        """Forget the dimensions of a vector that no row has, of any tenant; where one has it, nothing changes.

        Needs the ability ``drops_vectors``.
        """
        ...

    def ping(self) -> None:
        """A question that costs the engine next to nothing. Raises Unreachable, within a few seconds, or another
        OperatorError where it does not answer."""
        ...

    def clear(self) -> None:
        """Delete everything that begins with the prefix, whatever made it; for a prefix of one's own."""
        ...

    def close(self) -> None: ...
