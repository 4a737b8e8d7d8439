"""Vectors made again: filled, compared, cut over to, rolled back, copied, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from in_process import InProcess
from weft.domain.errors import Invalid
from weft.domain.objects import Object, Vector
from weft.domain.schema import VectorConfig
from weft.service.reembedding.sample import check_alike

OLD, NEW = "text2vec-model2vec", "text2vec-contextionary"
ROOT = "/v1/weft/reembeddings"
ONE = f"{ROOT}/Thing/title"
COUNT = 150


class Embedding(InProcess):
    modules: ClassVar[tuple[str, ...]] = (OLD, NEW)

    def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.rest.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def refusal(self, method: str, path: str, body: Any = None) -> str:
        answer = self.rest.request(method, path, json=body)
        assert answer.status_code in (404, 409, 422), answer.text
        return str(answer.json()["error"][0]["message"])

    def start(self, **asked: Any) -> Any:
        self.ask("POST", ROOT, {"collection": "Thing", "vector": "title", **asked}, 202)
        path = f"{ROOT}/Thing/{asked.get('vector', 'title')}"
        deadline = time.monotonic() + 60
        while (state := self.ask("GET", path))["status"] in ("WAITING", "RUNNING", "FINISHING"):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return state

    def nearest(self, vector: str = "title") -> tuple[str, int]:
        """The text of the first hit, and how many dimensions its vector has."""
        question = (
            f'{{Get{{Thing(nearText:{{concepts:["rain"],targetVectors:["{vector}"]}},limit:1)'
            f"{{text _additional{{vectors{{{vector}}}}}}}}}}}"
        )
        answer = self.ask("POST", "/v1/graphql", {"query": question})
        hits = answer["data"]["Get"]["Thing"]
        return (hits[0]["text"], len(hits[0]["_additional"]["vectors"][vector])) if hits else ("", 0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Embedding]:
    made = Embedding(tmp_path)
    vectors: dict[str, Any] = {"title": {"vectorizer": {OLD: {}}}, "own": {"vectorizer": {"none": {}}}}
    properties = [{"name": "text", "dataType": ["text"]}]
    made.ask("POST", "/v1/schema", {"class": "Thing", "properties": properties, "vectorConfig": vectors})
    things = [{"class": "Thing", "properties": {"text": f"{('rain', 'car')[n % 2]} {n}"}} for n in range(COUNT)]
    made.ask("POST", "/v1/batch/objects", {"objects": things})
    yield made
    made.close()


def test_another_model_and_back(server: Embedding) -> None:
    estimate = server.ask("POST", ROOT, {"collection": "Thing", "vector": "title", "module": NEW, "dryRun": True})
    assert estimate["estimate"]["objects"] == COUNT
    assert estimate["estimate"]["dimensions"] == 300
    assert server.ask("GET", ROOT) == {"reembeddings": []}
    state = server.start(module=NEW)
    assert (state["status"], state["other"]["module"], state["report"]["made"]) == ("READY", NEW, COUNT)
    assert "already" in server.refusal("POST", ROOT, {"collection": "Thing", "vector": "title", "module": NEW})
    assert server.nearest()[1] == 256
    compared = server.ask("POST", f"{ONE}/compare", {"queries": ["rain", "car"], "limit": 5})
    assert [len(one["other"]) for one in compared["queries"]] == [5, 5]

    assert server.ask("POST", f"{ONE}/cutover", {})["status"] == "CUT_OVER"
    assert server.nearest()[1] == 300
    document = server.ask("GET", "/v1/schema/Thing")
    assert document["vectorConfig"]["title"]["vectorizer"] == {NEW: {"vectorizeClassName": False}}
    assert "weftRevisions" not in document
    server.ask("PUT", "/v1/schema/Thing", {**document, "description": "changed"})
    server.ask("POST", "/v1/objects", {"class": "Thing", "properties": {"text": "rain rain"}})
    assert server.nearest() == ("rain rain", 300)
    assert "kept until" in server.refusal("POST", ROOT, {"collection": "Thing", "vector": "title"})
    assert server.ask("POST", f"{ONE}/rollback")["status"] == "READY"
    assert server.nearest() == ("rain rain", 256)
    assert "no previous revision" in server.refusal("POST", f"{ONE}/rollback")

    assert "other" not in server.ask("DELETE", ONE)
    stored = server.ask("GET", "/v1/objects?class=Thing&include=vector&limit=1")["objects"][0]
    assert set(stored["vectors"]) == {"title"}
    (shard,) = server.ask("GET", "/v1/nodes?output=verbose")["nodes"][0]["shards"]
    assert {name for name in shard["sizes"] if name.startswith("vectors/")} == {"vectors/title", "vectors/own"}
    assert shard["objectsWithoutVector"] == {"own": COUNT + 1}


def test_an_evaluation_searches_what_searches_use(server: Embedding) -> None:
    server.start(module=NEW)
    server.ask("POST", f"{ONE}/cutover", {})
    known = server.ask("GET", "/v1/objects?class=Thing&limit=1")["objects"][0]
    queries = [{"id": "1", "text": known["properties"]["text"], "relevant": {known["id"]: 1}}]
    asked = {"collection": "Thing", "queries": queries, "vectors": ["title"], "alphas": [0.5]}
    path = f"/v1/weft/evaluations/{server.ask('POST', '/v1/weft/evaluations', asked, 201)['id']}"
    deadline = time.monotonic() + 60
    while (found := server.ask("GET", path))["status"] not in ("SUCCESS", "FAILED", "CANCELED"):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert [one.get("error") for one in found["variants"]] == [None] * len(found["variants"])
    (alone,) = (one for one in found["variants"] if one["name"] == "title")
    assert alone["bytesPerObject"] >= 300 * 4


def test_a_vector_that_is_added_is_filled(server: Embedding) -> None:
    state = server.start(vector="late", module=NEW)
    assert (state["status"], state["serving"]["objectsWithoutVector"]) == ("SUCCESS", 0)
    text, dims = server.nearest("late")
    assert text.startswith("rain")
    assert dims == 300
    assert "made by callers" in server.refusal("POST", ROOT, {"collection": "Thing", "vector": "own"})
    assert "no vector" in server.refusal("POST", ROOT, {"collection": "Thing", "vector": "absent"})


def test_only_the_index_changes_and_the_previous_one_goes_in_time(server: Embedding) -> None:
    assert "like that already" in server.refusal(
        "POST", ROOT, {"collection": "Thing", "vector": "title", "module": OLD}
    )
    state = server.start(vectorIndexConfig={"distance": "l2-squared"})
    assert (state["status"], state["report"]["tokens"], state["report"]["made"]) == ("READY", 0, COUNT)
    state = server.ask("POST", f"{ONE}/cutover", {"keepSeconds": 0})
    assert (
        server.ask("GET", "/v1/schema/Thing")["vectorConfig"]["title"]["vectorIndexConfig"]["distance"] == "l2-squared"
    )
    assert server.service.reembeddings._drop_expired(time.time() + 1) is False
    assert "other" not in server.ask("GET", ONE)
    assert server.nearest()[0].startswith("rain")


@pytest.mark.parametrize(("angle", "is_alike"), [(0.01, True), (0.3, False)])
def test_a_model_that_answers_differently_is_refused(angle: float, is_alike: bool) -> None:
    vector: Vector = np.asarray([1, 0], np.float32)
    turned: Vector = np.asarray([np.cos(angle), np.sin(angle)], np.float32)
    stored = [(Object(bytes(16)), vector)] * 3
    if is_alike:
        check_alike(VectorConfig("title"), stored, [turned] * 3)
        return
    check_alike(VectorConfig("title"), stored, [turned, vector, turned])
    with pytest.raises(Invalid, match="answers differently"):
        check_alike(VectorConfig("title"), stored, [turned, None, turned])
