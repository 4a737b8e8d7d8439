"""``weft embed --out``: rows of files as Parquet with their vectors; what is there once, whatever stops it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from command import ENVIRON, Done, Weft, run, start
from s3_server import BUCKET, s3_server
from s3_server import ENVIRON as OF_S3
from server import Server
from tiny import files

FAST = ("--module", "text2vec-model2vec")


def embed(folder: Path, *arguments: str, **environ: str) -> Done:
    return run("embed", *arguments, folder=folder, environ=environ)


def table(folder: Path) -> pa.Table:
    return ds.dataset(folder, format="parquet", exclude_invalid_files=True).to_table()


def write(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_rows_come_with_vectors_and_go_into_a_collection(server: Server, weft: Weft, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"key": f"d{i}", "title": f"t {i}", "body": f"a cat {i}", "n": i} for i in range(40)]
    rows[7] |= {"title": None, "body": ""}
    rows[8] |= {"n": "many"}
    write(tmp_path / "a.jsonl", rows)
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write("{broken\n")
    flags = ("--text", "title,body", "--id", "key", "--out", "out", *FAST, "--rows-per-file", "15")
    done = embed(tmp_path, "a.jsonl", *flags)
    assert done.returncode == 1
    assert done.stdout.startswith("41 rows written to out in "), done
    assert done.stdout.endswith(", 2 rejected: see out/*.rejected.jsonl\n")
    names = sorted(one.name for one in (tmp_path / "out").iterdir())
    assert names == [
        "00000-000000.parquet",
        "00000-000000.rejected.jsonl",
        "00000-000001.parquet",
        "00000-000002.parquet",
        "00000-000002.rejected.jsonl",
        "_weft_embed.json",
    ]
    found = table(tmp_path / "out").to_pylist()
    assert [one["key"] for one in found] == [one["key"] for one in rows]
    assert (found[7]["vector"], found[7]["error"]) == (None, "there is nothing to embed in body, title")
    assert (found[8]["n"], found[8]["weft_rest"]) == (None, '{"n":"many"}')
    alone = run("embed", "--json", *FAST, folder=tmp_path, input="a cat 3 t 3\n")
    assert np.allclose(json.loads(alone.stdout)["vector"], found[3]["vector"], atol=1e-6)
    again = embed(tmp_path, "a.jsonl", *flags)
    assert again.stdout == "0 rows written to out\n"
    assert again.stderr == "3 files of an earlier run were there already\n"
    other = embed(tmp_path, "a.jsonl", *flags, "--limit", "3")
    assert "out holds the result of other files or flags" in other.stderr

    done = weft("import", "out", "--collection", "Embedded")
    assert done.stdout.startswith("38 objects stored in Embedded"), done
    assert "it was not embedded: there is nothing to embed in body, title" in done.stdout
    assert "invalid integer property 'n'" in done.stdout
    with server.client() as client:
        collection = client.collections.use("Embedded")
        hits = collection.query.near_text("a cat 3 t 3", limit=1, return_metadata=["distance"]).objects
        assert hits[0].properties["key"] == "d3"
        assert hits[0].metadata.distance is not None
        assert hits[0].metadata.distance < 1e-4
        other_model = {"default": [1.0] * 256}
    import httpx

    body = {"objects": [{"class": "Embedded", "vectors": other_model}], "weftModels": {"default": "text2vec-other|1"}}
    url = f"http://127.0.0.1:{server.rest_port}/v1/batch/objects"
    (refused,) = httpx.post(url, json=body, timeout=60).json()
    assert "were made by text2vec-model2vec" in refused["result"]["errors"]["error"][0]["message"]


def test_after_a_kill_nothing_is_missing_and_nothing_is_there_twice(tmp_path: Path) -> None:
    texts = [f"row {i} about cats and the price of steel" for i in range(1_500)]
    pq.write_table(pa.table({"id": range(1_500), "body": texts}), tmp_path / "a.parquet", row_group_size=400)
    flags = ("a.parquet", "--text", "body", "--out", "out", "--rows-per-file", "100")
    for files_made in (1, 4):
        with start("embed", *flags, folder=tmp_path) as running:
            while len(list((tmp_path / "out").glob("*.parquet"))) < files_made:
                assert running.poll() is None
                time.sleep(0.01)
            running.kill()
    done = embed(tmp_path, *flags)
    assert done.returncode == 0, done
    found = table(tmp_path / "out")
    assert found["id"].to_pylist() == list(range(1_500))
    assert found["vector"].null_count == 0


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    peaks = []
    for number, rows in enumerate((2_000, 16_000)):
        with (tmp_path / f"{number}.jsonl").open("w") as file:
            for i in range(rows):
                file.write(json.dumps({"n": i, "body": f"cat {i}", "more": f"{i} " * 200}) + "\n")
        program = (
            "import resource, sys; from weft.cli import main; main(sys.argv[1:]);"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        arguments = ("embed", f"{number}.jsonl", "--text", "body", "--out", f"out{number}", *FAST)
        command = [sys.executable, "-c", program, *arguments]
        done = subprocess.run(command, capture_output=True, check=True, env=dict(ENVIRON), cwd=tmp_path, text=True)
        peaks.append(int(done.stdout.splitlines()[-1]) * 1024)
    assert peaks[1] - peaks[0] < 60_000_000, peaks


def test_images_of_a_bucket_and_a_second_vector(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("av")
    red, blue = (files.png(files.shape(colour, "circle")) for colour in ("red", "blue"))
    (tmp_path / "blue.png").write_bytes(blue)
    first = pa.table({"name": ["red", "none", "bad"], "photo": pa.array([red, None, b"no image"], pa.binary())})
    pq.write_table(first, tmp_path / "a.parquet")
    write(tmp_path / "b.jsonl", [{"name": "blue", "photo": "blue.png"}])
    with s3_server() as address:
        environ = {**OF_S3, "AWS_ENDPOINT_URL": f"http://{address}"}
        flags = ("--image", "photo", "--text", "name", "--model", "tiny-any", "--out", f"s3://{BUCKET}/out")
        done = embed(tmp_path, "a.parquet", "b.jsonl", *flags, **environ)
        assert done.returncode == 1, done
        assert "4 rows written to" in done.stdout
        done = embed(tmp_path, f"s3://{BUCKET}/out/00000*.parquet", "--text", "name", "--vector-column", "words",
                     "--out", "both", *FAST, **environ)  # fmt: skip
        assert done.returncode == 0, done
    found = table(tmp_path / "both").to_pylist()
    assert [(one["name"], bool(one["vector"]), bool(one["words"]), bool(one["error"])) for one in found] == [
        ("red", True, True, False),
        ("none", True, True, False),
        ("bad", False, True, True),
    ]
    metadata = pq.read_schema(tmp_path / "both" / "00000-000000.parquet").metadata
    assert list(json.loads(metadata[b"weft.vectors"])) == ["vector", "words"]


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [{"title": f"t{i}", "n": i} for i in range(5)])
    done = embed(tmp_path, "a.jsonl", "--text", "title", "--out", "out", "--dry-run", *FAST)
    assert done.returncode == 0, done
    assert "title: string (embedded)" in done.stdout
    assert "t2 -> 256" in done.stdout
    assert "text2vec-model2vec|" in done.stdout
    assert not (tmp_path / "out").exists()
    done = embed(tmp_path, "a.jsonl", "--text", "title", "--out", "out", "--limit", "3", *FAST)
    assert done.stdout.startswith("3 rows written to out")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--text", "none"), "a.jsonl has no field 'none'; it has title, vector"),
        (("--text", "title"), "a.jsonl has a field 'vector' already; name another column with --vector-column"),
        (("--image", "title", "--module", "text2vec-model2vec"), "does not embed image"),
        ((), "say which fields to embed"),
        (("--text", "title", "--out", "other", "--vector-column", "v"), "other holds other files"),
        (("--text", "title", "--vector-column", "v", "--limit", "0"), "must be 1 or more"),
    ],
)
def test_what_cannot_be_is_said(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    write(tmp_path / "a.jsonl", [{"title": "t", "vector": [1.5]}])
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.parquet").touch()
    done = embed(tmp_path, "a.jsonl", *FAST, "--out", "out", *arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_on_ray(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    write(tmp_path / "a.jsonl", [{"id": i, "body": f"cat {i}"} for i in range(250)])
    pq.write_table(pa.table({"id": range(250, 500), "body": ["dog"] * 250}), tmp_path / "b.parquet")
    flags = ("a.jsonl", "b.parquet", "--text", "body", "--rows-per-file", "100", *FAST)
    assert embed(tmp_path, *flags, "--out", "plain").returncode == 0
    command = [sys.executable, "-m", "weft", "embed", *flags, "--out", "ray", "--ray", "local"]  # Ray has warnings
    done = subprocess.run(command, cwd=tmp_path, env=dict(ENVIRON), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done
    names = [sorted(one.name for one in (tmp_path / name).iterdir()) for name in ("plain", "ray")]
    assert names[0] == names[1]
    (tmp_path / "ray" / "00000-000001.parquet").unlink()
    done = subprocess.run(command, cwd=tmp_path, env=dict(ENVIRON), capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("100 rows written to ray")
    assert table(tmp_path / "ray").equals(table(tmp_path / "plain"))
