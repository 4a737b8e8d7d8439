"""What a collection cannot be, and what the error says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weft.domain.errors import Invalid
from weft.domain.schema import Tokenization
from weft.engine.text import segmenters
from weft.service.schema.defaults import complete, complete_property
from weft.service.schema.document import parse
from weft.service.schema.documents import Defaults
from weft.service.schema.validate import check_class_name, validate, validate_property

Made = Callable[..., dict[str, Any]]
MULTI: dict[str, Any] = {"multivector": {"enabled": True}}


def prop(**keys: Any) -> dict[str, Any]:
    return {"properties": [{"name": "p", "dataType": ["text"], **keys}]}


def nested(**keys: Any) -> dict[str, Any]:
    return prop(dataType=["object"], nestedProperties=[{"name": "n", "dataType": ["text"], **keys}])


def vector(kind: str = "hnsw", module: str = "none", **config: Any) -> dict[str, Any]:
    return {"vectorConfig": {"v": {"vectorizer": {module: {}}, "vectorIndexType": kind, "vectorIndexConfig": config}}}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"class": ""}, "'' is not a valid class name"),
        ({"class": "1st"}, "'1st' is not a valid class name"),
        ({"class": "../etc"}, "is not a valid class name"),
        ({"class": "Häuser"}, "is not a valid class name"),
        ({"class": "A" * 256}, "should not be longer than 255"),
        ({"class": "Raft"}, "reserved"),
        (prop(name="1st"), "'1st' is not a valid property name"),
        (prop(name="a b"), "is not a valid property name"),
        (prop(name="a" * 232), "should not be longer than 231"),
        (prop(name="id"), "'id' is a reserved property name"),
        (prop(name="_id"), "'_id' is a reserved property name"),
        (prop(name="_additional"), "'_additional' is a reserved property name"),
        (prop(name="x_searchable"), "suffix '_searchable' is reserved"),
        (
            {"properties": [{"name": "ab", "dataType": ["int"]}, {"name": "aB", "dataType": ["int"]}]},
            "already in use or provided multiple times",
        ),
        (prop(dataType=["texts"]), "unknown primitive data type 'texts'"),
        (prop(dataType=[]), "dataType must have at least one element"),
        (prop(dataType=[""]), "invalid dataType: []: dataType cannot be an empty string"),
        (prop(dataType=["No-Class"]), "'No-Class' is not a valid class name"),
        (prop(tokenization="letters"), "tokenization 'letters' is not allowed for data type 'text'"),
        (prop(dataType=["int"], tokenization="word"), "tokenization is not allowed for data type 'int'"),
        (prop(dataType=["Other"], tokenization="word"), "tokenization is not allowed for data type 'reference'"),
        (prop(dataType=["int"], indexSearchable=True), "`indexSearchable` is allowed only for text/text[] data types"),
        (prop(indexRangeFilters=True), "`indexRangeFilters` is allowed only for number/int/date data types"),
        (prop(dataType=["int[]"], indexRangeFilters=True), "`indexRangeFilters` is allowed only"),
        (prop(nestedProperties=[{"name": "n", "dataType": ["text"]}]), "nestedProperties not allowed"),
        (prop(dataType=["object"]), "At least one nested property is required"),
        (nested(name="1"), "'1' is not a valid nested property name of property 'p'"),
        (nested(dataType=["geoCoordinates"]), "property 'p.n': data type 'geoCoordinates' not allowed"),
        (nested(dataType=["Other"]), "property 'p.n': data type 'reference' not allowed"),
        (nested(dataType=["string"]), "unknown primitive data type 'string'"),
        (nested(tokenization="trigram"), "tokenization 'trigram' is not allowed"),
        (nested(dataType=["blob"], indexFilterable=True), "indexFilterable is not allowed for blob"),
        (nested(dataType=["object"]), "property 'p.n': At least one nested property"),
        (prop(textAnalyzer={"asciiFoldIgnore": ["é"]}), "asciiFoldIgnore requires asciiFold"),
        (prop(textAnalyzer={"asciiFold": True, "asciiFoldIgnore": ["éé"]}), "must be a single character"),
        (prop(dataType=["int"], textAnalyzer={"asciiFold": True}), "only allowed for text and text[]"),
        (prop(textAnalyzer={"stopwordPreset": "fr"}), "unknown stopword preset 'fr'"),
        (prop(textAnalyzer={"stopwordPreset": "en"}, tokenization="field"), 'only supported with tokenization "word"'),
        (
            prop(textAnalyzer={"asciiFold": True}, indexFilterable=False, indexSearchable=False),
            "only allowed for properties with an inverted index",
        ),
        (prop(moduleConfig={"text2vec-words": {}}), "not configured for any of target vectors"),
        (vector(maxConnections=3), "maxConnections must be a positive integer with a minimum of 4"),
        (vector(maxConnections=2048), "maxConnections must be less than 2048"),
        (vector(efConstruction=3), "efConstruction must be a positive integer with a minimum of 4"),
        (vector(filterStrategy="x"), "filterStrategy must be either 'sweeping' or 'acorn'"),
        (vector(distance="euclid"), "unknown distance 'euclid'"),
        (vector(pq={"enabled": True}, bq={"enabled": True}), "more than a single compression methods enabled"),
        (vector(pq={"encoder": {"type": "x"}}), "invalid encoder type x"),
        (vector(rq={"enabled": True, "bits": 3}), "RQ bits must be 8, 4 or 1"),
        (vector(multivector={"muvera": {"enabled": True, "ksim": 11}}), "ksim must be at most 10"),
        (vector("flat", pq={"enabled": True}), "PQ is not currently supported for flat indices"),
        (vector("flat", bq={"cache": True}), "not possible to use the cache without compression"),
        (vector("flat", bq={"enabled": True}, rq={"enabled": True}), "cannot enable multiple quantization methods"),
        (vector("flat", **MULTI), "multi vector index is not supported"),
        (vector("flat", "text2colbert-words"), "multi vector index is not supported for vector index type: 'flat'"),
        (vector("hfresh", distance="dot"), "HFresh only supports 'cosine' or 'l2-squared'"),
        (vector("hfresh", rq={"enabled": False}), "hfresh only supports rq"),
        (vector("hfresh", maxPostingSizeKB=7), "maxPostingSizeKB is '7'"),
        (vector("dynamic"), "the dynamic index can only be created when async indexing is enabled"),
        (vector("none"), "unrecognized or unsupported vectorIndexType 'none'"),
        (vector("ivf"), "unrecognized or unsupported vectorIndexType 'ivf'"),
        (vector("hnsw", "text2vec-words", **MULTI), "doesn't support multi vectors"),
        (vector("hnsw", "text2vec-absent"), 'no module with name "text2vec-absent" present; /v1/meta lists'),
        (vector("hnsw", "generative-dummy"), "module 'generative-dummy' is not a vectorizer"),
        ({"vectorConfig": {"a b": {"vectorizer": {"none": {}}}}}, "is not a valid name"),
        ({"vectorizer": "text2vec-absent"}, 'vectorizer: no module with name "text2vec-absent" present'),
        ({"vectorizer": "text2colbert-words"}, "only allowed to be defined using named vector configuration"),
        ({"vectorIndexConfig": MULTI}, "only configurable using named vectors"),
        ({"vectorizer": "text2vec-words", "moduleConfig": {"text2vec-words": {"model": "wrong"}}}, "no such model"),
        ({"multiTenancyConfig": {"autoTenantCreation": True}}, "can't enable autoTenantCreation"),
        ({"replicationConfig": {"factor": 2}}, "invalid replication factor"),
        ({"replicationConfig": {"factor": -1}}, "replication factor must be at least 1"),
        ({"replicationConfig": {"deletionStrategy": "x"}}, "unknown deletionStrategy 'x'"),
        ({"replicationConfig": {"asyncConfig": {"hashtreeHeight": 21}}}, "hashtreeHeight: value 21 out of range"),
        ({"shardingConfig": {"strategy": "range"}}, "sharding only supported with strategy 'hash'"),
        ({"shardingConfig": {"virtualPerPhysical": -1}}, "virtualPerPhysical must be from 0"),
        ({"invertedIndexConfig": {"bm25": {"b": 1.1}}}, "BM25.b must be >= 0 and <= 1"),
        ({"invertedIndexConfig": {"bm25": {"k1": -1}}}, "BM25.k1 must be >= 0"),
        ({"invertedIndexConfig": {"stopwords": {"preset": "de"}}}, "stopwordPreset 'de' does not exist"),
        ({"invertedIndexConfig": {"stopwords": {"additions": ["a"], "removals": ["a"]}}}, "found 'a' in both"),
        ({"invertedIndexConfig": {"stopwords": {"additions": [" "]}}}, "cannot use whitespace"),
        ({"invertedIndexConfig": {"stopwordPresets": {"x": []}}}, "must have at least one word"),
        ({"objectTtlConfig": {"enabled": True}}, 'missing value for "deleteOn"'),
        ({"objectTtlConfig": {"enabled": True, "deleteOn": "_creationTimeUnix", "defaultTtl": 5}}, "too small"),
        ({"objectTtlConfig": {"enabled": True, "deleteOn": "absent"}}, "not found among collection properties"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused(made: Made, document: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid) as refused:
        made(**document)
    assert message in refused.value.message


def test_a_tokenisation_without_its_library_is_refused(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    made(**prop(tokenization="kagome_ja"))
    monkeypatch.setitem(segmenters.LIBRARIES, Tokenization.KAGOME_JA, "no_such_library")
    with pytest.raises(Invalid, match="'no_such_library', which is not installed; run pip install"):
        made(**prop(tokenization="kagome_ja"))


def test_allowed_at_the_limits(made: Made) -> None:
    made(
        **vector(
            maxConnections=2047,
            efConstruction=4,
            multivector={"enabled": True, "muvera": {"enabled": True, "ksim": 10, "repetitions": 1}},
        )
    )
    made(**vector("dynamic"), async_indexing=True)
    made(**prop(name="vector"))
    made(**prop(textAnalyzer={"stopwordPreset": "fr"}), invertedIndexConfig={"stopwordPresets": {"fr": ["le"]}})
    made(properties=[{"name": "r", "dataType": ["NotYetThere"]}])


def test_references_of_a_later_property_must_exist(made: Made, modules: Any) -> None:
    document = made()
    added = complete_property({"name": "r", "dataType": ["Other"]}, document, modules, Defaults())
    validate_property(added, document, modules, exists=lambda name: name == "Other")
    with pytest.raises(Invalid, match="reference property to nonexistent class 'Other'"):
        validate_property(added, document, modules, exists=lambda name: False)
    to_itself = complete_property({"name": "r", "dataType": ["Thing"]}, document, modules, Defaults())
    validate_property(to_itself, document, modules, exists=lambda name: False)


def test_a_property_cannot_be_added_twice(made: Made, modules: Any) -> None:
    document = made(**prop())
    added = complete_property({"name": "P", "dataType": ["int"]}, document, modules, Defaults())
    with pytest.raises(Invalid, match="already in use"):
        validate_property(added, document, modules, exists=None)


def test_properties_are_bounded(made: Made) -> None:
    with pytest.raises(Invalid, match="more than 10000 properties"):
        made(properties=[{"name": f"p{i}", "dataType": ["int"]} for i in range(10_001)])
    deep: dict[str, Any] = {"name": "n", "dataType": ["text"]}
    for _ in range(29):
        deep = {"name": "n", "dataType": ["object"], "nestedProperties": [deep]}
    made(properties=[deep])
    for _ in range(20):
        deep = {"name": "n", "dataType": ["object"], "nestedProperties": [deep]}
    with pytest.raises(Invalid, match="deeper"):
        made(properties=[deep])


def test_alias_names_follow_the_rule_of_class_names() -> None:
    check_class_name("Alias", "alias")
    with pytest.raises(Invalid, match="is not a valid alias name"):
        check_class_name("an alias", "alias")


KEYS = st.sampled_from(
    [
        "class", "description", "properties", "name", "dataType", "nestedProperties", "tokenization", "textAnalyzer",
        "indexFilterable", "indexSearchable", "vectorizer", "vectorIndexType", "vectorIndexConfig", "vectorConfig",
        "pq", "rq", "bits", "enabled", "multivector", "muvera", "hnsw", "flat", "distance", "moduleConfig", "none",
        "text2vec-words", "invertedIndexConfig", "bm25", "b", "stopwords", "additions", "stopwordPresets",
        "multiTenancyConfig", "replicationConfig", "factor", "shardingConfig", "desiredCount", "objectTtlConfig",
        "deleteOn",
    ]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(
        ["Thing", "text", "text[]", "object", "hnsw", "flat", "dynamic", "hfresh", "none", "word", "cosine"]
    )
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(document=st.dictionaries(KEYS, JSON, max_size=8))
def test_any_document_is_accepted_or_invalid(modules: Any, document: dict[str, Any]) -> None:
    try:
        completed = complete(document, modules)
        validate(completed, modules, async_indexing=True)
    except Invalid:
        return
    assert parse(completed).document == completed
