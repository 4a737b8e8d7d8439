"""``weft import``: what is stored, what is reported, and the file of what was rejected."""

from __future__ import annotations

import json
import re
import signal
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from command import Weft, run, start
from server import Server


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def write(file: Path, rows: list[Any]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def held(server: Server, name: str, **options: Any) -> dict[str, dict[str, Any]]:
    with server.client() as client:
        return {str(one.uuid): dict(one.properties) for one in client.collections.use(name).iterator(**options)}


def test_lines_of_json(server: Server, weft: Weft, tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [{"title": f"thing {i}", "size": i} for i in range(450)])
    done = weft("import", "a.jsonl", "--collection", "plain", "--vectorizer", "none")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("450 objects stored in Plain in ")
    assert not (tmp_path / "a.jsonl.rejected.jsonl").exists()
    stored = held(server, "Plain")
    assert sorted(one["size"] for one in stored.values()) == list(range(450))
    again = weft("import", "a.jsonl", "--collection", "Plain")
    assert again.stdout.startswith("0 new objects stored in Plain in ")
    assert again.stdout.endswith(", 450 rows in place of objects with the same id\n")
    assert held(server, "Plain") == stored


def test_what_is_rejected_can_be_mended_and_imported(server: Server, weft: Weft, tmp_path: Path) -> None:
    rows = [{"n": 1}, {"n": "x"}, {"n": "y"}, {"n": 2}, {"id": "5", "n": 3}]
    write(tmp_path / "a.jsonl", rows)
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write('{"n": 4\n\n[5]\n')
    done = weft("import", "a.jsonl", "--collection", "Mended", "--vectorizer", "none")
    assert done.returncode == 1
    summary, *listed, last = done.stdout.splitlines()
    assert summary.startswith("3 objects stored in Mended in ")
    assert summary.endswith(", 4 rejected:")
    assert listed[0].startswith("  2 × invalid integer property 'n'")
    assert listed[0].endswith("(a.jsonl, line 2)")
    assert {line[:5] for line in listed[1:]} == {"  1 ×"}
    assert len(listed) == 3
    assert "a.jsonl.rejected.jsonl" in last
    rejected = lines(tmp_path / "a.jsonl.rejected.jsonl")
    assert all("_weft_error" in row for row in rejected)
    texts = {row["_weft_text"] for row in rejected if "_weft_text" in row}
    assert texts == {'{"n": 4', "[5]"}
    for row in rejected:
        if "_weft_text" in row:
            row["_weft_text"] = {'{"n": 4': '{"n": 4}', "[5]": '{"n": 5}'}[row["_weft_text"]]
        row["n"] = {"x": 6, "y": 7}.get(str(row.get("n")), row.get("n"))
    write(tmp_path / "mended.jsonl", rejected)
    again = weft("import", "mended.jsonl", "--collection", "Mended")
    assert (again.returncode, again.stdout[:13]) == (0, "4 objects sto")
    assert sorted(one["n"] for one in held(server, "Mended").values()) == [1, 2, 3, 4, 5, 6, 7]
    assert [one["source_id"] for one in held(server, "Mended").values() if one["source_id"]] == ["5"]


def test_a_csv_is_typed_as_its_cells_suggest(server: Server, weft: Weft, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(
        "\ufeffname,zip,price,open,tags,note\r\n"
        '"Grüße, ""A""",01234,3.5,true,"[""a"",""b""]",\r\n'
        '"two\r\nlines",55555,1e3,FALSE,[],x\r\n'.encode()
    )
    done = weft("import", "a.csv", "--collection", "Typed", "--vectorizer", "none")
    assert (done.returncode, done.stderr) == (0, "")
    first, second = sorted(held(server, "Typed").values(), key=lambda one: one["zip"])
    assert first == {"name": 'Grüße, "A"', "zip": "01234", "price": 3.5, "open": True, "tags": ["a", "b"], "note": None}
    assert (second["name"].split(), second["price"], second["open"]) == (["two", "lines"], 1000.0, False)


def test_a_csv_is_typed_as_the_collection_has_it(server: Server, weft: Weft, tmp_path: Path) -> None:
    from weaviate.classes.config import Configure, DataType, Property

    with server.client() as client:
        client.collections.create(
            "Declared",
            vector_config=Configure.Vectors.self_provided(),
            properties=[
                Property(name="code", data_type=DataType.TEXT),
                Property(name="count", data_type=DataType.INT),
                Property(name="words", data_type=DataType.TEXT_ARRAY),
                Property(name="place", data_type=DataType.GEO_COORDINATES),
            ],
        )
    (tmp_path / "a.csv").write_text(
        'code,count,words,place\n1,2,"[""w""]","{""latitude"": 1, ""longitude"": 2}"\n2,many,[],\n3,4,[],,5\n'
    )
    done = weft("import", "a.csv", "--collection", "Declared")
    assert done.returncode == 1
    assert "the row has 5 cells, but the first line names 4 columns (a.csv, line 4)" in done.stdout
    (only,) = held(server, "Declared").values()
    assert (only["code"], only["count"], only["words"], only["place"].latitude) == ("1", 2, ["w"], 1.0)
    assert {row["code"] for row in lines(tmp_path / "a.csv.rejected.jsonl")} == {"2", "3"}


def test_ids_and_vectors_of_fields(server: Server, weft: Weft, tmp_path: Path) -> None:
    ids = [str(uuid.UUID(int=i)) for i in range(1, 4)]
    rows = [{"key": id_, "t": "x", "v": [float(i), 1.0]} for i, id_ in enumerate(ids)]
    rows += [{"key": "no uuid", "t": "x"}, {"t": "x"}, {"key": ids[0], "t": "x", "v": [1.0, 2.0, 3.0]}, {"key": []}]
    write(tmp_path / "a.jsonl", rows)
    done = weft("import", "a.jsonl", "--collection", "Keyed", "--id-field", "key", "--vector-field", "v")
    assert done.returncode == 1
    assert "4 objects stored in Keyed" in done.stdout
    assert "the row has no field 'key' (--id-field)" in done.stdout
    assert "[] is no id; a text or a number is (--id-field key)" in done.stdout
    assert lines(tmp_path / "a.jsonl.rejected.jsonl")[1].keys() == {"key", "t", "v", "_weft_error"}
    with server.client() as client:
        found = client.collections.use("Keyed").query.fetch_object_by_id(ids[2], include_vector=True)
        assert found.properties == {"t": "x", "key": None}
        assert found.vector["default"] == [2.0, 1.0]


def test_of_rows_with_one_id_the_last_stays(server: Server, weft: Weft, tmp_path: Path) -> None:
    one = str(uuid.UUID(int=7))
    write(tmp_path / "a.jsonl", [{"key": one, "n": i} for i in range(1000)])
    assert (
        weft("import", "a.jsonl", "--collection", "Last", "--id-field", "key", "--vectorizer", "none").returncode == 0
    )
    assert held(server, "Last") == {one: {"n": 999}}


def test_standard_input_an_array_and_several_files(server: Server, weft: Weft, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"n": 1}, {"n": 2}, 3]')
    write(tmp_path / "b.ndjson", [{"n": 4}])
    done = weft(
        "import", "a.json", "b.ndjson", "-", "--collection", "Mixed", "--vectorizer", "none", input='{"n": 5}\n'
    )
    assert done.returncode == 1
    assert "a row must be a JSON object, not int (a.json, element 3)" in done.stdout
    assert sorted(one["n"] for one in held(server, "Mixed").values()) == [1, 2, 4, 5]
    assert lines(tmp_path / "a.json.rejected.jsonl")[0]["_weft_text"] == "3"


def test_rows_go_to_a_tenant_and_are_embedded(server: Server, weft: Weft, tmp_path: Path) -> None:
    from weaviate.classes.config import Configure

    with server.client() as client:
        rooms = client.collections.create(
            "Rooms",
            multi_tenancy_config=Configure.multi_tenancy(enabled=True, auto_tenant_creation=True),
            vector_config=Configure.Vectors.text2vec_model2vec(),
        )
        write(tmp_path / "a.jsonl", [{"text": "cats and dogs"}, {"text": "stocks and bonds"}])
        assert weft("import", "a.jsonl", "--collection", "Rooms", "--tenant", "one").returncode == 0
        found = rooms.with_tenant("one").query.near_text("animals", limit=1).objects
        assert found[0].properties["text"] == "cats and dogs"
    done = weft("import", "a.jsonl", "--collection", "Rooms")
    assert done.returncode == 1
    assert "0 objects stored in Rooms, 2 rejected:" in done.stdout
    done = weft("search", "Rooms", "animals", "--tenant", "one", "--by", "meaning")
    assert "cats and dogs" in done.stdout.split("stocks")[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.jsonl"], "none.jsonl is not a file"),
        (["a.txt"], "a.txt: cannot read .txt; use .jsonl, .ndjson, .json, .csv, .tsv, .parquet"),
        (["a.jsonl", "--rejected", "a.jsonl"], "a.jsonl would be overwritten"),
        (["object.json"], "must hold an array of objects"),
        (["twice.csv"], "must give each column a distinct name"),
        (["quote.csv"], "quote.csv, line 3: a cell opens a quote that is never closed"),
        (["--collection", "", "a.jsonl"], "--collection must name a collection"),
        (["a.jsonl", "--tenant", "\udcff"], "is not UTF-8"),
        (["latin.csv"], "latin.csv, line 2: not UTF-8"),
        (["a.jsonl", "--vectorizer", "text2vec-none"], 'no module with name "text2vec-none" present'),
        (["a.jsonl", "--port", "1"], "no server answers at http://127.0.0.1:1; start one with: weft serve"),
    ],
)
def test_refusals(weft: Weft, tmp_path: Path, arguments: list[str], words: str) -> None:
    write(tmp_path / "a.jsonl", [{"a": 1}])
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "object.json").write_text('{"a": 1}')
    (tmp_path / "twice.csv").write_text("a,a\n1,2\n")
    (tmp_path / "quote.csv").write_text('a,b\n1,2\n3,"x\n4,5\n')
    (tmp_path / "latin.csv").write_bytes("a\nGrüße\n".encode("latin-1"))
    done = weft("import", "--collection", "Refused", *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("weft: ")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_that_dies_is_reported_with_what_was_stored(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        port = str(server.rest_port)
        command = ["import", "-", "--collection", "Dying", "--vectorizer", "none", "--port", port]
        with start(*command, folder=tmp_path) as process:
            assert process.stdin is not None
            assert process.stderr is not None
            for i in range(1000):
                process.stdin.write(b'{"n": %d}\n' % i)
            process.stdin.flush()
            while counted(server, "Dying") < 400:
                time.sleep(0.05)
            server.kill()
            with suppress(BrokenPipeError):  # it may end before it has read everything
                for i in range(1000, 5000):
                    process.stdin.write(b'{"n": %d}\n' % i)
            with suppress(BrokenPipeError):
                process.stdin.close()
            printed = process.stderr.read().decode()
            assert process.wait() == 1
        assert re.search(
            rf"^weft: no server answers at http://127.0.0.1:{port}.*; [\d,]+ objects stored in Dying", printed
        )
        server.start()
        rows = b"".join(b'{"n": %d}\n' % i for i in range(5000))
        again = run(*command[:-1], str(server.rest_port), folder=tmp_path, input=rows)
        assert re.match(r"[\d,]+ new objects stored in Dying", again.stdout)
        assert counted(server, "Dying") == 5000


def counted(server: Server, name: str) -> int:
    with server.client() as client:
        return len(client.collections.use(name)) if client.collections.exists(name) else 0


def test_ctrl_c_reports_what_was_stored(server: Server, tmp_path: Path) -> None:
    """Rows whose answer is waited for at that moment are stored, too."""
    write(tmp_path / "a.jsonl", [{"title": f"thing {i} among many others"} for i in range(5_000)])
    port = str(server.rest_port)
    for wait in (200, 400, 600):
        with server.client() as client:
            client.collections.delete("Stopped")
            importing = start("import", "a.jsonl", "--collection", "Stopped", "--port", port, folder=tmp_path)
            while not client.collections.exists("Stopped") or len(client.collections.use("Stopped")) < wait:
                assert importing.poll() is None
            importing.send_signal(signal.SIGINT)
            _, printed = importing.communicate(timeout=60)
            assert importing.returncode == 130
            stored = len(client.collections.use("Stopped"))
        assert printed.decode().startswith(f"stopped: {stored:,} objects stored in Stopped in ")


def test_rows_that_no_server_takes_are_reported(weft: Weft, tmp_path: Path) -> None:
    deep = "[" * 300 + "]" * 300
    (tmp_path / "a.jsonl").write_text(f'{{"n": 1, "m": {deep}}}\n{{"n": 2}}\n')
    done = weft("import", "a.jsonl", "--collection", "Deep", "--vectorizer", "none")
    assert done.stdout.startswith("1 object stored in Deep in ")
    assert "'m' is nested too deeply" in done.stdout
    assert lines(tmp_path / "a.jsonl.rejected.jsonl")[0]["n"] == 1


def test_rejected_rows_that_cannot_be_written(weft: Weft, tmp_path: Path) -> None:
    rows = [{"n": i} for i in range(400)]
    write(tmp_path / "a.jsonl", [*rows, 5])
    for place, words in (("none/x", "No such file"), ("/dev/full", "No space left")):
        done = weft("import", "a.jsonl", "--collection", "Unwritten", "--vectorizer", "none", "--rejected", place)
        assert done.returncode == 1
        assert f"weft: rejected rows cannot be written to {place}: {words}" in done.stderr
        assert re.search("400 objects stored|400 rows in place of", done.stderr)


def test_an_api_key_is_asked_for_and_given(tmp_path: Path) -> None:
    environ = {
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
        "AUTHENTICATION_APIKEY_ENABLED": "true",
        "AUTHENTICATION_APIKEY_ALLOWED_KEYS": "secret",
        "AUTHENTICATION_APIKEY_USERS": "jane",
    }
    write(tmp_path / "a.jsonl", [{"a": "word"}])
    with Server(tmp_path / "data", environ) as server:
        ports = {"WEFT_PORT": str(server.rest_port), "GRPC_PORT": str(server.grpc_port)}
        for command in (
            ["import", "a.jsonl", "--collection", "A", "--vectorizer", "none"],
            ["search", "A", "word", "--by", "keyword"],
            ["status"],
        ):
            refused = run(*command, environ=ports, folder=tmp_path)
            assert refused.returncode == 1
            assert "requires a valid API key; pass it with --api-key" in refused.stderr
            assert run(*command, environ=ports | {"WEFT_API_KEY": "secret"}, folder=tmp_path).returncode == 0


def test_nothing_is_left_of_an_import_that_stored_nothing(server: Server, weft: Weft) -> None:
    done = weft("import", "-", "--collection", "Left", "--id-field", "key", input=b'{"a": 1}\n{"a": 2}\n')
    assert done.returncode == 1
    assert done.stderr.endswith("the collection Left was not made, because nothing could be stored\n")
    with server.client() as client:
        assert not client.collections.exists("Left")
        client.collections.create("Left")
        assert weft("import", "-", "--collection", "Left", "--id-field", "key", input=b'{"a": 1}').returncode == 1
        assert client.collections.exists("Left")
        client.collections.delete("Left")


@pytest.mark.parametrize("mark", [";", "|", "\t", ","])
def test_the_delimiter_of_a_csv_is_that_of_its_first_line(
    weft: Weft, server: Server, tmp_path: Path, mark: str
) -> None:
    (tmp_path / "a.csv").write_text(
        mark.join(["title", '"the, kind"', "n"]) + "\n" + mark.join(["x", '"a,b"', "1"]) + "\n"
    )
    done = weft("import", "a.csv", "--collection", "Marked", "--vectorizer", "none")
    assert done.returncode == 0, done.stderr
    with server.client() as client:
        (found,) = client.collections.use("Marked").query.fetch_objects().objects
        assert found.properties == {"title": "x", "the_kind": "a,b", "n": 1}
        client.collections.delete("Marked")
