"""The typed view says what the document says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from weft.domain.schema import (
    CollectionConfig,
    DataType,
    Metric,
    MultiVector,
    Muvera,
    QuantizerKind,
    TextAnalyzer,
    Tokenization,
)
from weft.service.schema.document import parse

Config = Callable[..., CollectionConfig]


def test_properties(config: Config) -> None:
    parsed = config(
        properties=[
            {
                "name": "t",
                "dataType": ["text[]"],
                "tokenization": "field",
                "textAnalyzer": {"asciiFold": True, "asciiFoldIgnore": ["é"]},
            },
            {"name": "i", "dataType": ["int"], "indexRangeFilters": True, "indexFilterable": False},
            {"name": "r", "dataType": ["A", "B"]},
            {"name": "o", "dataType": ["object"], "nestedProperties": [{"name": "n", "dataType": ["uuid"]}]},
        ]
    )
    text, whole, reference, holder = parsed.properties
    assert (text.data_type, text.tokenization, text.index_searchable) == (DataType.TEXT_ARRAY, Tokenization.FIELD, True)
    assert text.text_analyzer == TextAnalyzer(True, ("é",), None)
    assert (whole.index_range_filters, whole.index_filterable, whole.tokenization) == (True, False, None)
    assert (reference.data_type, reference.target_collections) == (DataType.REFERENCE, ("A", "B"))
    assert [n.data_type for n in holder.nested] == [DataType.UUID]
    assert list(parsed.by_name) == ["t", "i", "r", "o"]


def test_the_legacy_vector_is_named_default(config: Config) -> None:
    parsed = config(
        vectorizer="text2vec-words", moduleConfig={"text2vec-words": {"x": 1}, "generative-dummy": {"y": 2}}
    )
    assert not parsed.named_vectors
    assert list(parsed.vectors) == ["default"]
    assert parsed.vectors["default"].vectorizer == "text2vec-words"
    assert parsed.vectors["default"].settings["x"] == 1
    assert parsed.module_config == {"generative-dummy": {"y": 2}}


def test_named_vectors_in_order(config: Config) -> None:
    parsed = config(
        vectorConfig={
            "z": {"vectorizer": {"text2vec-words": {"properties": ["a", "b"]}}},
            "a": {"vectorizer": {"none": None}, "vectorIndexType": "flat"},
        }
    )
    assert parsed.named_vectors
    assert list(parsed.vectors) == ["z", "a"]
    assert parsed.vectors["z"].source_properties == ("a", "b")
    assert parsed.vectors["a"].source_properties is None
    assert parsed.vectors["a"].index.kind == "flat"


def test_a_legacy_collection_with_added_vectors_has_all_of_them(made: Callable[..., dict[str, Any]]) -> None:
    document = made()
    document["vectorConfig"] = made(vectorConfig={"v": {"vectorizer": {"none": {}}}})["vectorConfig"]
    parsed = parse(document)
    assert list(parsed.vectors) == ["default", "v"]
    assert parsed.named_vectors


def test_index_settings(config: Config) -> None:
    def index(kind: str = "hnsw", **settings: Any) -> Any:
        entry = {"vectorizer": {"none": {}}, "vectorIndexType": kind, "vectorIndexConfig": settings}
        return config(vectorConfig={"v": entry}, async_indexing=True).vectors["v"].index

    assert index(ef=5, maxConnections=6, distance="dot").ef == 5
    assert index(distance="dot").metric is Metric.DOT
    assert index().quantizer.kind is QuantizerKind.NONE
    sq = index(sq={"enabled": True, "trainingLimit": 5}).quantizer
    assert (sq.kind, sq.training_limit, sq.rescore_limit) == (QuantizerKind.SQ, 5, 20)
    bq = index("flat", bq={"enabled": True, "cache": True}).quantizer
    assert (bq.kind, bq.bits, bq.cache, bq.rescore_limit) == (QuantizerKind.BQ, 1, True, -1)
    fresh = index("hfresh", searchProbe=9)
    assert (fresh.quantizer.kind, fresh.quantizer.bits, fresh.search_probe) == (QuantizerKind.RQ, 1, 9)
    dynamic = index("dynamic", threshold=3, distance="l2-squared", hnsw={"ef": 4}, flat={"bq": {"enabled": True}})
    assert (dynamic.threshold, dynamic.metric, dynamic.ef) == (3, Metric.L2, 4)
    assert dynamic.quantizer.kind is QuantizerKind.BQ
    assert index(multivector={"enabled": True}).multivector == MultiVector("maxSim", None)
    muvera = {"enabled": True, "muvera": {"enabled": True, "ksim": 5, "dprojections": 6, "repetitions": 7}}
    assert index(multivector=muvera).multivector == MultiVector("maxSim", Muvera(5, 6, 7))


def test_inverted_and_tenancy(config: Config) -> None:
    parsed = config(
        invertedIndexConfig={
            "bm25": {"b": 1, "k1": 2},
            "stopwords": {"preset": "none", "additions": ["a"]},
            "stopwordPresets": {"fr": ["le"]},
            "indexNullState": True,
        },
        multiTenancyConfig={"enabled": True, "autoTenantCreation": True},
        description="d",
    )
    assert (parsed.inverted.bm25_b, parsed.inverted.bm25_k1) == (1.0, 2.0)
    assert (parsed.inverted.stopwords.preset, parsed.inverted.stopwords.additions) == ("none", ("a",))
    assert parsed.inverted.stopword_presets == {"fr": ("le",)}
    assert (parsed.inverted.index_null_state, parsed.inverted.index_timestamps) == (True, False)
    assert (parsed.tenancy.enabled, parsed.tenancy.auto_creation, parsed.tenancy.auto_activation) == (True, True, False)
    assert parsed.description == "d"


def test_a_dropped_index_has_kind_none(made: Callable[..., dict[str, Any]]) -> None:
    document = made(vectorConfig={"v": {"vectorizer": {"none": {}}}})
    document["vectorConfig"]["v"] = {"vectorizer": {"none": {}}, "vectorIndexType": "none"}
    assert parse(document).vectors["v"].index.kind == "none"


def test_keys_that_were_stored_as_unknown_for_their_case_are_left_out(config: Config) -> None:
    """A client that sends back what it has read must not turn them on."""
    stored = config().document
    inner = {**stored["invertedIndexConfig"], "IndexTimestamps": True}
    parsed = parse(
        {**stored, "MultiTenancyConfig": {"enabled": True}, "invertedIndexConfig": inner, "own": {"Class": 1}}
    )
    assert parsed.document == {**stored, "own": {"Class": 1}}
