"""What a client reads back of its vectors: their vectorizers, and the settings of their indexes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from weft.domain.errors import Invalid
from weft.service.schema.defaults import complete
from weft.service.schema.documents import Defaults
from weft.service.schema.validate import validate

Made = Callable[..., dict[str, Any]]

HNSW = {
    "skip": False,
    "cleanupIntervalSeconds": 300,
    "maxConnections": 32,
    "efConstruction": 128,
    "ef": -1,
    "dynamicEfMin": 100,
    "dynamicEfMax": 500,
    "dynamicEfFactor": 8,
    "vectorCacheMaxObjects": 1000000000000,
    "flatSearchCutoff": 40000,
    "distance": "cosine",
    "filterStrategy": "acorn",
    "skipDefaultQuantization": False,
    "trackDefaultQuantization": False,
    "pq": {
        "enabled": False,
        "bitCompression": False,
        "segments": 0,
        "centroids": 256,
        "trainingLimit": 100000,
        "encoder": {"type": "kmeans", "distribution": "log-normal"},
    },
    "bq": {"enabled": False},
    "sq": {"enabled": False, "trainingLimit": 100000, "rescoreLimit": 20},
    "rq": {"enabled": False, "bits": 8, "rescoreLimit": 20},
    "multivector": {
        "enabled": False,
        "aggregation": "maxSim",
        "muvera": {"enabled": False, "ksim": 4, "dprojections": 16, "repetitions": 10},
    },
}
CODES = {"enabled": False, "rescoreLimit": -1, "cache": False}
FLAT = {
    "distance": "cosine",
    "vectorCacheMaxObjects": 1000000000000,
    "pq": CODES,
    "bq": CODES,
    "sq": CODES,
    "rq": {**CODES, "bits": 8},
    "skipDefaultQuantization": False,
    "trackDefaultQuantization": False,
}
OWN: dict[str, Any] = {"none": {}}


def named(kind: str | None = None, vectorizer: dict[str, Any] | None = None, **config: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {"vectorizer": vectorizer or OWN}
    if kind:
        entry["vectorIndexType"] = kind
    if config:
        entry["vectorIndexConfig"] = config
    return {"v": entry}


def test_named_vectors_leave_no_legacy_keys(made: Made) -> None:
    document = made(vectorConfig=named())
    assert not document.keys() & {"vectorizer", "vectorIndexType", "vectorIndexConfig", "moduleConfig"}
    assert document["vectorConfig"] == {
        "v": {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw", "vectorIndexConfig": HNSW}
    }


def test_no_named_vectors_is_the_legacy_form(made: Made) -> None:
    assert "vectorConfig" not in made(vectorConfig={})


def test_flat_dynamic_and_hfresh(made: Made) -> None:
    def block(kind: str) -> Any:
        return made(vectorConfig=named(kind), async_indexing=True)["vectorConfig"]["v"]["vectorIndexConfig"]

    assert block("flat") == FLAT
    assert block("dynamic") == {"distance": "cosine", "threshold": 10000, "hnsw": HNSW, "flat": FLAT}
    assert block("hfresh") == {
        "distance": "cosine",
        "maxPostingSizeKB": 48,
        "replicas": 4,
        "searchProbe": 256,
        "rq": {"enabled": True, "bits": 1, "rescoreLimit": 350},
        "multivector": HNSW["multivector"],
    }


def test_blocks_do_not_share_their_defaults(made: Made) -> None:
    first = made()
    first["vectorIndexConfig"]["pq"]["encoder"]["type"] = "changed"
    assert made()["vectorIndexConfig"] == HNSW


def test_one_bit_codes_rescore_more(made: Made) -> None:
    def rq(**config: Any) -> Any:
        return made(vectorConfig=named(rq={"enabled": True, **config}))["vectorConfig"]["v"]["vectorIndexConfig"]["rq"]

    assert rq(bits=1) == {"enabled": True, "bits": 1, "rescoreLimit": 512}
    assert rq(bits=1, rescoreLimit=7)["rescoreLimit"] == 7
    assert rq()["rescoreLimit"] == 20


def test_a_multi_vector_module_forces_multi_vectors(made: Made) -> None:
    document = made(vectorConfig=named(vectorizer={"text2colbert-words": {}}))
    assert document["vectorConfig"]["v"]["vectorIndexConfig"]["multivector"]["enabled"] is True
    assert document["vectorConfig"]["v"]["vectorizer"] == {"text2colbert-words": {"vectorizeClassName": True}}


def test_names_of_new_vectors_are_graphql_names(made: Made, modules: Any) -> None:
    vectors: dict[str, Any] = {"v": {"vectorizer": {"none": {}}}}
    for name in ("a-b", "1a", "a.b", "ü", "", "x" * 231):
        with pytest.raises(Invalid, match="is not a valid name"):
            made(vectorConfig={name: vectors["v"]})
    older = made(vectorConfig=vectors)
    older["vectorConfig"]["a.b"] = older["vectorConfig"]["v"]
    again = complete(older, modules, existing=older)
    validate(again, modules, async_indexing=False)
    assert "a.b" in again["vectorConfig"], "what an earlier version made can still be changed"


def test_a_vector_that_is_added_can_have_a_hyphen(made: Made, modules: Any) -> None:
    before = made(vectorConfig={"v": {"vectorizer": {"none": {}}}})

    def add(name: str) -> Any:
        return complete(
            before | {"vectorConfig": {**before["vectorConfig"], name: {"vectorizer": {"none": {}}}}},
            modules,
            existing=before,
        )

    assert list(add("vector-a")["vectorConfig"]) == ["v", "vector-a"]
    for name in ("-a", "1a", "a.b", "a/b", "..", "ü", "", "x" * 231):
        with pytest.raises(Invalid, match="digits, underscores and hyphens, and has at most"):
            add(name)


def test_whole_floats_are_whole_numbers(made: Made) -> None:
    block = made(vectorIndexConfig={"vectorCacheMaxObjects": 1e12})["vectorIndexConfig"]
    assert block["vectorCacheMaxObjects"] == 10**12
    assert isinstance(block["vectorCacheMaxObjects"], int)


@pytest.mark.parametrize(
    ("quantization", "code", "bits"), [("rq-8", "rq", 8), ("rq-1", "rq", 1), ("pq", "pq", None), ("bq", "bq", None)]
)
def test_default_quantization(made: Made, quantization: str, code: str, bits: int | None) -> None:
    defaults = Defaults(quantization=quantization)
    block = made(defaults=defaults)["vectorIndexConfig"]
    assert block[code]["enabled"] is True
    assert block["trackDefaultQuantization"] is True
    assert bits is None or block[code]["bits"] == bits
    skipped = made(defaults=defaults, vectorIndexConfig={"skipDefaultQuantization": True})["vectorIndexConfig"]
    assert skipped[code]["enabled"] is False
    chosen = made(defaults=defaults, vectorIndexConfig={"sq": {"enabled": True}})["vectorIndexConfig"]
    assert chosen[code]["enabled"] is False


def test_default_vectorizer_and_index(made: Made) -> None:
    document = made(defaults=Defaults(vectorizer="text2vec-words", index_kind="flat"))
    assert document["vectorizer"] == "text2vec-words"
    assert document["vectorIndexType"] == "flat"
    assert document["moduleConfig"] == {"text2vec-words": {"vectorizeClassName": True}}
    named_form = made(defaults=Defaults(index_kind="hfresh"), vectorConfig=named())
    assert named_form["vectorConfig"]["v"]["vectorIndexType"] == "hfresh"
