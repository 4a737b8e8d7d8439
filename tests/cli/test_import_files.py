"""``weft import`` of Parquet and Arrow: what an export wrote comes back whole, and what others wrote is understood; an
import that was killed continues."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from command import Done, Weft, run, start
from s3_server import BUCKET, ENVIRON, SIGNED, s3_server
from server import Server

EVERYTHING = {
    "text": "words",
    "texts": ["a", "b"],
    "whole": 1 << 60,
    "wholes": [1, 2],
    "share": 0.25,
    "yes": True,
    "day": "2024-05-13T09:30:00.123456Z",
    "days": ["2024-05-13T09:30:00Z"],
    "key": str(uuid.UUID(int=5)),
    "image": "AAEC",
    "place": {"latitude": 1.5, "longitude": -2.5},
    "phone": {"input": "020 1234567", "defaultCountry": "nl"},
    "car": {"make": "a", "wheels": [{"width": 5}, {"width": 6}], "built": "2020-01-02T00:00:00Z"},
    "cars": [{"make": "b"}, {"make": "c"}],
}
NESTED = [
    {"name": "make", "dataType": ["text"]},
    {"name": "built", "dataType": ["date"]},
    {"name": "wheels", "dataType": ["object[]"], "nestedProperties": [{"name": "width", "dataType": ["int"]}]},
]
TYPES = {
    "text": "text",
    "texts": "text[]",
    "whole": "int",
    "wholes": "int[]",
    "share": "number",
    "yes": "boolean",
    "day": "date",
    "days": "date[]",
    "key": "uuid",
    "image": "blob",
    "place": "geoCoordinates",
    "phone": "phoneNumber",
    "car": "object",
    "cars": "object[]",
    "friend": "Whole",
}
MULTI = {
    "vectorizer": {"none": {}},
    "vectorIndexType": "hnsw",
    "vectorIndexConfig": {"multivector": {"enabled": True}},
}
DOCUMENT = {
    "class": "Whole",
    "description": "everything there is",
    "invertedIndexConfig": {"indexNullState": True},
    "properties": [
        {"name": name, "dataType": [type_], **({"nestedProperties": NESTED} if type_.startswith("object") else {})}
        for name, type_ in TYPES.items()
    ],
    "vectorConfig": {"one": {"vectorizer": {"none": {}}, "vectorIndexType": "flat"}, "many": MULTI},
}
IDS = [str(uuid.UUID(int=n)) for n in (1, 2, 3)]
FRIEND = {"beacon": f"weaviate://localhost/Whole/{IDS[1]}"}


@pytest.fixture(scope="module")
def exporting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place = tmp_path_factory.mktemp("exporting")
    environ = {"EXPORT_ENABLED": "true", "EXPORT_DEFAULT_PATH": str(place / "out")}
    with Server(place / "data", environ) as running:
        yield running


def asked(server: Server, method: str, path: str, body: Any = None) -> Any:
    reply = httpx.request(method, f"http://127.0.0.1:{server.rest_port}/v1{path}", json=body, timeout=60)
    assert reply.is_success, reply.text
    return reply.json() if reply.content else None


def imported(server: Server, folder: Path, *arguments: str, **environ: str) -> Done:
    return run("import", *arguments, environ={"WEFT_PORT": str(server.rest_port), **environ}, folder=folder)


def held(server: Server, name: str) -> dict[str, Any]:
    found = asked(server, "GET", f"/objects?class={name}&include=vector&limit=1000")["objects"]
    times = ("class", "creationTimeUnix", "lastUpdateTimeUnix")
    return {one["id"]: {key: value for key, value in one.items() if key not in times} for one in found}


def test_an_export_comes_back_whole(exporting: Server, tmp_path: Path) -> None:
    asked(exporting, "POST", "/schema", {**DOCUMENT, "properties": DOCUMENT["properties"][:-1]})  # type: ignore[index]
    asked(exporting, "POST", "/schema/Whole/properties", DOCUMENT["properties"][-1])  # type: ignore[index]
    many = [[1.0, 0.5], [0.25, 2.0], [0.0, 1.0]]
    objects = [
        {"id": IDS[0], "properties": {**EVERYTHING, "friend": [FRIEND]}, "vectors": {"one": [1, 2, 3], "many": many}},
        {"id": IDS[1], "properties": {"text": None, "car": {"make": "d"}, "texts": []}, "vectors": {"many": many[:1]}},
        {"id": IDS[2], "properties": {}, "vectors": {"one": [0.5, 0.5, 0.5]}},
    ]
    batch = {"objects": [{"class": "Whole", **one} for one in objects], "weftModels": {"one": "text2vec-a|1"}}
    friend = objects[0]["properties"].pop("friend")  # type: ignore[attr-defined]
    assert [one["result"] for one in asked(exporting, "POST", "/batch/objects", batch)] == [{"status": "SUCCESS"}] * 3
    asked(exporting, "POST", f"/objects/Whole/{IDS[0]}/references/friend", friend[0])
    before, schema = held(exporting, "Whole"), asked(exporting, "GET", "/schema/Whole")
    asked(exporting, "POST", "/export/filesystem", {"id": "one", "file_format": "parquet", "include": ["Whole"]})
    while asked(exporting, "GET", "/export/filesystem/one")["status"] not in ("SUCCESS", "FAILED"):
        time.sleep(0.05)
    asked(exporting, "DELETE", "/schema/Whole")
    place = exporting.environ["EXPORT_DEFAULT_PATH"] + "/one"
    done = imported(exporting, tmp_path, place, "--collection", "Whole")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.startswith("3 objects stored in Whole")
    assert held(exporting, "Whole") == before
    again = asked(exporting, "GET", "/schema/Whole")
    assert again == schema
    batch["weftModels"] = {"one": "text2vec-a|2"}
    refused = asked(exporting, "POST", "/batch/objects", batch)[0]["result"]["errors"]["error"][0]["message"]
    assert "the vectors 'one' of class Whole were made by text2vec-a (1)" in refused
    done = imported(exporting, tmp_path, place, "--collection", "Copy", "--rejected", "copy.rejected.jsonl")
    assert done.stdout.startswith("3 objects stored in Copy"), done
    found = held(exporting, "Copy")[IDS[0]]["properties"]["friend"]
    assert [one["beacon"] for one in found] == [FRIEND["beacon"]]
    asked(exporting, "DELETE", "/schema/Whole")
    asked(exporting, "DELETE", "/schema/Copy")
    done = imported(exporting, tmp_path, place, "--collection", "Copy", "--rejected", "copy.rejected.jsonl")
    assert "the property 'friend' refers to Whole, which is not there yet" in done.stderr
    assert done.stdout.startswith("2 objects stored in Copy"), done
    (rejected,) = map(json.loads, (tmp_path / "copy.rejected.jsonl").read_text().splitlines())
    assert rejected["friend"] == [FRIEND]
    assert not any(one.name.endswith("state.json") for one in Path(place).parent.iterdir())


def test_tables_of_others(server: Server, weft: Weft, tmp_path: Path) -> None:
    table = pa.table(
        {
            "doc id": pa.array(["a1", "a2", None]),
            "Title": ["x", "y", "z"],
            "n": pa.array([1, None, 3], pa.int32()),
            "price": pa.array([Decimal("1.50"), Decimal("2.25"), None]),
            "when": pa.array([datetime(2024, 5, 13, 9, 30, tzinfo=UTC)] * 3, pa.timestamp("ns", "UTC")),
            "day": [date(2024, 5, 13)] * 3,
            "raw": [b"\x00\x01", None, b"\x02"],
            "place": [{"latitude": 1.0, "longitude": 2.0}, None, None],
            "tags": pa.array([["a"], [], None], pa.large_list(pa.string())),
            "emb": pa.array([[1, 2], [3, 4], None], pa.list_(pa.float16(), 2)),
        }
    )
    (tmp_path / "in" / "deeper").mkdir(parents=True)
    pq.write_table(table.slice(0, 1), tmp_path / "in" / "a.parquet")
    with (
        pa.OSFile(str(tmp_path / "in" / "deeper" / "b.arrow"), "wb") as file,
        pa.ipc.new_file(file, table.schema) as out,
    ):
        out.write_table(table.slice(1))
    (tmp_path / "in" / "_SUCCESS.json").write_text("no row")
    flags = ("--collection", "Table", "--id-field", "doc id", "--vector-field", "emb")
    done = weft("import", "in", *flags)
    assert done.returncode == 1
    assert "the row has no field 'doc id' (--id-field) (b.arrow, row 2)" in done.stdout
    assert "the field 'doc id' is stored as 'doc_id'" in done.stderr
    kinds = {one["name"]: one["dataType"][0] for one in asked(server, "GET", "/schema/Table")["properties"]}
    wanted = {"doc_id": "text", "title": "text", "n": "int", "price": "number", "when": "date", "day": "date"}
    assert kinds == wanted | {"raw": "blob", "place": "geoCoordinates", "tags": "text[]"}
    found = {one["properties"]["doc_id"]: one for one in held(server, "Table").values()}
    assert found["a1"]["properties"]["when"] == "2024-05-13T09:30:00Z"
    assert (found["a1"]["properties"]["raw"], found["a1"]["properties"]["price"]) == ("AAE=", 1.5)
    assert found["a2"]["vectors"] == {"default": [3, 4]}
    rejected = tmp_path / "in.rejected.jsonl"
    (row,) = map(json.loads, rejected.read_text().splitlines())
    assert row["Title"] == "z"
    rejected.write_text(json.dumps(row | {"doc id": "a3", "emb": [5, 6]}))
    done = weft("import", str(rejected), *flags, "--rejected", "rest")
    assert done.returncode == 0, done.stdout
    assert len(held(server, "Table")) == 3


def test_files_of_a_bucket(server: Server, tmp_path: Path) -> None:
    with s3_server() as address:
        for name in ("in/a.jsonl", "in/b.jsonl", "other.jsonl"):
            content = "".join(json.dumps({"id": f"{name}/{i}", "n": i}) + "\n" for i in range(3))
            httpx.put(f"http://{address}/{BUCKET}/{name}", headers=SIGNED, content=content).raise_for_status()
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table({"id": [f"p{i}" for i in range(1000)]}), sink, row_group_size=100)
        url = f"http://{address}/{BUCKET}/in/c.parquet"
        httpx.put(url, headers=SIGNED, content=sink.getvalue().to_pybytes()).raise_for_status()
        environ = {**ENVIRON, "AWS_ENDPOINT_URL": f"http://{address}"}
        flags = ("--collection", "Bucket", "--vectorizer", "none")
        done = imported(server, tmp_path, f"s3://{BUCKET}/in/", *flags, **environ)
        assert done.stdout.startswith("1,006 objects stored in Bucket"), done
        done = imported(server, tmp_path, f"s3://{BUCKET}/*.jsonl", *flags, **environ)
        assert done.stdout.startswith("3 new objects stored in Bucket"), done
        done = imported(server, tmp_path, f"s3://{BUCKET}/none.jsonl", *flags, **environ)
        assert f"weft: s3://{BUCKET}/none.jsonl cannot be used" in done.stderr


def test_an_import_that_was_killed_goes_on(server: Server, tmp_path: Path) -> None:
    with (tmp_path / "a.jsonl").open("w") as file:
        for i in range(12_000):
            file.write(json.dumps({"id": f"r{i}", "n": "no number" if i % 100 == 50 else i}) + "\n")
    state = tmp_path / "a.jsonl.import-state.json"
    flags = ("a.jsonl", "--collection", "Killed", "--vectorizer", "none")
    with start("import", *flags, "--port", str(server.rest_port), folder=tmp_path) as importing:
        while not state.exists():
            assert importing.poll() is None
            time.sleep(0.01)
        importing.kill()
    done = imported(server, tmp_path, *flags)
    assert done.stderr.startswith("continuing where the last import ended: "), done
    assert ", 120 rejected" in done.stdout
    rejected = [json.loads(line)["id"] for line in (tmp_path / "a.jsonl.rejected.jsonl").read_text().splitlines()]
    assert rejected == [f"r{i}" for i in range(50, 12_000, 100)]
    assert not state.exists()
    query = {"query": "{Aggregate{Killed{meta{count}}}}"}
    count = asked(server, "POST", "/graphql", query)["data"]["Aggregate"]["Killed"][0]["meta"]["count"]
    assert count == 12_000 - 120


def test_what_is_gone_is_imported_again(server: Server, weft: Weft, tmp_path: Path) -> None:
    rows = [{"id": f"r{i}"} for i in range(3)]
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    weft("import", "a.jsonl", "--collection", "Gone", "--vectorizer", "none")
    stat = file.stat()
    key: dict[str, Any] = {"server": f"http://127.0.0.1:{server.rest_port}", "collection": "Gone", "tenant": None}
    key |= {"files": [["a.jsonl", stat.st_size, str(stat.st_mtime_ns)]], "id_field": None, "vector_field": None}
    reached = {"file": 0, "row": 2, "last": str(uuid.UUID(int=9)), "stored": 2}
    (tmp_path / "a.jsonl.import-state.json").write_text(json.dumps({"key": key, "reached": reached}))
    done = weft("import", "a.jsonl", "--collection", "Gone")
    assert done.stderr.startswith("Gone lacks what was imported before; beginning again\n")
    assert "3 rows in place of" in done.stdout


def test_vectors_keep_their_numbers(server: Server, weft: Weft, tmp_path: Path) -> None:
    vectors = np.random.default_rng(1).standard_normal((300, 8)).astype(np.float32)
    pq.write_table(pa.table({"n": range(300), "v": pa.array(list(vectors))}), tmp_path / "a.parquet")
    assert weft("import", "a.parquet", "--collection", "Numbers", "--vector-field", "v").returncode == 0
    found = held(server, "Numbers").values()
    assert all(
        np.float32(one["vectors"]["default"]).tolist() == vectors[one["properties"]["n"]].tolist() for one in found
    )
