"""Query: a search with its filters, paging, grouping and requested fields."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from weft.domain.boost import Boost
from weft.domain.filters import Filter
from weft.domain.generation import Generate, Rerank
from weft.domain.objects import Vector


class Combination(StrEnum):
    """How the distances to several target vectors are combined."""

    MINIMUM = "minimum"
    SUM = "sum"
    AVERAGE = "average"
    RELATIVE_SCORE = "relativeScore"
    MANUAL = "manualWeights"


@dataclass(frozen=True, slots=True)
class Targets:
    """Which vectors are searched. A name may repeat: then each occurrence has its own query vector and weight.

    No names: the collection's only vector. ``weights`` has one number per name, or is empty.
    """

    names: tuple[str, ...] = ()
    combination: Combination = Combination.MINIMUM
    weights: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Mmr:
    """Maximal marginal relevance: ``balance`` 1 is pure relevance, 0 pure diversity; ``limit`` hits are selected."""

    limit: int
    balance: float


@dataclass(frozen=True, slots=True)
class Near:
    """The common part of all vector searches. At most one of ``max_distance`` and ``min_certainty`` is given."""

    targets: Targets = Targets()
    max_distance: float | None = None
    min_certainty: float | None = None
    mmr: Mmr | None = None


@dataclass(frozen=True, slots=True)
class NearVector(Near):
    """``vectors`` goes with ``targets.names``, one each; with no names it holds one."""

    vectors: tuple[Vector, ...] = ()


@dataclass(frozen=True, slots=True)
class NearObject(Near):
    uuid: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    force: float
    concepts: tuple[str, ...] = ()
    uuids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NearText(Near):
    texts: tuple[str, ...] = ()
    move_to: Move | None = None
    move_away: Move | None = None


class MediaKind(StrEnum):
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    DEPTH = "depth"
    THERMAL = "thermal"
    IMU = "imu"


@dataclass(frozen=True, slots=True)
class NearMedia(Near):
    """``data`` is base64 text."""

    kind: MediaKind = MediaKind.IMAGE
    data: str = ""


class MatchOperator(StrEnum):
    OR = "Or"
    AND = "And"
    AND_CROSS = "AndCross"


@dataclass(frozen=True, slots=True)
class Keyword:
    """BM25F over ``properties`` (``name`` or ``name^boost``; none: all searchable ones)."""

    text: str
    properties: tuple[str, ...] = ()
    operator: MatchOperator = MatchOperator.OR
    minimum_match: int = 0
    """With OR: the fewest tokens of the query that one property must contain."""


class Fusion(StrEnum):
    RANKED = "rankedFusion"
    RELATIVE_SCORE = "relativeScoreFusion"


@dataclass(frozen=True, slots=True)
class Hybrid:
    """Keyword and vector search fused; ``alpha`` is the share of the vector leg.

    The vector leg is ``near`` (its targets are ignored in favour of ``targets``); None: ``keyword.text`` is embedded.
    """

    keyword: Keyword
    alpha: float = 0.75
    fusion: Fusion = Fusion.RELATIVE_SCORE
    near: NearVector | NearText | None = None
    targets: Targets = Targets()
    max_vector_distance: float | None = None
    mmr: Mmr | None = None
    near_stated: bool = False
    """Whether ``near`` was stated as a search of its own, not as a mere vector."""


Search: TypeAlias = NearVector | NearObject | NearText | NearMedia | Keyword | Hybrid


@dataclass(frozen=True, slots=True)
class Sort:
    """By a property, or by ``_id``, ``_creationTimeUnix``, ``_lastUpdateTimeUnix``."""

    path: str
    ascending: bool = True


@dataclass(frozen=True, slots=True)
class GroupBy:
    property: str
    groups: int
    objects_per_group: int


@dataclass(frozen=True, slots=True)
class Condense:
    """Hits whose vectors are close to each other become one: the first of them, or all of them ``merged``.

    Close means that half the cosine distance is less than ``force``.
    """

    force: float
    merged: bool


@dataclass(frozen=True, slots=True)
class NestedSelection:
    """The requested fields of an object property."""

    name: str
    fields: tuple[str, ...] = ()
    nested: tuple[NestedSelection, ...] = ()


@dataclass(frozen=True, slots=True)
class ReferenceSelection:
    """The requested parts of the objects that ``property`` points to; only those in ``collection`` if it is given."""

    property: str
    returns: Returns
    collection: str | None = None

    def covers(self, collection: str) -> bool:
        return self.collection is None or self.collection == collection


@dataclass(frozen=True, slots=True)
class Returns:
    """The requested parts of each hit. ``properties`` None: all but references and blobs."""

    properties: tuple[str, ...] | None = None
    nested: tuple[NestedSelection, ...] = ()
    references: tuple[ReferenceSelection, ...] = ()
    uuid: bool = True
    vector: bool = False
    """The unnamed vector, or all named vectors."""
    vectors: tuple[str, ...] = ()
    created: bool = False
    updated: bool = False
    distance: bool = False
    certainty: bool = False
    score: bool = False
    explain_score: bool = False
    is_consistent: bool = False
    profile: bool = False


UNPAGED = -2
"""The limit of a query over GraphQL that says nothing of a page; such queries have a default of their own."""


@dataclass(slots=True)
class Query:
    """Never changed: making it frozen would cost a search as much as to parse its request does.

    ``limit`` 0 is the server's default, -1 its largest, see also UNPAGED; ``after`` is a cursor in uuid order.
    """

    collection: str
    tenant: str | None = None
    search: Search | None = None
    filter: Filter | None = None
    limit: int = 0
    offset: int = 0
    autocut: int = 0
    after: str | None = None
    sort: tuple[Sort, ...] = ()
    group_by: GroupBy | None = None
    condense: Condense | None = None
    rerank: Rerank | None = None
    generate: Generate | None = None
    boost: Boost | None = None
    returns: Returns = Returns()
