"""What a whole-document change may change."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from weft.domain.errors import Invalid
from weft.service.schema.defaults import complete
from weft.service.schema.documents import Defaults
from weft.service.schema.update import update
from weft.service.schema.validate import validate

Made = Callable[..., dict[str, Any]]
Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def changed(modules: Any) -> Callable[[dict[str, Any], Change], dict[str, Any]]:
    """The document after a read, a change and a write of the whole, as clients do it."""

    def change(old: dict[str, Any], edit: Change) -> dict[str, Any]:
        new = copy.deepcopy(old)
        edit(new)
        before = copy.deepcopy(old)
        result = update(old, complete(new, modules, Defaults(quantization="rq-8"), existing=old))
        validate(result, modules, async_indexing=True)
        assert old == before
        return result

    return change


def at(document: dict[str, Any], path: str) -> Any:
    value: Any = document
    for key in path.split("/"):
        value = value[int(key) if isinstance(value, list) else key]
    return value


def put(path: str, value: Any) -> Change:
    def edit(document: dict[str, Any]) -> None:
        head, _, last = path.rpartition("/")
        holder = at(document, head) if head else document
        if isinstance(holder, list):
            holder[int(last)] = value
        else:
            holder[last] = value

    return edit


def old(made: Made) -> dict[str, Any]:
    return made(
        description="old",
        properties=[
            {"name": "a", "dataType": ["text"], "textAnalyzer": {"stopwordPreset": "fr"}},
            {
                "name": "o",
                "dataType": ["object"],
                "nestedProperties": [{"name": "n", "dataType": ["text"], "textAnalyzer": {"stopwordPreset": "de"}}],
            },
        ],
        vectorConfig={
            "own": {"vectorizer": {"none": {}}},
            "words": {"vectorizer": {"text2vec-words": {"x": 1}}},
            "flat": {"vectorizer": {"none": {}}, "vectorIndexType": "flat"},
            "fresh": {"vectorizer": {"none": {}}, "vectorIndexType": "hfresh"},
        },
        moduleConfig={"generative-dummy": {"a": 1}},
        invertedIndexConfig={"stopwordPresets": {"fr": ["le"], "de": ["der"], "unused": ["x"]}},
    )


OWN = "vectorConfig/own/vectorIndexConfig"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("description", "new"),
        ("properties/0/description", "new"),
        ("properties/1/nestedProperties/0/description", "new"),
        ("invertedIndexConfig/bm25/b", 0.5),
        ("invertedIndexConfig/stopwords/additions", ["x"]),
        ("invertedIndexConfig/cleanupIntervalSeconds", 10),
        ("invertedIndexConfig/stopwordPresets", {"fr": ["la"], "de": ["die"]}),
        (f"{OWN}/ef", 77),
        (f"{OWN}/dynamicEfMin", 7),
        (f"{OWN}/flatSearchCutoff", 7),
        (f"{OWN}/filterStrategy", "sweeping"),
        (f"{OWN}/vectorCacheMaxObjects", 7),
        (f"{OWN}/pq/enabled", True),
        ("vectorConfig/fresh/vectorIndexConfig/searchProbe", 7),
        ("multiTenancyConfig/enabled", False),
        ("replicationConfig/deletionStrategy", "DeleteOnConflict"),
        ("moduleConfig/generative-dummy", {"a": 2}),
        ("moduleConfig/reranker-dummy", {}),
        ("objectTtlConfig", {"enabled": False, "defaultTtl": 3, "deleteOn": "x", "filterExpiredObjects": True}),
    ],
)
def test_mutable(made: Made, changed: Any, path: str, value: Any) -> None:
    result = changed(old(made), put(path, value))
    assert at(result, path) == value
    result_elsewhere, expected = copy.deepcopy(result), old(made)
    put(path, None)(result_elsewhere)
    put(path, None)(expected)
    assert result_elsewhere == expected


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("class", "Other", "class name is immutable"),
        ("properties", [], "property fields other than description"),
        ("properties/0/tokenization", "field", "only supported|property fields other than description"),
        ("properties/0/textAnalyzer", {}, "property fields other than description"),
        ("properties/0/indexFilterable", False, "property fields other than description"),
        ("properties/0/moduleConfig/text2vec-words/skip", True, "configuration cannot be updated"),
        ("properties/1/nestedProperties/0/dataType", ["int"], "not allowed|property fields other than description"),
        ("properties/1/nestedProperties", [{"dataType": ["text"]}], "property fields other than description"),
        ("invertedIndexConfig/indexTimestamps", True, '"indexTimestamps" setting is immutable'),
        ("invertedIndexConfig/indexNullState", True, '"indexNullState" setting is immutable'),
        ("invertedIndexConfig/indexPropertyLength", True, '"indexPropertyLength" setting is immutable'),
        ("invertedIndexConfig/stopwordPresets", {"de": ["der"]}, "cannot remove preset 'fr'.*property 'a'"),
        ("invertedIndexConfig/stopwordPresets", {"fr": ["le"]}, "cannot remove preset 'de'.*property 'o.n'"),
        (f"{OWN}/distance", "dot", "distance is immutable"),
        (f"{OWN}/maxConnections", 8, "maxConnections is immutable"),
        (f"{OWN}/efConstruction", 8, "efConstruction is immutable"),
        (f"{OWN}/multivector/enabled", True, "multivector enabled is immutable"),
        ("vectorConfig/own/vectorIndexType", "flat", "vector index type of vector 'own' is immutable"),
        ("vectorConfig/own/vectorIndexType", "none", "vector index type of vector 'own' is immutable"),
        ("vectorConfig/own/vectorizer", {"text2vec-words": {}}, "vectorizer of vector 'own' is immutable"),
        ("vectorConfig/words/vectorizer/text2vec-words/x", 2, "vectorizer config of vector 'words' is immutable"),
        ("vectorConfig/flat/vectorIndexConfig/bq/enabled", True, "bq is immutable"),
        ("vectorConfig/flat/vectorIndexConfig/rq/bits", 1, "rq.bits is immutable"),
        ("vectorConfig/fresh/vectorIndexConfig/replicas", 5, "replicas is immutable"),
        ("vectorConfig/new", {"vectorizer": {"none": {}}, "vectorIndexType": "none"}, "sentinel for dropped indexes"),
        ("vectorConfig", {"own": {"vectorizer": {"none": {}}}}, "missing config for vector 'words'"),
        ("multiTenancyConfig/enabled", True, "enabling multi-tenancy for an existing class is not supported"),
        ("shardingConfig/desiredCount", 2, "re-sharding not supported"),
        ("shardingConfig/virtualPerPhysical", 2, "virtual shards per physical is immutable"),
        ("moduleConfig", {"generative-dummy": {}, "generative-other": {}}, "multiple generative modules"),
        ("vectorizer", "none", "class level vector index and named vectors"),
    ],
)
def test_immutable(made: Made, changed: Any, path: str, value: Any, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        changed(old(made), put(path, value))


def test_vectors_can_be_added_to_either_form(made: Made, changed: Any) -> None:
    new = {"vectorizer": {"none": {}}, "vectorIndexType": "flat"}
    result = changed(old(made), put("vectorConfig/new", new))
    assert list(result["vectorConfig"]) == ["own", "words", "flat", "fresh", "new"]
    assert result["vectorConfig"]["own"]["vectorIndexConfig"]["rq"]["enabled"] is False
    assert result["vectorConfig"]["new"]["vectorIndexConfig"]["rq"]["enabled"] is True, "default quantizer, as new"
    legacy = changed(made(), put("vectorConfig", {"vec": {"vectorizer": {"none": {}}}}))
    assert legacy["vectorizer"] == "none"
    assert list(legacy["vectorConfig"]) == ["vec"]
    with pytest.raises(Invalid, match="vector named default cannot be created"):
        changed(made(), put("vectorConfig", {"default": {"vectorizer": {"none": {}}}}))


def test_a_legacy_class_left_out_of_the_change_keeps_its_vector(made: Made, changed: Any) -> None:
    def edit(document: dict[str, Any]) -> None:
        for key in ("vectorizer", "vectorIndexType", "vectorIndexConfig"):
            del document[key]

    before = made(vectorizer="text2vec-words")
    assert changed(before, edit) == before


def test_legacy_vector_is_immutable_too(made: Made, changed: Any) -> None:
    for path, value in (("vectorizer", "text2vec-words"), ("vectorIndexType", "flat")):
        with pytest.raises(Invalid, match="is immutable"):
            changed(made(), put(path, value))
    with pytest.raises(Invalid, match="maxConnections is immutable"):
        changed(made(), put("vectorIndexConfig/maxConnections", 9))


def test_a_dropped_index_stays_dropped(made: Made, changed: Any) -> None:
    before = old(made)
    before["vectorConfig"]["own"] = {"vectorizer": {"none": {}}, "vectorIndexType": "none"}
    assert changed(before, put("description", "x"))["vectorConfig"]["own"]["vectorIndexType"] == "none"
    with pytest.raises(Invalid, match="cannot re-create a dropped vector index"):
        changed(before, put("vectorConfig/own/vectorIndexType", "hnsw"))

    def remove(document: dict[str, Any]) -> None:
        del document["vectorConfig"]["own"]

    assert "own" not in changed(before, remove)["vectorConfig"]


def test_properties_keep_their_order(made: Made, changed: Any) -> None:
    result = changed(old(made), lambda document: document["properties"].reverse())
    assert [one["name"] for one in result["properties"]] == ["a", "o"]


def test_a_generator_is_exchanged_and_others_kept(made: Made, changed: Any) -> None:
    before = made(
        vectorizer="text2vec-words",
        moduleConfig={"text2vec-words": {"x": 1}, "generative-dummy": {}, "reranker-dummy": {}},
    )
    result = changed(before, put("moduleConfig", {"generative-other": {"m": 2}}))
    assert result["moduleConfig"] == {
        "text2vec-words": {"x": 1, "vectorizeClassName": True},
        "reranker-dummy": {},
        "generative-other": {"m": 2},
    }


def test_default_marks_cannot_be_changed(made: Made, changed: Any) -> None:
    before = made(defaults=Defaults(quantization="rq-8"))
    result = changed(before, put("vectorIndexConfig/trackDefaultQuantization", False))
    assert result["vectorIndexConfig"]["trackDefaultQuantization"] is True
