"""``weft eval``: the better of two models is found, and what was found is kept and compared."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import weaviate
from weaviate.collections.classes.types import Properties

from command import Weft, run
from judged import PAIRS, document, objects, queries, uuid
from server import Server

_NAME = "Judged"


@pytest.fixture(scope="module", autouse=True)
def judged(server: Server) -> Iterator[None]:
    httpx.post(server.url("/v1/schema"), json=document(_NAME)).raise_for_status()
    with server.client() as client:
        fill(client)
        yield
        client.collections.delete(_NAME)


def fill(client: weaviate.WeaviateClient) -> None:
    collection = client.collections.use(_NAME)
    with collection.batch.fixed_size(100) as batch:
        for one in objects(_NAME):
            properties: Properties = one["properties"]
            batch.add_object(properties, uuid=one["id"])
    assert not collection.batch.failed_objects


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "queries.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in queries()))
    return str(path)


def test_the_better_model_is_found_listed_and_compared(weft: Weft, file: str) -> None:
    done = weft("eval", _NAME, "--queries", file, "--no-keyword", "--suggest", COLUMNS="80")
    assert (done.returncode, done.stderr) == (0, "")
    heading, columns, best, other, *rest = done.stdout.splitlines()
    assert heading.endswith(f"  {_NAME}: {len(PAIRS)} queries, {len(PAIRS)} objects")
    assert columns.split() == ["nDCG@10", "p", "ms", "B/object", "RR@10", "R@10", "Success@1"]
    assert best.startswith("  * good")
    assert other.startswith("    worse")
    assert rest[1].startswith("good alone is best: nDCG@10 1.00")
    assert rest[1].endswith("the difference is significant (p < 0.001).")
    assert (
        rest[-1] == f'client.collections.use("{_NAME}").query.near_text("your query", target_vector="good", limit=10)'
    )
    assert max(len(line) for line in done.stdout.splitlines()[:4]) <= 80
    id = heading.split()[0]
    assert weft("eval", "show", id).stdout.splitlines()[:4] == done.stdout.splitlines()[:4]
    assert id in weft("eval", "list").stdout
    difference = weft("eval", "diff", id, "good", "worse", "--limit", "1").stdout
    assert "significant" in difference
    assert f"  1 *{uuid(0)[:24]}" in difference
    assert weft("eval", "delete", id).stdout == f"evaluation {id}: deleted\n"
    gone = weft("eval", "show", id)
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "there is no evaluation" in gone.stderr


def test_other_models_are_tried_and_runs_compared(weft: Weft, file: str) -> None:
    asked = ("eval", _NAME, "--queries", file, "--no-keyword", "--json")
    first = json.loads(weft(*asked, "--models", "text2vec-model2vec", "--vectors", "worse").stdout)
    assert first["best"] == "text2vec-model2vec"
    second = json.loads(weft(*asked, "--vectors", "good").stdout)
    found = json.loads(weft("eval", "diff", second["id"], first["id"], "--json").stdout)
    assert (found["variant"], found["other"]) == ("good", "text2vec-model2vec")
    suggested = weft("eval", "show", first["id"], "--suggest").stdout
    assert '# {"better":{"vectorizer":{"text2vec-model2vec":{}}' in suggested


def test_judgments_of_trec_and_beir(weft: Weft, tmp_path: Path) -> None:
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    texts = [{"_id": f"q{number}", "text": one["text"]} for number, one in enumerate(queries())]
    (folder / "queries.jsonl").write_text("".join(json.dumps(one) + "\n" for one in texts))
    judged = [(f"q{number}", one["relevant"][0]) for number, one in enumerate(queries())]
    head = "query-id\tcorpus-id\tscore\n"
    (folder / "qrels" / "test.tsv").write_text(head + "".join(f"{query}\t{id}\t1\n" for query, id in judged))
    (tmp_path / "qrels").write_text("".join(f"{query} 0 {id} 1\n" for query, id in judged))
    (tmp_path / "topics.tsv").write_text("".join(f"{one['_id']}\t{one['text']}\n" for one in texts))
    sources = (("--beir", str(folder)), ("--trec", str(tmp_path / "qrels"), str(tmp_path / "topics.tsv")))
    verdicts = [
        weft("eval", _NAME, "--vectors", "good", "--no-keyword", *one).stdout.splitlines()[-1] for one in sources
    ]
    assert verdicts[0] == verdicts[1]
    assert verdicts[0].startswith("good alone: nDCG@10 1.00")
    wrong = weft("eval", _NAME, "--beir", str(folder), "--split", "dev")
    assert wrong.stderr.endswith("is not there; the splits are test (--split)\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((_NAME,), "which queries? Name a file"),
        ((_NAME, "extra", "--known-item", "title"), "'extra' is one too many"),
        ((_NAME, "--known-item", "nothing"), "no text property 'nothing'; its texts are title, body"),
        ((_NAME, "--from-captions"), "vector 'good' is not made of media"),
        ((_NAME, "--known-item", "title", "--fusion", "best"), "choose of relative, ranked"),
        ((_NAME, "--known-item", "title", "--alpha", "much"), "--alpha takes numbers"),
        (("Missing", "--known-item", "title"), "Missing"),
        (("diff", "one"), "write: weft eval diff"),
        (("show", uuid(1)), "there is no evaluation"),
    ],
)
def test_mistakes_are_named(weft: Weft, arguments: tuple[str, ...], reason: str) -> None:
    done = weft("eval", *arguments)
    assert done.returncode == 1
    assert reason in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 2 is not JSON"),
        ("[]", "line 2 is no JSON object"),
        ('{"text": "x"}', "line 2: name the objects to find"),
        ('{"text": "x", "relevant": {"a": "high"}}', "is no id with a grade"),
    ],
)
def test_mistakes_in_files_are_named(weft: Weft, line: str, reason: str) -> None:
    good = json.dumps(queries()[0])
    assert reason in weft("eval", _NAME, "--queries", "-", input=f"{good}\n{line}\n").stderr


def test_one_continues_after_a_kill(tmp_path: Path) -> None:
    many = [{"id": f"q{n}", "text": f"word {n}", "relevant": [uuid(0)]} for n in range(150)]
    with Server(tmp_path / "data") as server:
        httpx.post(server.url("/v1/schema"), json=document(_NAME)).raise_for_status()
        with server.client() as client:
            fill(client)
        environ = {"WEFT_PORT": str(server.rest_port)}
        lines = "".join(json.dumps(one) + "\n" for one in many)
        flags = ("--queries", "-", "--no-wait", "--models", "text2vec-model2vec", "--alpha", "none")
        id = run("eval", _NAME, *flags, input=lines, environ=environ).stdout.strip()
        server.kill()
        server.start()
        found: dict[str, object] = {"status": "WAITING"}
        while found["status"] in ("WAITING", "RUNNING", "FINISHING"):
            time.sleep(0.05)
            found = httpx.get(server.url(f"/v1/weft/evaluations/{id}")).json()
        assert (found["status"], found["queries"], found["objects"]) == ("SUCCESS", 150, len(PAIRS))
