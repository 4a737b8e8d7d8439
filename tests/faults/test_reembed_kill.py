"""Vectors made again by another model while searches and writes continue, with ``kill -9`` in the middle."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.query import MetadataQuery

from server import Server

WAIT_S = 120
COUNT = 2_000
WORDS = ("cat", "rain", "car", "bread", "music")
ONE = "/v1/weft/reembeddings/Thing/title"
DIMS = {"text2vec-model2vec": 256, "text2vec-contextionary": 300}


def ask(server: Server, method: str, path: str, body: Any = None) -> Any:
    answer = httpx.request(method, server.url(path), json=body, timeout=WAIT_S)
    assert answer.is_success, answer.text
    return answer.json()


def until(server: Server, status: str) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_S
    while (state := ask(server, "GET", ONE))["status"] != status:
        assert state["status"] in ("WAITING", "RUNNING", "FINISHING", "PAUSING"), (
            state.get("error"),
            server.lines[-30:],
        )
        assert time.monotonic() < deadline
        time.sleep(0.02)
    found: dict[str, Any] = state
    return found


def text(n: int) -> str:
    return f"{WORDS[n % len(WORDS)]} number {n}"


class Searches:
    """Searches by meaning that never stop, apart from the times when there is no server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._turn = threading.Lock()
        self._ended = threading.Event()
        self.dims: list[int] = []
        self.failures: list[str] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @contextmanager
    def paused(self) -> Iterator[None]:
        with self._turn:
            yield

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            with self._turn:
                try:
                    self._search()
                except Exception as error:
                    self.failures.append(repr(error))

    def _search(self) -> None:
        question = (
            '{Get{Thing(nearText:{concepts:["cat"],targetVectors:["title"]},limit:5)'
            "{text _additional{distance vectors{title}}}}}"
        )
        answer = ask(self._server, "POST", "/v1/graphql", {"query": question})
        assert not answer.get("errors"), answer
        hits = answer["data"]["Get"]["Thing"]
        assert len(hits) == 5
        assert all(hit["text"].startswith("cat") for hit in hits), hits
        (dims,) = {len(hit["_additional"]["vectors"]["title"]) for hit in hits}
        self.dims.append(dims)


def seen(searches: Searches, dims: int) -> None:
    """Returns when a search that began now has found vectors of these dimensions."""
    with searches.paused():
        searches.dims.clear()
    deadline = time.monotonic() + WAIT_S
    while not searches.dims and not searches.failures:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    assert not searches.failures, searches.failures
    assert set(searches.dims) == {dims}


def test_kill_resume_cut_over_and_back(tmp_path: Path) -> None:
    old, new = DIMS
    with Server(tmp_path / "data", {}) as server:
        with server.client() as client:
            things = client.collections.create(
                "Thing",
                properties=[Property(name="text", data_type=DataType.TEXT)],
                vector_config=[
                    Configure.Vectors.custom(name="title", module_name=old),
                    Configure.Vectors.self_provided(name="own"),
                ],
            )
            written = [{"text": text(n)} for n in range(COUNT)]
            assert not things.data.insert_many(written).has_errors
        uuids = {one["id"] for one in ask(server, "GET", "/v1/objects?class=Thing&limit=100")["objects"]}
        searches = Searches(server)
        try:
            asked = {"collection": "Thing", "vector": "title", "module": new}
            assert ask(server, "POST", "/v1/weft/reembeddings", asked)["estimate"]["objects"] == COUNT
            with searches.paused():
                server.kill()
                server.start()
            with server.client() as client:
                more = [{"text": text(n)} for n in range(COUNT, COUNT + 10)]
                assert not client.collections.use("Thing").data.insert_many(more).has_errors
            ready = until(server, "READY")
            assert ready["other"] == {**ready["other"], "module": new, "objectsWithoutVector": 0}
            seen(searches, DIMS[old])
            assert ask(server, "POST", f"{ONE}/compare", {"queries": ["cat", "rain"]})["limit"] == 10

            assert ask(server, "POST", f"{ONE}/cutover", {"keepSeconds": 3600})["status"] == "CUT_OVER"
            seen(searches, DIMS[new])
            with searches.paused():
                server.kill()
                server.start()
            seen(searches, DIMS[new])
            ask(server, "POST", "/v1/objects", {"class": "Thing", "properties": {"text": "cat cat"}})
            assert ask(server, "POST", f"{ONE}/rollback")["status"] == "READY"
            seen(searches, DIMS[old])
            with server.client() as client:
                things = client.collections.use("Thing")
                (nearest,) = things.query.near_text(
                    "cat cat", target_vector="title", limit=1, return_metadata=MetadataQuery(distance=True)
                ).objects
                assert nearest.properties["text"] == "cat cat"
                assert things.config.get().vector_config["title"].vectorizer.vectorizer == old
            ask(server, "POST", f"{ONE}/cutover", {})
            ask(server, "POST", f"{ONE}/drop")
            seen(searches, DIMS[new])
        finally:
            searches.end()
        assert not searches.failures
        still = {one["id"] for one in ask(server, "GET", "/v1/objects?class=Thing&limit=100")["objects"]}
        assert len(uuids & still) > 90
        assert not [line for line in server.lines if "Traceback" in line]
