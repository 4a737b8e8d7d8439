"""Every default that a client reads back."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from unit.service.schema.test_vectors import HNSW, named
from weft.domain.errors import Invalid
from weft.service.schema.defaults import complete
from weft.service.schema.validate import validate

Made = Callable[..., dict[str, Any]]


def test_an_empty_class_has_the_legacy_form_with_every_default(made: Made) -> None:
    assert made() == {
        "class": "Thing",
        "properties": [],
        "vectorizer": "none",
        "vectorIndexType": "hnsw",
        "vectorIndexConfig": HNSW,
        "invertedIndexConfig": {
            "bm25": {"b": 0.75, "k1": 1.2},
            "cleanupIntervalSeconds": 60,
            "stopwords": {"preset": "en", "additions": None, "removals": None},
            "usingBlockMaxWAND": True,
        },
        "multiTenancyConfig": {"enabled": False, "autoTenantCreation": False, "autoTenantActivation": False},
        "replicationConfig": {"factor": 1, "asyncEnabled": False, "deletionStrategy": "TimeBasedResolution"},
        "shardingConfig": {
            "virtualPerPhysical": 128,
            "desiredCount": 1,
            "actualCount": 1,
            "desiredVirtualCount": 128,
            "actualVirtualCount": 128,
            "key": "_id",
            "strategy": "hash",
            "function": "murmur3",
        },
    }


@pytest.mark.parametrize(
    ("given", "additions", "removals"),
    [
        ({"additions": [], "removals": []}, [], []),
        ({"additions": ["foo", "the"]}, ["foo"], None),
        ({"additions": ["the"]}, None, None),
        ({"preset": "none", "additions": ["the"], "removals": ["zzz"]}, ["the"], ["zzz"]),
    ],
)
def test_stop_words_are_those_that_the_preset_lacks(
    made: Made, given: dict[str, Any], additions: list[str] | None, removals: list[str] | None
) -> None:
    stopwords = made(invertedIndexConfig={"stopwords": given})["invertedIndexConfig"]["stopwords"]
    assert (stopwords["additions"], stopwords["removals"]) == (additions, removals)


def test_the_first_letters_of_names_are_set(made: Made) -> None:
    document = made(**{"class": "thing", "properties": [{"name": "Title", "dataType": ["text"]}]})
    assert document["class"] == "Thing"
    assert document["properties"][0]["name"] == "title"


def test_module_settings_and_property_settings(made: Made) -> None:
    document = made(
        vectorizer="text2vec-words",
        moduleConfig={"text2vec-words": {"vectorizeClassName": False, "x": 1}, "generative-dummy": {}},
        properties=[
            {"name": "a", "dataType": ["text"], "moduleConfig": {"text2vec-words": {"skip": True}}},
            {"name": "n", "dataType": ["int"]},
        ],
    )
    assert document["moduleConfig"] == {
        "text2vec-words": {"vectorizeClassName": False, "x": 1},
        "generative-dummy": {},
    }
    assert [p["moduleConfig"] for p in document["properties"]] == [
        {"text2vec-words": {"skip": True, "vectorizePropertyName": False}},
        {"text2vec-words": {"skip": False, "vectorizePropertyName": False}},
    ]


def test_properties(made: Made) -> None:
    document = made(
        properties=[
            {"name": "t", "dataType": ["text"], "description": "d", "textAnalyzer": {"asciiFold": False}},
            {"name": "i", "dataType": ["int"], "description": None},
            {"name": "old", "dataType": ["string"]},
            {"name": "field", "dataType": ["string[]"], "tokenization": "field"},
            {"name": "ref", "dataType": ["Other", "Thing"]},
            {
                "name": "o",
                "dataType": ["object"],
                "nestedProperties": [{"name": "b", "dataType": ["blob"]}, {"name": "t", "dataType": ["text"]}],
            },
        ]
    )
    flags = {"indexFilterable": True, "indexSearchable": False, "indexRangeFilters": False}
    text = {**flags, "indexSearchable": True}
    assert document["properties"] == [
        {"name": "t", "dataType": ["text"], "description": "d", "tokenization": "word", **text},
        {"name": "i", "dataType": ["int"], **flags},
        {"name": "old", "dataType": ["text"], "tokenization": "whitespace", **text},
        {"name": "field", "dataType": ["text[]"], "tokenization": "field", **text},
        {"name": "ref", "dataType": ["Other", "Thing"], **flags},
        {
            "name": "o",
            "dataType": ["object"],
            **flags,
            "nestedProperties": [
                {"name": "b", "dataType": ["blob"], **flags, "indexFilterable": False},
                {"name": "t", "dataType": ["text"], "tokenization": "word", **text},
            ],
        },
    ]


def test_the_deprecated_inverted_flag(made: Made) -> None:
    (text,) = made(properties=[{"name": "t", "dataType": ["text"], "indexInverted": False}])["properties"]
    assert (text["indexFilterable"], text["indexSearchable"]) == (False, False)
    assert "indexInverted" not in text


def test_inverted_flags_show_only_when_set(made: Made) -> None:
    config = made(invertedIndexConfig={"indexNullState": True, "indexTimestamps": False, "stopwordPresets": {}})
    assert config["invertedIndexConfig"]["indexNullState"] is True
    assert not config["invertedIndexConfig"].keys() & {"indexTimestamps", "indexPropertyLength", "stopwordPresets"}


def test_tenants_are_the_shards(made: Made) -> None:
    document = made(multiTenancyConfig={"enabled": True})
    assert document["shardingConfig"]["desiredCount"] == 0
    with pytest.raises(Invalid, match="cannot have both"):
        made(multiTenancyConfig={"enabled": True}, shardingConfig={"desiredCount": 1})


def test_a_collection_has_one_shard(made: Made, modules: Any) -> None:
    for count in (0, 2, -1):
        with pytest.raises(Invalid, match=r"in one shard, got desiredCount: .*set it to 1"):
            made(shardingConfig={"desiredCount": count})
    older = made()
    older["shardingConfig"]["desiredCount"] = 3
    again = complete(older, modules, existing=older)
    validate(again, modules, async_indexing=False)
    assert again["shardingConfig"]["desiredCount"] == 3, "what an earlier version made can still be changed"


def test_user_dictionaries_of_tokenizers_are_refused(made: Made) -> None:
    words = [{"tokenizer": "kagome_ja", "replacements": [{"source": "a", "target": "b"}]}]
    with pytest.raises(Invalid, match=r"tokenizerUserDict: .*leave it out"):
        made(invertedIndexConfig={"tokenizerUserDict": words})
    assert "tokenizerUserDict" not in made(invertedIndexConfig={"tokenizerUserDict": []})["invertedIndexConfig"]


def test_replication(made: Made) -> None:
    document = made(replicationConfig={"factor": 0, "asyncEnabled": True, "asyncConfig": {"maxWorkers": 3}})
    assert document["replicationConfig"] == {
        "factor": 1,
        "asyncEnabled": False,
        "deletionStrategy": "TimeBasedResolution",
    }
    document = made(replicationConfig={"asyncConfig": {"hashtreeHeight": 16}})
    assert document["replicationConfig"]["asyncConfig"] == {"hashtreeHeight": 16}


def test_expiry_by_timestamp_indexes_timestamps(made: Made) -> None:
    document = made(objectTtlConfig={"enabled": True, "deleteOn": "_creationTimeUnix", "defaultTtl": 60})
    assert document["invertedIndexConfig"]["indexTimestamps"] is True
    assert document["objectTtlConfig"]["filterExpiredObjects"] is False


def test_unknown_keys_are_dropped_everywhere(made: Made) -> None:
    unknown = {"foo": {"a": [1]}, "Class": "x"}
    inner = {"name": "i", "dataType": ["text"], "moduleConfig": {"m": {}}, "textAnalyzer": {"asciiFold": True}}
    plain: dict[str, Any] = {"name": "p", "dataType": ["object"], "nestedProperties": [inner]}
    wanted: dict[str, Any] = {
        "invertedIndexConfig": {"bm25": {"b": 0.5}, "stopwords": {"preset": "none"}},
        "vectorIndexConfig": {"pq": {"encoder": {}}, "rq": {}, "multivector": {"muvera": {}}},
        "replicationConfig": {"asyncConfig": {"frequency": 1}},
        "shardingConfig": {},
        "multiTenancyConfig": {},
        "objectTtlConfig": {"enabled": False},
        "properties": [plain],
    }

    def littered(value: Any) -> Any:
        if isinstance(value, list):
            return [littered(one) for one in value]
        if isinstance(value, dict):
            return {**{key: littered(one) for key, one in value.items()}, **unknown}
        return value

    kept = made(**wanted)
    del kept["properties"][0]["nestedProperties"][0]["textAnalyzer"], inner["textAnalyzer"], inner["moduleConfig"]
    assert "moduleConfig" not in kept["properties"][0]["nestedProperties"][0]
    found = made(**{key: littered(value) for key, value in wanted.items()}, foo=1)
    assert found == kept
    named = made(vectorConfig={"v": {"vectorizer": {"none": {"foo": 1}}, "foo": 1}})["vectorConfig"]["v"]
    assert sorted(named) == ["vectorIndexConfig", "vectorIndexType", "vectorizer"]


@pytest.mark.parametrize("settings", [{}, {"model": "x"}, None])
def test_settings_of_modules_that_are_not_used_are_kept(made: Made, settings: Any) -> None:
    kept = {"reranker-absent": settings, "text2vec-absent": settings, "text2vec-words": settings}
    assert made(moduleConfig=kept)["moduleConfig"] == kept
    properties = [{"name": "p", "dataType": ["text"], "moduleConfig": {"text2colbert-words": {"skip": True}}}]
    assert made(properties=properties)["properties"][0]["moduleConfig"] == {"text2colbert-words": {"skip": True}}
    vectors: dict[str, Any] = {"v": {"vectorizer": {"none": {}}}}
    assert made(vectorConfig=vectors, moduleConfig={"text2vec-words": {}})["moduleConfig"] == {"text2vec-words": {}}
    with pytest.raises(Invalid, match="module with name 'reranker-absent' doesn't exist"):
        made(vectorConfig=vectors, moduleConfig={"reranker-absent": {}})


def test_completing_again_changes_nothing(made: Made, modules: Any) -> None:
    documents = [
        made(),
        made(multiTenancyConfig={"enabled": True}),
        made(
            vectorConfig=named(vectorizer={"text2colbert-words": {}}),
            properties=[{"name": "t", "dataType": ["string"]}],
            invertedIndexConfig={"stopwordPresets": {"fr": ["le"]}},
            objectTtlConfig={"enabled": False},
        ),
    ]
    for document in documents:
        before = copy.deepcopy(document)
        assert complete(document, modules, existing=document) == before
        assert complete(document, modules) == before
        assert document == before
