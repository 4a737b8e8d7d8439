"""``kill -9`` while an index is changed: searches answer as before or as after, never less, and the job continues."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import httpx
from weaviate.classes.config import Configure, DataType, Property

from server import Server

SEED = 11
KILLS = 3
MOST_LIFE_S = 0.1
"""Of the server, after a change has begun; the first time it is killed at once."""
WAIT_S = 120
COUNT = 8_000
TEXT = "the quick brown fox jumps over the lazy dog and runs away"


def get(server: Server, path: str) -> Any:
    return httpx.get(server.url(f"/v1/{path}"), timeout=WAIT_S).raise_for_status().json()


def tokenization(server: Server) -> str:
    (text,) = [one for one in get(server, "schema/Thing")["properties"] if one["name"] == "text"]
    found: str = text["tokenization"]
    return found


def status(server: Server, id: str) -> str:
    (task,) = [one for one in get(server, "tasks")["reindex"] if one["id"] == id]
    found: str = task["status"]
    return found


def test_kills(tmp_path: Path) -> None:
    print("seed", SEED)
    rng = random.Random(SEED)
    with Server(tmp_path / "data", {}) as server:
        with server.client() as client:
            things = client.collections.create(
                "Thing",
                properties=[Property(name="text", data_type=DataType.TEXT), Property(name="n", data_type=DataType.INT)],
                vector_config=Configure.Vectors.self_provided(),
            )
            assert not things.data.insert_many([{"text": f"{TEXT} {n}", "n": n} for n in range(COUNT)]).has_errors
        written = COUNT
        for kill in range(KILLS):
            wanted = ("field", "word")[kill % 2]
            path = server.url("/v1/schema/Thing/properties/text/index/searchable")
            answer = httpx.put(path, json={"tokenization": wanted}, timeout=WAIT_S)
            assert answer.status_code == 202, answer.text
            id = answer.json()["taskId"]
            time.sleep(rng.uniform(0, MOST_LIFE_S) if kill else 0)
            server.kill()
            server.start()
            with server.client() as client:
                things = client.collections.use("Thing")
                before = tokenization(server)
                found = things.query.bm25("fox", limit=1).objects
                after = tokenization(server)
                if before == after:
                    assert bool(found) == (after == "word")
                things.data.insert({"text": f"{TEXT} {written}", "n": written})
                written += 1
                deadline = time.monotonic() + WAIT_S
                while (now := status(server, id)) != "FINISHED":
                    assert now in ("STARTED", "SWAPPING"), now
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
                assert tokenization(server) == wanted
                assert bool(things.query.bm25("fox", limit=1).objects) == (wanted == "word")
                for n in (0, COUNT // 2, *range(COUNT, written)):
                    hit = things.query.bm25(f"{TEXT} {n}", limit=1).objects[0]
                    assert hit.properties["n"] == n
                assert things.aggregate.over_all(total_count=True).total_count == written
        assert not list((tmp_path / "data").rglob("reindex"))
        assert not [line for line in server.lines if "Traceback" in line]
