"""How an index over single vectors grows: each vector is built in once, whatever happens to its object meanwhile."""

from __future__ import annotations

import errno
import json
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xxhash
from pyroaring import BitMap

from reference.vector_files import MemoryVectors
from unit.engine.embedded.index.vector.conftest import Many, Vectors, built, settle
from weft.domain.schema import Metric, Quantizer, QuantizerKind, VectorIndexConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.vector import SingleVectorIndex, snapshot
from weft.engine.embedded.index.vector.builder import GraphBuilder
from weft.engine.embedded.index.vector.codes import ByteCodes
from weft.engine.embedded.index.vector.snapshot_files import SyncedFile, map_arrays, sync, write_arrays

SHAPES = {
    "graph": VectorIndexConfig(max_connections=16),
    "l2": VectorIndexConfig(max_connections=16, metric=Metric.L2),
    "bytes": VectorIndexConfig(kind="flat"),
    "bits": VectorIndexConfig(quantizer=Quantizer(QuantizerKind.BQ)),
    "lists": VectorIndexConfig(kind="hfresh", search_probe=1000),
    "products": VectorIndexConfig(quantizer=Quantizer(QuantizerKind.PQ, centroids=32)),
}


@pytest.fixture(autouse=True)
def short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.engine.embedded.index.vector.block._FIRST_ROWS", 50)
    monkeypatch.setattr("weft.engine.embedded.index.vector.block._MOST_ROWS", 50)
    monkeypatch.setattr("weft.engine.embedded.index.vector.block._FEWEST_ROWS", 50)


def open_index(source: MemoryVectors, folder: Path, config: VectorIndexConfig = SHAPES["graph"]) -> SingleVectorIndex:
    index = SingleVectorIndex(source, config, folder, build_rows=400)
    index.extend()
    return index


def recall(index: SingleVectorIndex, source: MemoryVectors, live: BitMap, queries: Vectors) -> float:
    """Of the 10 nearest by the definition, in float64; every query is a search over ``live``."""
    rows = source.rows.find(np.asarray(live.to_array(), np.uint32))
    ids, vectors = source.doc_ids[rows], source.vectors[rows].astype(np.float64)
    allow = AllowList(live)
    hits = 0
    for query in queries.astype(np.float64):
        if index._config.metric is Metric.L2:
            far = np.square(vectors - query).sum(axis=1)
        else:
            far = -(vectors @ query) / np.linalg.norm(vectors, axis=1)
        nearest = ids[np.argsort(far, kind="stable")[:10]]
        hits += len(set(nearest.tolist()) & set(index.search(query.astype(np.float32), 10, allow).doc_ids.tolist()))
    return hits / (10 * len(queries))


@pytest.mark.parametrize("shape", SHAPES)
def test_each_vector_is_built_in_once_over_a_long_import(shape: str, many_vectors: Many, tmp_path: Path) -> None:
    vectors = many_vectors(4_030, 31)
    source = MemoryVectors(vectors[:0])
    index = open_index(source, tmp_path, SHAPES[shape])
    for at in range(0, 4_000, 80):
        source.append(vectors[at : at + 80])
        index.extend()
        index.maintain(BitMap(source.doc_ids))
    settle(index, BitMap(source.doc_ids))
    assert index.stats().added == built(index) > 3_000
    assert recall(index, source, BitMap(source.doc_ids), vectors[4_000:]) >= 0.9


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("compacted", [False, True])
def test_a_repeated_import_builds_nothing(shape: str, compacted: bool, many_vectors: Many, tmp_path: Path) -> None:
    vectors = many_vectors(2_030, 32)
    source = MemoryVectors(vectors[:2_000])
    index = open_index(source, tmp_path, SHAPES[shape])
    settle(index, BitMap(source.doc_ids))
    assert index.stats().added == 2_000
    live = BitMap(source.doc_ids)
    for at in range(0, 2_000, 250):
        source.append(vectors[at : at + 250])
        index.extend()
        live = (live - BitMap(range(at, at + 250))) | BitMap(source.doc_ids[-250:])
        if compacted:
            source.keep(live)
            index.extend()
        index.maintain(live)
    settle(index, live)
    assert index.stats().added == 2_000
    assert built(index) == len(source.rows)
    for given in (index, open_index(source, tmp_path, SHAPES[shape])):
        assert built(given) == len(source.rows)
        assert recall(given, source, live, vectors[2_000:]) >= 0.9
        assert given.search(vectors[7], 1, AllowList(live)).doc_ids.tolist() == [2_007]


def test_an_equal_vector_of_a_living_object_is_built_in(many_vectors: Many, tmp_path: Path) -> None:
    """A view may still return the old one."""
    vectors = many_vectors(500, 33)
    source = MemoryVectors(vectors)
    index = open_index(source, tmp_path)
    settle(index, BitMap(range(500)))
    source.append(vectors[:200])
    index.extend()
    assert settle(index, BitMap(range(700))) == 1
    assert index.stats().added == 700
    assert index.search(vectors[3], 2).doc_ids.tolist() == [3, 503]


def test_what_is_newer_than_the_live_set_waits(many_vectors: Many, tmp_path: Path) -> None:
    """The object that it replaces may be in that set still."""
    vectors = many_vectors(800, 34)
    source = MemoryVectors(vectors)
    index = open_index(source, tmp_path)
    assert not index.maintain(BitMap(range(300)))
    settle(index, BitMap(range(500)))
    assert built(index) == 500
    assert index.search(vectors[700], 1).doc_ids.tolist() == [700]


def test_changed_vectors_are_built_in_and_the_dead_left_out(many_vectors: Many, tmp_path: Path) -> None:
    vectors = many_vectors(2_030, 35)
    source = MemoryVectors(vectors[:1_000])
    index = open_index(source, tmp_path)
    settle(index, BitMap(range(1_000)))
    live = BitMap(range(1_000))
    for at in range(0, 1_000, 200):
        source.append(vectors[1_000 + at : 1_200 + at])
        index.extend()
        live = BitMap(range(at + 200, 1_200 + at))
        settle(index, live)
        assert recall(index, source, live, vectors[2_000:]) >= 0.97
    assert index.stats().components["codes"] < 2_000 * 96 * 3
    source.keep(live)
    index.extend()
    assert recall(index, source, live, vectors[2_000:]) >= 0.97
    assert index.search(vectors[1_500], 1).doc_ids.tolist() == [1_500], "a label without a row is never returned"


@pytest.mark.parametrize("again", [False, True])
def test_the_newest_may_die_first(again: bool, many_vectors: Many, tmp_path: Path) -> None:
    source = MemoryVectors(many_vectors(800, 44))
    index = open_index(source, tmp_path)
    settle(index, BitMap(range(800)))
    if again:
        index = open_index(source, tmp_path)
    live = BitMap(range(0, 500, 2))
    assert settle(index, live) == 1
    assert built(index) == 800
    assert recall(index, source, live, source.vectors[:20]) == 1
    assert built(open_index(source, tmp_path)) == 800
    source.keep(live)
    index.extend()
    settle(index, live)
    assert built(open_index(source, tmp_path)) == built(index) == 250


@pytest.mark.parametrize("kind", ["hnsw", "flat"])
def test_few_that_are_left_train_a_product_quantizer(kind: str, many_vectors: Many, tmp_path: Path) -> None:
    """FAISS needs as many vectors as there are centroids."""
    source = MemoryVectors(many_vectors(430, 45))
    config = VectorIndexConfig(kind=kind, quantizer=Quantizer(QuantizerKind.PQ, centroids=256))
    index = open_index(source, tmp_path, config)
    live = BitMap(range(0, 430, 11))
    assert settle(index, live) == 1
    assert built(index) == 430
    assert recall(index, source, live, source.vectors[:20]) >= 0.97


@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.DOT, Metric.L2])
def test_recall_holds_when_later_vectors_differ(metric: Metric, many_vectors: Many, tmp_path: Path) -> None:
    rng = np.random.default_rng(36)
    early = np.concatenate([many_vectors(1_200, 36)[:, :48], np.zeros((1_200, 48), np.float32)], axis=1)
    late = 3 * many_vectors(1_230, 37) + rng.normal(size=96).astype(np.float32)
    late, queries = late[:1_200], np.concatenate([late[1_200:], early[:30] * 1.01])
    config = VectorIndexConfig(max_connections=16, metric=metric, flat_search_cutoff=0, ef=60)
    source = MemoryVectors(early)
    index = open_index(source, tmp_path / "grown", config)
    settle(index, BitMap(range(1_200)))
    for at in range(0, 1_200, 150):
        source.append(late[at : at + 150])
        index.extend()
        settle(index, BitMap(source.doc_ids))
    whole = SingleVectorIndex(source, config, tmp_path / "whole", build_rows=2_000)
    whole.extend()
    settle(whole, BitMap(source.doc_ids))
    assert index.stats().added == whole.stats().added == 2_400
    grown, whole_codes = index._view.frozen, whole._view.frozen and whole._view.frozen.codes
    assert grown is not None
    grown_codes = grown.codes
    assert isinstance(grown_codes, ByteCodes) and isinstance(whole_codes, ByteCodes)
    assert grown_codes.error <= 1.6 * whole_codes.error
    assert grown_codes.low is not None and grown_codes.step is not None
    decoded = grown_codes.low + (grown_codes.data + np.float32(0.5)) * grown_codes.step
    stored = source.vectors[grown.rows(np.arange(grown.size))]
    stored = stored / (np.linalg.norm(stored, axis=1, keepdims=True) if metric is Metric.COSINE else 1)
    assert np.linalg.norm(stored - decoded, axis=1).max() <= grown_codes.error * 1.0001
    for query in queries:
        expected = whole.search(query, 10, AllowList(BitMap(range(2_400))))
        assert len(set(index.search(query, 10).doc_ids.tolist()) & set(expected.doc_ids.tolist())) >= 9


@pytest.mark.parametrize("shape", SHAPES)
def test_a_step_ends_between_two_publications(
    shape: str, many_vectors: Many, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile objects die, the vectors are compacted, and some are added; what is chosen is continued."""
    monkeypatch.setattr("weft.engine.embedded.index.vector.building._SLICE_S", 0.0)
    vectors = many_vectors(1_230, 47)
    source = MemoryVectors(vectors[:700])
    index = open_index(source, tmp_path, SHAPES[shape])
    live = BitMap(range(700))
    for _ in range(5):
        assert index.maintain(live)
        assert (built(index), list(tmp_path.iterdir())) == (0, [])
    assert index.stats().added == 250
    live -= BitMap(range(0, 700, 5))
    source.keep(live)
    source.append(vectors[700:1_200])
    index.extend()
    live |= BitMap(range(700, 1_200))
    settle(index, live)
    assert built(index) == len(live)
    assert len(live) <= index.stats().added < len(live) + 100, "of the 250, some had died"
    assert recall(index, source, live, vectors[1_200:]) >= 0.9
    assert built(open_index(source, tmp_path, SHAPES[shape])) == len(live)


def test_few_at_once_are_linked_as_well_as_many(
    many_vectors: Many, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    vectors = many_vectors(3_100, 48)
    for rows in (10, 3_000):
        for name in ("_FIRST_ROWS", "_MOST_ROWS", "_FEWEST_ROWS"):
            monkeypatch.setattr(f"weft.engine.embedded.index.vector.block.{name}", rows)
        source = MemoryVectors(vectors[:3_000])
        index = open_index(source, tmp_path / str(rows), VectorIndexConfig(ef=12, flat_search_cutoff=0))
        settle(index, BitMap(range(3_000)))
        found.append(recall(index, source, BitMap(range(3_000)), vectors[3_000:]))
    assert 0.7 < found[1] - 0.02 < found[0]


def test_closing_ends_a_build_after_the_running_step(
    many_vectors: Many, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = open_index(MemoryVectors(many_vectors(700, 38)), tmp_path)
    steps: list[int] = []
    add = GraphBuilder.add

    def closing(builder: GraphBuilder, *given: Any) -> None:
        steps.append(builder.size)
        add(builder, *given)
        if len(steps) == 3:
            threading.Thread(target=index.close).start()
            while not index._closed:
                pass

    monkeypatch.setattr(GraphBuilder, "add", closing)
    assert not index.maintain(BitMap(range(700)))
    assert steps == [0, 50, 100]
    assert not list(tmp_path.iterdir())


def test_what_replaces_an_index_waits_for_its_build_only_to_build(
    many_vectors: Many, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = MemoryVectors(many_vectors(700, 49))
    index = open_index(source, tmp_path)
    begun, go = threading.Event(), threading.Event()
    add = GraphBuilder.add

    def stalled(builder: GraphBuilder, *given: Any) -> None:
        begun.set()
        assert go.wait(60)
        add(builder, *given)

    with monkeypatch.context() as patch:
        patch.setattr(GraphBuilder, "add", stalled)
        build = threading.Thread(target=index.maintain, args=(BitMap(range(700)),))
        build.start()
        assert begun.wait(60)
        index.abandon()
        after = SingleVectorIndex(source, SHAPES["bytes"], tmp_path, build_rows=400, after=index)
        after.extend()
        assert not after.maintain(BitMap(range(700)))
        go.set()
        build.join()
    assert built(index) == 0
    settle(after, BitMap(range(700)))
    assert built(after) == built(open_index(source, tmp_path, SHAPES["bytes"])) == 700


def test_closing_ends_a_write_after_the_running_piece(
    many_vectors: Many, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = open_index(MemoryVectors(many_vectors(700, 39)), tmp_path)
    monkeypatch.setattr("weft.engine.embedded.index.vector.snapshot_files._PIECE", 1 << 12)
    pieces: list[int] = []
    sync = SyncedFile.sync

    def counted(file: SyncedFile) -> None:
        pieces.append(file.length)
        if not index._closed:
            threading.Thread(target=index.close).start()
            while not index._closed:
                pass
        sync(file)

    monkeypatch.setattr("weft.engine.embedded.index.vector.snapshot_files._SYNCED_AT_ONCE", 1 << 15)
    monkeypatch.setattr(SyncedFile, "sync", counted)
    assert not index.maintain(BitMap(range(700)))
    assert len(pieces) == 1 and pieces[0] < 50_000
    assert not list(tmp_path.iterdir())


def test_a_crash_loses_what_was_not_published(many_vectors: Many, tmp_path: Path) -> None:
    """Every state that a crash can leave is one of these: files without a manifest, or a manifest and its files."""
    vectors = many_vectors(2_000, 40)
    source = MemoryVectors(vectors)
    index = open_index(source, tmp_path / "first")
    crashed: list[tuple[int, Path]] = []
    while index.maintain(BitMap(range(2_000))):
        crashed.append((built(index), tmp_path / f"crashed-{len(crashed)}"))
        shutil.copytree(tmp_path / "first", crashed[-1][1])
        (crashed[-1][1] / "frozen-99.faiss").write_bytes(b"unfinished")
    assert len(crashed) >= 3
    for rows, folder in crashed:
        again = open_index(source, folder)
        assert built(again) == rows
        settle(again, BitMap(range(2_000)))
        assert (built(again), again.stats().added) == (2_000, 2_000 - rows)
        assert rows == 2_000 or len(list(folder.iterdir())) == 3, (
            "what is left of a crash is swept by the next snapshot"
        )


def test_a_snapshot_that_is_named_but_not_known_to_be_durable_is_whole(
    many_vectors: Many, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = MemoryVectors(many_vectors(1_200, 46))
    index = open_index(source, tmp_path)

    def failing(path: Path) -> None:
        if path.is_dir():
            raise OSError(errno.EIO, "input/output error")
        sync(path)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="input/output"):
        patch.setattr(snapshot, "sync", failing)
        index.maintain(BitMap(range(1_200)))
    assert built(index) == 0
    assert built(open_index(source, tmp_path)) > 0
    settle(index, BitMap(range(1_200)))
    assert (built(index), built(open_index(source, tmp_path)), index.stats().added) == (1_200, 1_200, 1_200)


def test_what_is_growing_is_reported_and_let_go_when_idle(many_vectors: Many, tmp_path: Path) -> None:
    vectors = many_vectors(1_200, 41)
    source = MemoryVectors(vectors[:1_000])
    index = open_index(source, tmp_path)
    settle(index, BitMap(range(1_000)))
    assert index.stats().components["building"] > 1_000 * 96
    for _ in range(30):
        assert not index.maintain(BitMap(range(1_000)))
    assert "building" not in index.stats().components
    source.append(vectors[1_000:])
    index.extend()
    assert index.maintain(BitMap(range(1_200)))
    assert built(index) == index.stats().added == 1_200


def test_a_snapshot_of_rows_is_still_read(many_vectors: Many, tmp_path: Path) -> None:
    """Version 1 had the rows of one generation instead of doc_ids."""
    vectors = many_vectors(900, 42)
    ids = np.arange(0, 1_800, 2, dtype=np.uint32)
    source = MemoryVectors(vectors, ids)
    live = BitMap(ids[::2])
    settle(open_index(source, tmp_path), live)
    line = (tmp_path / "frozen.json").read_text().splitlines()[0]
    manifest = json.loads(line)
    codes = next(tmp_path.glob("*.codes"))
    arrays = map_arrays(codes, manifest["arrays"])
    to_row = source.rows.find(arrays["doc_ids"])
    with SyncedFile(tmp_path / "frozen-7.codes", lambda: None) as out:
        manifest["arrays"] = write_arrays(out, {"to_row": to_row, "squares": arrays["squares"]})
        manifest["files"] = [f for f in manifest["files"] if f["name"] != codes.name] + [out.finish()]
    manifest |= {"version": 1, "covered": 900, "generation": 0, "print": snapshot._print(source.rows, 900)}
    del manifest["until"]
    line = json.dumps(manifest, separators=(",", ":"))
    (tmp_path / "frozen.json").write_text(f"{line}\n{xxhash.xxh3_64_hexdigest(line.encode())}\n")
    index = open_index(source, tmp_path)
    assert built(index) == 900
    assert not index.maintain(live)
    assert recall(index, source, live, vectors[:30]) == 1
    source.append(many_vectors(300, 43))
    index.extend()
    live |= BitMap(source.doc_ids[-300:])
    assert index.maintain(live)
    assert index.stats().added == 300
    assert built(open_index(source, tmp_path)) == 1_200
