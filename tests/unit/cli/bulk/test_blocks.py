"""Blocks of rows: the same rows in one process and on a cluster, and vectors as columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from weft.cli.bulk.block import vector_array
from weft.cli.bulk.chunks import Chunk, inferred_schema, row_chunks
from weft.cli.bulk.division import TakenChunks, opened
from weft.cli.bulk.ray_job import chunks_of, planned
from weft.cli.bulk.request import EmbedRequest
from weft.cli.sources.files import files_of
from weft.cli.sources.row import Row

REQUEST = EmbedRequest(["body"], {}, "text2vec-model2vec", "", "", "vector", "out", rows=7)


def values(chunks: list[Chunk]) -> list[Any]:
    return [fields["body"] for chunk in chunks for fields in chunk.values]


def unread(chunks: list[Chunk]) -> list[str]:
    return [row.where for chunk in chunks for _, row in chunk.unread]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """20 rows of JSON Lines, two of them no rows, with blank lines; 20 rows of Parquet in groups of 6."""
    lines = [json.dumps({"body": f"a{i}"}) for i in range(20)]
    lines[3], lines[9] = "{broken", "[5]"
    (tmp_path / "a.jsonl").write_text("\n\n".join(lines))
    pq.write_table(pa.table({"body": [f"b{i}" for i in range(20)]}), tmp_path / "b.parquet", row_group_size=6)
    return [str(tmp_path / "a.jsonl"), str(tmp_path / "b.parquet")]


def test_a_cluster_reads_the_rows_that_one_process_does(files: list[str]) -> None:
    places = files_of(files)
    blocks = list(planned(places, REQUEST))
    assert [(one.name, one.rows) for one in blocks] == [
        (f"{file:05d}-{block:06d}", rows) for file in (0, 1) for block, rows in enumerate((7, 7, 6))
    ]
    assert sum(one.size_bytes for one in blocks[:3]) == places[0].size_bytes
    for number, place in enumerate(places):
        _, chunks = opened(place, REQUEST)
        whole = TakenChunks(chunks, lambda size, rows: None)
        for block in blocks[3 * number : 3 * number + 3]:
            alone, together = list(whole.take(7)), list(chunks_of(block, REQUEST.fields))
            assert values(together) == values(alone)
            assert unread(together) == unread(alone)
        assert whole.ended


def test_a_limit_ends_in_the_middle_of_a_file(files: list[str]) -> None:
    request = EmbedRequest(["body"], {}, "text2vec-model2vec", "", "", "vector", "out", rows=7, limit=23)
    assert [one.rows for one in planned(files_of(files), request)] == [7, 7, 6, 3]


def test_what_does_not_fit_is_kept() -> None:
    rows: list[dict[str, Any]] = [
        {"n": 1, "car": {"make": "a"}},
        {"n": "x", "more": [1]},
        {"n": None, "car": {"make": "b", "year": 5}},
    ]
    schema = inferred_schema([Row("", {**rows[0]}, 1)])
    (chunk,) = row_chunks([Row("", dict(one), 1) for one in rows], schema)
    assert chunk.batch.column("n").to_pylist() == [1, None, None]
    found = chunk.batch.column("weft_rest").to_pylist()
    assert found[0] is None
    assert json.loads(found[1]) == {"n": "x", "more": [1]}
    assert json.loads(found[2]) == {"car": {"make": "b", "year": 5}}


def test_vectors_as_a_column() -> None:
    one = np.array([1, 2], np.float32)
    assert vector_array([one, None, one * 2], False).to_pylist() == [[1, 2], None, [2, 4]]
    many = [np.array([[1, 2], [3, 4]], np.float32), None, np.array([[5, 6]], np.float32)]
    found = vector_array(many, True)
    assert found.to_pylist() == [[[1, 2], [3, 4]], None, [[5, 6]]]
    found.validate(full=True)
    for multi in (False, True):
        assert vector_array([], multi).type == vector_array([None], multi).type
