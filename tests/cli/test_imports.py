"""``weft imports``: the reports of a server, and what it refused, imported again."""

from __future__ import annotations

import json
from pathlib import Path

from weaviate.classes.config import Configure, DataType, Property

from command import Weft
from server import Server


def test_what_a_client_did_not_look_at(server: Server, weft: Weft, tmp_path: Path) -> None:
    with server.client() as client:
        made = client.collections.create(
            "Looked",
            vector_config=Configure.Vectors.self_provided(),
            properties=[Property(name="size", data_type=DataType.INT)],
        )
        with made.batch.dynamic() as batch:
            for n in range(20):
                batch.add_object({"size": n if n % 5 else f"about {n}"}, vector=[1.0, n])
    (report,) = [one for one in json.loads(weft("imports", "--json").stdout) if one["collection"] == "Looked"]
    listed = weft("imports").stdout
    assert [line.split()[1:6] for line in listed.splitlines() if "Looked" in line] == [
        ["Looked", "batch", "RUNNING", "16", "4"]
    ]
    done = weft("imports", report["id"])
    assert done.returncode == 1
    assert done.stdout.startswith("Looked: 16 objects stored, 4 refused\n  batch over grpc, running, ")
    assert "  4 × " in done.stdout
    assert max(map(len, done.stdout.splitlines())) < 200
    assert weft("imports", report["id"], "--rejected", "again.jsonl").returncode == 0
    rows = [json.loads(line) for line in (tmp_path / "again.jsonl").read_text().splitlines()]
    assert {row["size"] for row in rows} == {"about 0", "about 5", "about 10", "about 15"}
    mended = [{**row, "size": int(row["size"].removeprefix("about "))} for row in rows]
    (tmp_path / "again.jsonl").write_text("".join(json.dumps(row) + "\n" for row in mended))
    assert weft("import", "again.jsonl", "--collection", "Looked").returncode == 0
    with server.client() as client:
        held = {int(str(one.properties["size"])): one.vector for one in client.collections.use("Looked").iterator(True)}
    assert held == {n: {"default": [1.0, n]} for n in range(20)}
    assert weft("imports", report["id"], "--delete").returncode == 0
    gone = weft("imports", report["id"])
    assert (gone.returncode, gone.stderr) == (
        1,
        f"weft: no import has the id '{report['id']}'; weft imports lists the reports that are kept\n",
    )


def test_a_wrong_command(weft: Weft) -> None:
    assert "name the import" in weft("imports", "--delete").stderr
