"""Evaluations over REST, on a collection of which the better vectors are known."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest

from in_process import InProcess
from judged import PAIRS, document, objects, queries, uuid
from tiny import files

ROOT = "/v1/weft/evaluations"
WAIT_S = 60


class Evaluating(InProcess):
    modules: ClassVar[tuple[str, ...]] = ("text2vec-transformers", "text2vec-model2vec", "reranker-dummy")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluating]:
    made = Evaluating(tmp_path_factory.mktemp("weft"))
    assert made.rest.post("/v1/schema", json=document("Docs")).status_code == 200
    stored = made.rest.post("/v1/batch/objects", json={"objects": objects("Docs")})
    assert all(one["result"]["status"] == "SUCCESS" for one in stored.json())
    yield made
    made.close()


def evaluated(server: InProcess, **asked: Any) -> dict[str, Any]:
    """The evaluation when it has ended."""
    begun = server.rest.post(ROOT, json={"collection": "Docs"} | asked)
    assert begun.status_code == 201, begun.text
    return ended(server, begun.json()["id"])


def ended(server: InProcess, id: str) -> dict[str, Any]:
    ends = time.monotonic() + WAIT_S
    while time.monotonic() < ends:
        found: dict[str, Any] = server.rest.get(f"{ROOT}/{id}").json()
        is_kept = server.database.folder.joinpath("evaluations", id, "sample").exists()
        if found["status"] in ("SUCCESS", "FAILED", "CANCELED") and not is_kept:
            return found
        time.sleep(0.01)
    raise AssertionError(f"the evaluation has not ended: {found}")


def means(evaluation: dict[str, Any], measure: str = "nDCG@10") -> dict[str, float]:
    return {one["name"]: one["measures"][measure]["mean"] for one in evaluation["variants"] if "error" not in one}


def refusal(server: InProcess, **asked: Any) -> str:
    answer = server.rest.post(ROOT, json={"collection": "Docs", **asked})
    assert answer.status_code == 422, answer.text
    return str(answer.json()["error"][0]["message"])


def test_the_better_vectors_are_found_with_significance(server: Evaluating) -> None:
    found = evaluated(server, queries=queries(), measures=["nDCG@10", "Success@1"], name="words")
    scores = means(found)
    assert list(scores) == [
        *("keyword", "good", "worse"),
        *(f"hybrid {name} {alpha}" for name in ("good", "worse") for alpha in (0.25, 0.5, 0.75)),
    ]
    assert scores["good"] > scores["worse"] + 0.3
    assert scores["keyword"] == 0
    by_name = {one["name"]: one for one in found["variants"]}
    assert "good" in found["best"]
    assert by_name["worse"]["pValue"] < 0.05
    assert by_name["good"]["bytesPerObject"] > by_name["worse"]["bytesPerObject"] > 0
    assert by_name["good"]["milliseconds"]["p95"] >= by_name["good"]["milliseconds"]["p50"] > 0
    assert found["verdict"].startswith(("good alone is best: nDCG@10 ", "hybrid of good"))
    assert (found["queries"], found["objects"], found["notes"]) == (len(PAIRS), len(PAIRS), [])
    listed = server.rest.get(ROOT).json()["evaluations"][0]
    assert (listed["id"], listed["name"], listed["best"]) == (found["id"], "words", found["best"])
    assert "variants" not in listed


def test_measures_are_those_of_the_searches(server: Evaluating) -> None:
    """Computed once more from the hits of a client's own searches."""
    found = evaluated(server, queries=queries(), vectors=["good"], keyword=False, measures=["RR@5"])
    ranks = []
    for number, (_, synonym) in enumerate(PAIRS):
        asked = f'{{ Get {{ Docs(nearText: {{concepts: ["{synonym}"], targetVectors: ["good"]}}, limit: 5) ' + (
            "{ _additional { id } } } }"
        )
        hits = server.rest.post("/v1/graphql", json={"query": asked}).json()["data"]["Get"]["Docs"]
        ids = [hit["_additional"]["id"] for hit in hits]
        ranks.append(1 / (ids.index(uuid(number)) + 1) if uuid(number) in ids else 0.0)
    assert means(found, "RR@5") == {"good": pytest.approx(np.mean(ranks), abs=1e-5)}


def test_queries_that_were_won_and_lost(server: Evaluating) -> None:
    id = evaluated(server, queries=queries(), keyword=False)["id"]
    asked = {"variant": "good", "other": "worse", "limit": "3"}
    found = server.rest.get(f"{ROOT}/{id}/comparison", params=asked).json()
    assert found["difference"]["mean"] == pytest.approx(found["mean"] - found["otherMean"])
    assert found["significant"]
    assert found["won"] > found["lost"]
    first, *_ = found["wonQueries"]
    assert len(found["wonQueries"]) == 3
    assert first["score"] > first["otherScore"]
    assert first["query"] == PAIRS[int(first["id"]) - 1][1]
    assert next(iter(first["relevant"])) in first["hits"]
    other = evaluated(server, queries=queries()[3:], vectors=["worse"], keyword=False)["id"]
    beside = server.rest.get(f"{ROOT}/{id}/comparison", params=asked | {"otherEvaluation": other}).json()
    assert beside["queries"] == len(PAIRS) - 3
    for wrong, status in ((asked | {"variant": "best"}, 404), (asked | {"otherEvaluation": uuid(1)}, 404)):
        assert server.rest.get(f"{ROOT}/{id}/comparison", params=wrong).status_code == status


def test_other_models_and_indexes_are_tried_on_a_copy(server: Evaluating) -> None:
    before = server.rest.get("/v1/schema/Docs").json()
    found = evaluated(
        server,
        queries=queries(),
        models=[{"module": "text2vec-model2vec"}, {"module": "text2vec-transformers", "settings": {"dimensions": 2}}],
        vectors=["good"],
        keyword=False,
        quantizers=["none", "bq"],
        sample=20,
    )
    scores = means(found)
    assert list(scores) == [
        f"{source} {quantizer}"
        for source in ("good", "text2vec-model2vec", "text2vec-transformers")
        for quantizer in ("none", "bq")
    ]
    assert scores["text2vec-model2vec none"] > scores["text2vec-transformers none"]
    assert (found["objects"], found["notes"]) == (24, [])  # all that are relevant
    assert server.rest.get("/v1/schema/Docs").json() == before
    assert [one["class"] for one in server.rest.get("/v1/schema").json()["classes"]] == ["Docs"]
    assert not server.database.folder.joinpath("evaluations", found["id"], "sample").exists()


def test_rerankers_and_fusions(server: Evaluating) -> None:
    grid = {"vectors": ["good"], "alphas": [0.5], "fusions": ["rankedFusion"], "rerankers": ["reranker-dummy"]}
    found = evaluated(server, queries=queries()[:4], rerankProperty="body", **grid)
    names = ["keyword", "good", "hybrid good 0.5 ranked"]
    assert list(means(found)) == [name + rest for name in names for rest in ("", " + reranker-dummy")]


def test_queries_made_of_the_data(server: Evaluating) -> None:
    found = evaluated(server, knownItem={"property": "title", "queries": 10}, alphas=[])
    assert found["queries"] == 10
    assert means(found)["good"] > 0.5 > means(found)["keyword"]  # the title is not among the keywords
    assert found["notes"] == []  # nor in the vectors, which are made of the body


def test_vectors_as_queries(server: Evaluating) -> None:
    stored = server.rest.get("/v1/objects/Docs/" + uuid(3), params={"include": "vector"}).json()["vectors"]["good"]
    found = evaluated(server, queries=[{"id": "own", "vector": stored, "relevant": {uuid(3): 2}}], vectors=["good"])
    assert means(found) == {"good": 1.0}
    wrong = evaluated(server, queries=[{"vector": [1.0, 2.0], "relevant": [uuid(3)]}], vectors=["good"])
    assert "dimensions" in wrong["variants"][0]["error"]
    assert (wrong["best"], wrong["status"]) == ("", "SUCCESS")


def test_what_is_not_in_the_collection_is_noted(server: Evaluating) -> None:
    asked = [{"text": "car", "relevant": [uuid(0), uuid(999)]}]
    found = evaluated(server, queries=asked, vectors=["good"], keyword=False)
    assert found["notes"] == ["1 of 2 relevant objects are not in the collection: counted as missed"]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({}, "give queries"),
        ({"queries": queries(), "knownItem": {"property": "title"}}, "one of both"),
        ({"queries": [{"text": "x", "relevant": []}]}, "no relevant object"),
        ({"queries": [{"relevant": [uuid(1)]}]}, "neither text nor media nor vector"),
        ({"queries": [{"text": "x", "relevant": ["x"]}]}, "is not a uuid"),
        ({"queries": [*queries()[:1], {"id": "1", "text": "x", "relevant": [uuid(1)]}]}, "two queries have the id"),
        ({"queries": queries(), "measures": ["BLEU"]}, "no measure"),
        ({"queries": queries(), "vectors": ["best"]}, "has no vector 'best'; it has good, worse"),
        ({"queries": queries(), "models": [{"module": "text2vec-none"}]}, "no module with name"),
        ({"queries": queries(), "models": [{"module": "reranker-dummy"}]}, "Vectorizer"),
        ({"queries": queries(), "rerankers": ["text2vec-model2vec"]}, "does not rerank"),
        ({"queries": queries(), "quantizers": ["zip"]}, "no quantizer"),
        ({"queries": queries(), "alphas": [1.5]}, "alpha must be from 0"),
        ({"queries": queries(), "sample": 10**9}, "sampled objects are more than"),
        ({"knownItem": {"property": "size"}}, "no text property 'size'; its texts are title, body"),
        ({"captions": {"property": "title"}}, "no way to search"),
        ({"queries": [{"image": "aGk=", "relevant": [uuid(1)]}]}, "no way to search"),
    ],
)
def test_what_is_not_possible_is_refused_at_once(server: Evaluating, asked: dict[str, Any], reason: str) -> None:
    assert reason in refusal(server, **asked)


def test_one_that_runs_is_cancelled_and_then_deleted(server: Evaluating) -> None:
    many = [{"id": str(number), "text": f"word {number}", "relevant": [uuid(0)]} for number in range(3000)]
    id = server.rest.post(ROOT, json={"collection": "Docs", "queries": many}).json()["id"]
    assert server.rest.get(f"{ROOT}/{id}/comparison", params={"variant": "worse", "other": "good"}).status_code == 422
    assert server.rest.delete(f"{ROOT}/{id}").status_code == 204
    assert ended(server, id)["status"] == "CANCELED"
    assert server.rest.delete(f"{ROOT}/{id}").status_code == 204
    assert server.rest.get(f"{ROOT}/{id}").status_code == 404
    assert not (server.database.folder / "evaluations" / id).exists()


def test_one_that_is_paused_continues(server: Evaluating) -> None:
    many = [{"id": f"{number}", "text": f"word {number}", "relevant": [uuid(0)]} for number in range(200)]
    asked = {"collection": "Docs", "queries": many, "models": [{"module": "text2vec-model2vec"}], "alphas": []}
    begun = server.rest.post(ROOT, json=asked).json()
    job = f"/v1/weft/jobs/{begun['job']}"
    assert server.rest.post(f"{job}/pause").status_code == 200
    assert server.rest.post(f"{job}/resume").status_code == 200
    found = ended(server, begun["id"])
    assert (found["status"], found["queries"], len(found["variants"])) == ("SUCCESS", 200, 4)


def test_multi_vectors_and_their_pooling(server: Evaluating) -> None:
    random = np.random.default_rng(7)
    tokens = random.normal(size=(12, 6, 16)).astype(np.float32)
    made = {
        "class": "Tokens",
        "properties": [],
        "vectorConfig": {
            "late": {
                "vectorizer": {"none": {}},
                "vectorIndexType": "hnsw",
                "vectorIndexConfig": {"multivector": {"enabled": True}},
            }
        },
    }
    assert server.rest.post("/v1/schema", json=made).status_code == 200
    try:
        for number, own in enumerate(tokens):
            one = {"class": "Tokens", "id": uuid(number), "vectors": {"late": own.tolist()}}
            assert server.rest.post("/v1/objects", json=one).status_code == 200
        noisy = tokens[:, :3] + random.normal(scale=0.4, size=(12, 3, 16))
        asked = [{"vector": own.tolist(), "relevant": [uuid(number)]} for number, own in enumerate(noisy)]
        found = evaluated(server, collection="Tokens", queries=asked, pooling=[1, 3])
        assert means(found)["late pooling 1"] >= means(found)["late pooling 3"] > 0
        sizes = {one["name"]: one["bytesPerObject"] for one in found["variants"]}
        assert sizes["late pooling 1"] > sizes["late pooling 3"]
    finally:
        server.rest.delete("/v1/schema/Tokens")


@pytest.mark.filterwarnings("ignore")
def test_captions_find_their_media_and_media_each_other(tmp_path_factory: pytest.TempPathFactory) -> None:
    for package in ("sentence_transformers", "PIL", "av"):
        pytest.importorskip(package)
    kinds = {
        "image": [("a red circle", files.png(files.shape("red", "circle")))],
        "audio": [("white noise", files.wav(files.noise()))],
        "video": [("a blue square moving up", files.mp4(files.moving("blue", "square", 0, -0.6)))],
    }
    settings = {"model": "tiny-any", **{f"{kind}Fields": [kind] for kind in kinds}}

    class WithMedia(InProcess):
        modules = ("multi2vec-bind",)

    server = WithMedia(tmp_path_factory.mktemp("media"))
    try:
        texts = [{"name": "caption", "dataType": ["text"]}]
        made = {
            "class": "Docs",
            "properties": texts + [{"name": kind, "dataType": ["blob"]} for kind in kinds],
            "vectorizer": "multi2vec-bind",
            "moduleConfig": {"multi2vec-bind": settings},
        }
        assert server.rest.post("/v1/schema", json=made).status_code == 200
        media = [(kind, caption, files.base64_of(data)) for kind, pairs in kinds.items() for caption, data in pairs]
        for number, (kind, caption, data) in enumerate(media):
            one = {"class": "Docs", "id": uuid(number), "properties": {"caption": caption, kind: data}}
            assert server.rest.post("/v1/objects", json=one).status_code == 200
        by_caption = evaluated(server, captions={"property": "caption"}, measures=["Success@1"])
        assert means(by_caption, "Success@1") == {"default": 1.0}
        asked = [{kind: data, "relevant": [uuid(number)]} for number, (kind, _, data) in enumerate(media)]
        by_media = evaluated(server, queries=asked, measures=["Success@1"])
        assert means(by_media, "Success@1") == {"default": 1.0}
    finally:
        server.close()
