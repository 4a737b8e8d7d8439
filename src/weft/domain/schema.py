"""CollectionConfig: the configuration of a collection as a typed, frozen view.

The JSON document that clients read and write is ``CollectionConfig.document`` (every default filled in, unknown keys
kept); ``service.schema`` makes this view from it. Rooms below ``service`` read only the typed fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

CENTROID_MODULE = "ref2vec-centroid"
"""Makes vectors from those of the objects that an object refers to."""
CHUNK_MODULE = "text2multivec-transformers"
"""Makes multi-vectors with a row for each chunk of a text."""
LEGACY_VECTOR = "default"
"""The name under which a collection without named vectors keeps its one vector."""


class DataType(StrEnum):
    TEXT = "text"
    TEXT_ARRAY = "text[]"
    INT = "int"
    INT_ARRAY = "int[]"
    NUMBER = "number"
    NUMBER_ARRAY = "number[]"
    BOOLEAN = "boolean"
    BOOLEAN_ARRAY = "boolean[]"
    DATE = "date"
    DATE_ARRAY = "date[]"
    UUID = "uuid"
    UUID_ARRAY = "uuid[]"
    GEO = "geoCoordinates"
    PHONE = "phoneNumber"
    BLOB = "blob"
    BLOB_HASH = "blobHash"
    OBJECT = "object"
    OBJECT_ARRAY = "object[]"
    REFERENCE = "cref"

    @property
    def is_array(self) -> bool:
        return self.value.endswith("[]")

    @property
    def element(self) -> DataType:
        """The type of one element: ``text`` for ``text[]``, itself for a scalar."""
        return DataType(self.value.removesuffix("[]"))


BLOBS = frozenset({DataType.BLOB, DataType.BLOB_HASH})
"""Returned only where they are requested by name."""


class Tokenization(StrEnum):
    WORD = "word"
    LOWERCASE = "lowercase"
    WHITESPACE = "whitespace"
    FIELD = "field"
    TRIGRAM = "trigram"
    GSE = "gse"
    GSE_CH = "gse_ch"
    KAGOME_JA = "kagome_ja"
    KAGOME_KR = "kagome_kr"


class Metric(StrEnum):
    COSINE = "cosine"
    DOT = "dot"
    L2 = "l2-squared"
    MANHATTAN = "manhattan"
    HAMMING = "hamming"


@dataclass(frozen=True, slots=True)
class TextAnalyzer:
    ascii_fold: bool = False
    ascii_fold_ignore: tuple[str, ...] = ()
    stopword_preset: str | None = None


@dataclass(frozen=True, slots=True)
class Property:
    name: str
    data_type: DataType
    target_collections: tuple[str, ...] = ()
    """Collections that a reference may point to; empty for every other type."""
    description: str | None = None
    index_filterable: bool = True
    index_searchable: bool = False
    index_range_filters: bool = False
    tokenization: Tokenization | None = None
    text_analyzer: TextAnalyzer = TextAnalyzer()
    nested: tuple[Property, ...] = ()
    module_config: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Per vectorizer module: ``skip``, ``vectorizePropertyName``."""
    distinct_references: bool = False
    """Whether a reference that is added again is kept once (``disableDuplicatedReferences``)."""


class QuantizerKind(StrEnum):
    NONE = "none"
    PQ = "pq"
    BQ = "bq"
    SQ = "sq"
    RQ = "rq"


@dataclass(frozen=True, slots=True)
class Quantizer:
    """How vectors are compressed. ``rescore_limit``: the number of candidates rescored exactly; -1: not given."""

    kind: QuantizerKind = QuantizerKind.NONE
    bits: int = 8
    rescore_limit: int = -1
    training_limit: int = 100_000
    segments: int = 0
    centroids: int = 256
    cache: bool = False


@dataclass(frozen=True, slots=True)
class Muvera:
    """Fixed dimensional encodings (MUVERA, arXiv 2405.19504): repetitions × 2**ksim × dprojections floats."""

    ksim: int = 4
    dprojections: int = 16
    repetitions: int = 10


@dataclass(frozen=True, slots=True)
class MultiVector:
    """Late interaction is on; ``muvera`` is the first stage when given."""

    aggregation: str = "maxSim"
    """Accepted without effect: there is no other."""
    muvera: Muvera | None = None
    pooling: int = 1
    """How many token vectors are merged into one before they are stored; 1 stores them as given."""


@dataclass(frozen=True, slots=True)
class VectorIndexConfig:
    kind: str = "hnsw"
    """``hnsw``, ``flat``, ``dynamic``, ``hfresh`` or ``none`` (the index was dropped)."""
    metric: Metric = Metric.COSINE
    skip: bool = False
    max_connections: int = 32
    ef_construction: int = 128
    ef: int = -1
    dynamic_ef_min: int = 100
    dynamic_ef_max: int = 500
    dynamic_ef_factor: int = 8
    flat_search_cutoff: int = 40_000
    filter_strategy: str = "acorn"
    """Accepted without effect: a search chooses its strategy by cost."""
    quantizer: Quantizer = Quantizer()
    multivector: MultiVector | None = None
    threshold: int = 10_000
    """The number of objects at which a ``dynamic`` index switches from flat search to a graph."""
    search_probe: int = 256
    """``hfresh``: postings read per query."""

    @property
    def is_dropped(self) -> bool:
        """Stored vectors stay and can be read; none is added, and none is searched."""
        return self.kind == "none"

    def is_built_as(self, other: VectorIndexConfig) -> bool:
        """Whether they differ at most in what searches alone use, so that an index of one serves the other as it is."""
        quantizer = replace(self.quantizer, rescore_limit=other.quantizer.rescore_limit)
        searched_as = replace(
            self,
            ef=other.ef,
            dynamic_ef_min=other.dynamic_ef_min,
            dynamic_ef_max=other.dynamic_ef_max,
            dynamic_ef_factor=other.dynamic_ef_factor,
            flat_search_cutoff=other.flat_search_cutoff,
            filter_strategy=other.filter_strategy,
            search_probe=other.search_probe,
            quantizer=quantizer,
        )
        return searched_as == other

    def is_compressed(self, vectors: int) -> bool:
        """Whether an index of so many vectors is searched by codes: those of PQ and SQ are trained on some first."""
        if self.skip or self.is_dropped:
            return False
        match self.quantizer.kind:
            case QuantizerKind.NONE:
                return self.kind == "hfresh"
            case QuantizerKind.BQ:
                return True
            case QuantizerKind.RQ:
                return vectors > 0
            case QuantizerKind.PQ | QuantizerKind.SQ:
                return vectors >= self.quantizer.training_limit


@dataclass(frozen=True, slots=True)
class VectorConfig:
    """One vector of each object: its source and its index.

    ``name`` is what engines, and objects on their way to and from them, call it: that of the schema, or, of a later
    revision, one that no user can give (``revision_name``).
    """

    name: str
    vectorizer: str = "none"
    settings: Mapping[str, Any] = field(default_factory=dict)
    source_properties: tuple[str, ...] | None = None
    index: VectorIndexConfig = VectorIndexConfig()

    @property
    def public_name(self) -> str:
        """Its name in the schema, which all revisions share."""
        return self.name.partition(_REVISION)[0]

    def is_made_as(self, other: VectorConfig) -> bool:
        """Whether both have the same source, so that the vectors of one are those of the other."""
        mine = (self.vectorizer, self.settings, self.source_properties)
        return mine == (other.vectorizer, other.settings, other.source_properties)


_REVISION = "@"


def revision_name(vector: str, number: int) -> str:
    """What engines call the revision ``number`` of the vector that the schema calls ``vector``."""
    return f"{vector}{_REVISION}{number}"


def is_revision(name: str) -> bool:
    """Whether it is a name that ``revision_name`` has made."""
    return _REVISION in name


@dataclass(frozen=True, slots=True)
class StopwordConfig:
    preset: str = "en"
    additions: tuple[str, ...] = ()
    removals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InvertedConfig:
    bm25_b: float = 0.75
    bm25_k1: float = 1.2
    stopwords: StopwordConfig = StopwordConfig()
    stopword_presets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    index_null_state: bool = False
    index_property_length: bool = False
    index_timestamps: bool = False


@dataclass(frozen=True, slots=True)
class Tenancy:
    enabled: bool = False
    auto_creation: bool = False
    auto_activation: bool = False


@dataclass(frozen=True, slots=True)
class Expiry:
    """Objects expire ``after_s`` seconds after ``property``: a date, or one of the timestamps of ``filters``.

    ``hidden``: searches exclude expired objects that are not deleted yet.
    """

    property: str
    after_s: int
    hidden: bool


@dataclass(frozen=True)
class CollectionConfig:
    name: str
    properties: tuple[Property, ...] = ()
    vectors: Mapping[str, VectorConfig] = field(default_factory=dict)
    """By name in the schema, in the order of the document: those that searches use."""
    revisions: Mapping[str, VectorConfig] = field(default_factory=dict)
    """By the engines' names: what takes the place of one of ``vectors`` when it is complete, or has left it and is kept
    for a while. Objects get these, too."""
    unnamed_vector: bool = False
    """Whether one is of the legacy form (top-level ``vectorizer``), called ``LEGACY_VECTOR``. Requests need not name
    it, and replies have it in the unnamed vector fields; others may have been added to it."""
    description: str | None = None
    inverted: InvertedConfig = InvertedConfig()
    tenancy: Tenancy = Tenancy()
    expiry: Expiry | None = None
    module_config: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Collection-wide modules (generative-…, reranker-…) with their settings."""
    document: Mapping[str, Any] = field(default_factory=dict)
    """The JSON document of the collection, as a client reads it."""
    derived: dict[str, object] = field(default_factory=dict, init=False, compare=False, repr=False)
    """Values that other rooms derive from this configuration once and cache here, by name."""

    @cached_property
    def named_vectors(self) -> tuple[str, ...]:
        return tuple(name for name in self.vectors if not (self.unnamed_vector and name == LEGACY_VECTOR))

    @cached_property
    def stored(self) -> Mapping[str, VectorConfig]:
        """All vectors that objects have, by the engines' names."""
        return {vector.name: vector for vector in self.vectors.values()} | dict(self.revisions)

    @cached_property
    def by_name(self) -> Mapping[str, Property]:
        return {p.name: p for p in self.properties}
