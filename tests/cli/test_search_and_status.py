"""``weft search`` and ``weft status``."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from weaviate.classes.config import Configure, DataType, Property, ReferenceProperty
from weaviate.classes.data import GeoCoordinate, PhoneNumber

from command import Weft, run
from server import Server


@pytest.fixture(scope="module", autouse=True)
def articles(server: Server) -> Iterator[None]:
    with server.client() as client:
        vectors = [
            Configure.Vectors.text2vec_transformers(name="title", source_properties=["title"]),
            Configure.Vectors.text2vec_model2vec(name="body", source_properties=["body"]),
        ]
        found = client.collections.create("Found", vector_config=vectors)
        found.data.insert_many(
            [
                {"title": "Rockets carry satellites", "body": "Bread is baked from flour. " * 20},
                {"title": "Cats sleep all day", "body": "Markets fell sharply"},
            ]
        )
        yield
        client.collections.delete("Found")


def test_by_meaning_keyword_and_both(weft: Weft) -> None:
    done = weft("search", "Found", "space travel", "--by", "meaning", "--target", "title")
    assert (done.returncode, done.stderr) == (0, "")
    first, *listed = done.stdout.splitlines()
    assert first.startswith("  1  distance 0.")
    assert listed[0].startswith("     body: Bread is baked from flour. Bread")
    assert listed[0].endswith("…")
    assert all(len(line) < 100 for line in listed)
    assert listed[1] == "     title: Rockets carry satellites"
    done = weft("search", "Found", "cats", "--by", "keyword", "--json")
    (hit,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert hit.keys() == {"id", "score", "properties"}
    assert hit["score"] > 0
    assert hit["properties"] == {"title": "Cats sleep all day", "body": "Markets fell sharply"}
    done = weft("search", "Found", "finance", "--target", "body", "--limit", "1", "--json")
    assert json.loads(done.stdout)["properties"]["title"] == "Cats sleep all day"


def test_every_type_of_property_is_spelled(server: Server, weft: Weft) -> None:
    nested = [Property(name="a", data_type=DataType.TEXT), Property(name="n", data_type=DataType.INT_ARRAY)]
    values = {
        "text": "word",
        "texts": ["a", "b"],
        "ints": [1, -2],
        "numbers": [0.5],
        "bools": [True, False],
        "date": "2026-01-02T03:04:05Z",
        "uuid": "00000000-0000-0000-0000-000000000007",
        "object": {"a": "x", "n": [3]},
        "objects": [{"a": "y"}],
    }
    with server.client() as client:
        kinds = client.collections.create(
            "Kinds",
            vector_config=Configure.Vectors.self_provided(),
            references=[ReferenceProperty(name="self", target_collection="Kinds")],
            properties=[
                Property(name="text", data_type=DataType.TEXT),
                Property(name="texts", data_type=DataType.TEXT_ARRAY),
                Property(name="ints", data_type=DataType.INT_ARRAY),
                Property(name="numbers", data_type=DataType.NUMBER_ARRAY),
                Property(name="bools", data_type=DataType.BOOL_ARRAY),
                Property(name="date", data_type=DataType.DATE),
                Property(name="uuid", data_type=DataType.UUID),
                Property(name="place", data_type=DataType.GEO_COORDINATES),
                Property(name="phone", data_type=DataType.PHONE_NUMBER),
                Property(name="object", data_type=DataType.OBJECT, nested_properties=nested),
                Property(name="objects", data_type=DataType.OBJECT_ARRAY, nested_properties=nested),
            ],
        )
        kinds.data.insert(
            {
                **values,
                "place": GeoCoordinate(latitude=1.5, longitude=2.5),
                "phone": PhoneNumber(number="+49 30 1234567"),
            }
        )
    hit = json.loads(weft("search", "Kinds", "word", "--by", "keyword", "--json").stdout)
    place, phone = hit["properties"].pop("place"), hit["properties"].pop("phone")
    assert place == {"latitude": 1.5, "longitude": 2.5}
    assert phone.replace(" ", "") == "+49301234567"
    assert hit["properties"] == values
    text = weft("search", "Kinds", "word", "--by", "keyword").stdout
    assert '     object: {"a": "x", "n": [3]}' in text


def test_a_stored_text_does_not_steer_the_terminal(server: Server, weft: Weft) -> None:
    with server.client() as client:
        client.collections.create("Steering", vector_config=Configure.Vectors.self_provided())
        client.collections.use("Steering").data.insert({"text": "calm \x1b[2J\x07 waters"})
    assert "text: calm [2J waters" in weft("search", "Steering", "calm", "--by", "keyword").stdout


def test_nothing_found_and_refusals(weft: Weft) -> None:
    done = weft("search", "Found", "zebra", "--by", "keyword")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "nothing found in Found\n")
    for arguments, words in (
        (["None", "x"], "no collection 'None'; there are: "),
        (["Found", "x", "--limit", "0"], "--limit must be from 1 to"),
        (["Found", "x", "--limit", "99999999999"], "--limit must be from 1 to"),
        (["Found", "x", "--api-key", "a\nb"], "characters that no API key contains"),
        (["Found", "x", "--api-key", "ä"], "characters that no API key contains"),
        (["Found", "\udcff", "--by", "keyword"], "is not UTF-8"),
        (["Foud", "x"], "no collection 'Foud'; did you mean Found?"),
        (["Found", "x", "--by", "meaning"], "Found has several vectors; choose one with --target"),
        (["Found", "x"], "title (text2vec-transformers), body (text2vec-model2vec)"),
        (["Found", "x", "--target", "tittle"], "Found has no vector 'tittle'; its vectors: "),
        (["Found", "x", "--by", "keyword", "--where", "titel=x"], "Found has no property 'titel'; did you mean title?"),
        (["Found", "x", "--by", "keyword", "--where", "title"], "must be like year>=2020"),
        (
            ["Found", "x", "--by", "keyword", "--fields", "bodi"],
            "has no property 'bodi' (--fields); did you mean body?",
        ),
        (["Found", "x", "--by", "keyword", "--grpc-port", "1"], "no server answers gRPC at 127.0.0.1:1"),
    ):
        done = weft("search", *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("weft: ")
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_output_that_no_one_reads_and_what_cannot_be_written(server: Server) -> None:
    command = f"{sys.executable} -m weft status --json --port {server.rest_port}"
    for sink, status, words in (("| true; exit ${PIPESTATUS[0]}", 141, b""), ("> /dev/full", 1, b"No space left")):
        done = subprocess.run(["/bin/bash", "-c", f"{command} {sink}"], capture_output=True)
        assert done.returncode == status
        assert words in done.stderr
        assert b"Traceback" not in done.stderr


def test_another_server_is_printed_apart(weft: Weft) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        for arguments in (["status"], ["backup", "x"], ["backup"], ["import", "-", "--collection", "A"]):
            done = weft(*arguments, "--port", str(other.server_port), input='{"a": 1}')
            assert done.returncode == 1
            assert done.stderr.endswith("is not a Weft server\n")
        assert "is not a Weft server" in weft("models", "--port", str(other.server_port)).stdout
        other.shutdown()
        thread.join()


def test_status_shows_collections_and_json(server: Server, weft: Weft) -> None:
    done = weft("status")
    assert (done.returncode, done.stderr) == (0, "")
    head, titles, *rows = done.stdout.splitlines()
    assert head.startswith(f"weft at http://127.0.0.1:{server.rest_port}: healthy, protocol ")
    assert titles.split()[:2] == ["collection", "objects"] or "shards" in titles
    assert any(row.split()[0] == "Found" and "2" in row.split() for row in rows)
    assert "memory: " in done.stdout
    assert "disk: " in done.stdout
    assert "index/filter" in done.stdout
    assert "requests under way: 1 over REST, 0 over gRPC" in done.stdout
    printed = json.loads(weft("status", "--json").stdout)
    assert "text2vec-transformers" in printed["meta"]["modules"]
    assert {"Found"} <= {shard["class"] for shard in printed["nodes"][0]["shards"]}


def test_status_without_a_server(weft: Weft) -> None:
    done = weft("status", "--port", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "weft: no server answers at http://127.0.0.1:1; start one with: weft serve\n"
    done = weft("status", WEFT_PORT="x")
    assert done.returncode == 2
    assert "invalid int value: 'x'" in done.stderr


def test_search_finds_its_grpc_port_and_falls_back_to_keywords(server: Server, weft: Weft) -> None:
    with server.client() as client:
        rack = client.collections.create("Rack", vector_config=Configure.Vectors.self_provided())
        rack.data.insert_many([{"title": "blue whale", "year": 1999}, {"title": "blue sky", "year": 2004}])
    found = run("search", "Rack", "blue", "--json", "--fields", "title", environ={"WEFT_PORT": str(server.rest_port)})
    assert found.stderr == "by keyword, because Rack has no vectorizer that embeds the text\n"
    titles = [json.loads(line)["properties"] for line in found.stdout.splitlines()]
    assert sorted(one["title"] for one in titles) == ["blue sky", "blue whale"]
    assert all(one.keys() == {"title"} for one in titles)
    done = weft("search", "Rack", "blue", "--by", "meaning")
    assert (done.returncode, "search with --by keyword" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("conditions", "titles"),
    [
        (["year>=2000"], ["Momo", "Solaris"]),
        (["year<2000"], ["Dune"]),
        (["title~*o*", "year!=1"], ["Momo", "Solaris"]),
        (["title in Dune,Momo"], ["Dune", "Momo"]),
        (["born>2001-01-01"], ["Solaris"]),
        (["old=true"], ["Dune"]),
        (["score<=1.5"], ["Dune"]),
        (["maker.name=Ende"], ["Momo"]),
        (
            ['{"operator":"Not","operands":[{"path":["title"],"operator":"Equal","valueText":"Dune"}]}'],
            ["Momo", "Solaris"],
        ),
        (['{"path":["score"],"operator":"ContainsAny","valueNumberArray":[1.5,3.5]}'], ["Dune", "Solaris"]),
    ],
)
def test_where(weft: Weft, filtered: str, conditions: list[str], titles: list[str]) -> None:
    chosen = [word for one in conditions for word in ("--where", one)]
    done = weft("search", filtered, "book", "--by", "keyword", "--json", *chosen)
    assert (done.returncode, done.stderr) == (0, "")
    found = [json.loads(line)["properties"]["title"] for line in done.stdout.splitlines()]
    assert sorted(found) == titles
    count = json.loads(weft("delete", filtered, "--dry-run", "--json", *chosen).stdout)["objects"]
    assert count == len(titles)


@pytest.fixture(scope="module")
def filtered(server: Server) -> Iterator[str]:
    rows = [
        {"title": "Dune", "year": 1999, "born": "2000-01-01T00:00:00Z", "old": True, "score": 1.5},
        {"title": "Momo", "year": 2000, "born": "2001-01-01T00:00:00Z", "old": False, "maker": {"name": "Ende"}},
        {"title": "Solaris", "year": 2001, "born": "2002-01-01T00:00:00Z", "old": False, "score": 3.5},
    ]
    kinds = {"year": DataType.INT, "born": DataType.DATE, "old": DataType.BOOL, "score": DataType.NUMBER}
    with server.client() as client:
        made = client.collections.create(
            "Filtered",
            vector_config=Configure.Vectors.self_provided(),
            properties=[
                *(Property(name=name, data_type=DataType.TEXT) for name in ("title", "kind")),
                *(Property(name=name, data_type=kind) for name, kind in kinds.items()),
                Property(
                    name="maker",
                    data_type=DataType.OBJECT,
                    nested_properties=[Property(name="name", data_type=DataType.TEXT)],
                ),
            ],
        )
        made.data.insert_many([{**row, "kind": "book"} for row in rows])
        yield "Filtered"
        client.collections.delete("Filtered")


def test_rerank_and_explain(server: Server, weft: Weft) -> None:
    with server.client() as client:
        ranked = client.collections.create(
            "Ranked",
            vector_config=Configure.Vectors.self_provided(),
            reranker_config=Configure.Reranker.custom("reranker-dummy"),
        )
        ranked.data.insert_many([{"title": "cat cat"}, {"title": "a cat"}])
    done = weft("search", "Ranked", "cat", "--by", "keyword", "--rerank", "title", "--explain", "--json")
    hits = [json.loads(line) for line in done.stdout.splitlines()]
    assert [sorted(hit) for hit in hits] == [["explainScore", "id", "properties", "rerankScore", "score"]] * 2
    text = weft("search", "Ranked", "cat", "--by", "keyword", "--rerank", "title", "--explain").stdout
    assert text.startswith("  1  rerank ")
    assert "BM25F_cat_frequency" in text
    assert max(map(len, text.splitlines())) < 100
