"""Each kernel beside its reference."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from reference import multivector_kernels as reference
from weft.domain.objects import Vector
from weft.engine.embedded.index.multivector.codebook import train
from weft.engine.embedded.index.multivector.kernels.candidates import listed_rows, table_scores
from weft.engine.embedded.index.multivector.kernels.encodings import encode_sets
from weft.engine.embedded.index.multivector.kernels.encodings import to_bytes as rows_to_bytes
from weft.engine.embedded.index.multivector.kernels.exact import exact_scores
from weft.engine.embedded.index.multivector.kernels.lists import centroid_rows, row_centroids
from weft.engine.embedded.index.multivector.kernels.packing import lane_count, pack_bytes
from weft.engine.embedded.index.multivector.kernels.residuals import coded_scores
from weft.engine.embedded.index.multivector.kernels.table import best_centroids, centroid_table, products
from weft.engine.embedded.index.multivector.segments import padded
from weft.engine.pooling.ward import merges

Documents = Callable[..., list[Vector]]
TESTS = Path(reference.__file__).parents[1]


def ragged(rng: np.random.Generator, rows: int, longest: int, dims: int) -> tuple[Vector, npt.NDArray[np.int64]]:
    lengths = rng.integers(1, longest + 1, rows)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return rng.standard_normal((offsets[-1], dims)).astype(np.float32), offsets


@pytest.mark.parametrize("dims", [1, 7, 8, 31, 128])
@pytest.mark.parametrize("tokens", [1, 8, 9, 40])
@pytest.mark.parametrize("cosine", [False, True])
def test_exact_scores(rng: np.random.Generator, dims: int, tokens: int, cosine: bool) -> None:
    stored, offsets = ragged(rng, 30, 20, dims)
    stored[3] = 0
    query = rng.standard_normal((tokens, dims)).astype(np.float32)
    rows = rng.choice(30, 17, replace=False)
    expected = reference.exact_scores(query, stored, offsets, rows, cosine)
    got = exact_scores(query, stored, offsets, rows, cosine)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5 * tokens)
    alone = np.concatenate([exact_scores(query, stored, offsets, rows[i : i + 1], cosine) for i in range(17)])
    assert (alone == got).all()


@pytest.mark.parametrize("tokens", [1, 8, 11, 33])
@pytest.mark.parametrize("dims", [8, 20, 128])
def test_centroid_table(rng: np.random.Generator, tokens: int, dims: int) -> None:
    width = -(-dims // 8) * 8
    query = rng.standard_normal((tokens, dims)).astype(np.float32)
    weights = rng.uniform(0.1, 2, width).astype(np.float32)
    centroids = rng.integers(1, 256, (64, width)).astype(np.uint8)
    lanes = lane_count(tokens)
    packed, scales, sums = pack_bytes(query, weights, lanes)
    expected_bytes, expected_scales = reference.pack_bytes(query, weights)
    expected = reference.centroid_table(centroids, expected_bytes, expected_scales)
    np.testing.assert_allclose(scales[:tokens], expected_scales, rtol=1e-6)
    np.testing.assert_array_equal(sums[:tokens], expected_bytes.sum(axis=1, dtype=np.int64))
    for tile in range(len(packed)):
        of = slice(tile * lanes, (tile + 1) * lanes)
        table, codes, groups, step = centroid_table(centroids, packed[tile], scales[of], sums[of], lanes)
        count = min(lanes, tokens - tile * lanes)
        np.testing.assert_allclose(table[:, :count], expected[:, of], rtol=1e-4, atol=1e-3)
        assert (table[:, count:] == 0).all()
        bytes_, expected_step = reference.byte_table(table[:, :count])
        assert step == pytest.approx(expected_step, rel=1e-4)
        assert np.abs(codes[:, :count].astype(int) - bytes_).max() <= 1
        assert (codes[:, count:] == 0).all()
        np.testing.assert_array_equal(groups, codes.reshape(-1, 16, lanes).max(axis=1))


def test_centroid_table_without_vector_instructions(tmp_path: Path) -> None:
    """The path for processors without u8·s8 products, in a process that has none."""
    code = (
        f"import sys; sys.path.insert(0, {str(TESTS)!r})\n"
        "import numpy as np\n"
        "from reference import multivector_kernels as reference\n"
        "from weft.engine.embedded.index.multivector.kernels.packing import pack_bytes\n"
        "from weft.engine.embedded.index.multivector.kernels.table import products\n"
        "rng = np.random.default_rng(1)\n"
        "rows = rng.integers(0, 256, (16, 64)).astype(np.uint8)\n"
        "query = rng.standard_normal((1, 64)).astype(np.float32)\n"
        "weights = np.ones(64, np.float32)\n"
        "packed, scales, sums = pack_bytes(query, weights, 8)\n"
        "expected = reference.centroid_table(rows, *reference.pack_bytes(query, weights))[:, 0]\n"
        "np.testing.assert_allclose(products(rows, packed[0], scales, sums), expected, rtol=1e-4, atol=1e-3)\n"
    )
    environment = os.environ | {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=120)


def test_products(rng: np.random.Generator) -> None:
    rows = rng.integers(1, 256, (24, 40)).astype(np.uint8)
    query = rng.standard_normal((1, 40)).astype(np.float32)
    packed, scales, sums = pack_bytes(query, np.ones(40, np.float32), 8)
    expected = reference.centroid_table(rows, *reference.pack_bytes(query, np.ones(40, np.float32)))[:, 0]
    np.testing.assert_allclose(products(rows, packed[0], scales, sums), expected, rtol=1e-4, atol=1e-3)


def test_best_centroids(rng: np.random.Generator) -> None:
    codes = rng.integers(0, 256, (320, 8)).astype(np.uint8)
    codes[:, 6:] = 0
    groups = codes.reshape(-1, 16, 8).max(axis=1)
    for wanted in (1, 5, 40, 400):
        found = best_centroids(codes, groups, 6, wanted)
        assert (np.diff(found.astype(int)) > 0).all()
        for lane in range(6):
            floor = np.sort(codes[:, lane])[-min(wanted, 320)]
            surely = np.flatnonzero(codes[:, lane] > floor)
            assert set(surely) <= set(found.tolist())
        assert len(found) <= 12 * wanted


def test_lists_and_their_rows(rng: np.random.Generator) -> None:
    lengths = rng.integers(1, 12, 50)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    winners = rng.integers(0, 32, starts[-1]).astype(np.uint16)
    ends, own = row_centroids(winners, starts, 32)
    expected = reference.row_centroids(winners, starts)
    assert [own[a:b].tolist() for a, b in itertools.pairwise(ends)] == expected
    dead = rng.random(50) < 0.2
    list_starts, rows = centroid_rows(own, ends, 32, dead)
    for c in range(32):
        members = [r for r in range(50) if c in expected[r] and not dead[r]]
        assert rows[list_starts[c] : list_starts[c + 1]].tolist() == members
    doc_ids = np.arange(50, dtype=np.uint32) * 3
    allowed = set(range(0, 90, 6))
    bits = np.packbits(np.isin(np.arange(90), list(allowed)), bitorder="little")
    probes = np.array([1, 4, 9], np.uint16)
    everything = listed_rows(probes, list_starts, rows, 50, doc_ids, bits, False)
    some = listed_rows(probes, list_starts, rows, 50, doc_ids, bits, True)
    assert len(set(everything.tolist())) == len(everything)
    assert set(everything.tolist()) == reference.listed_rows(probes, list_starts, rows, doc_ids, None)
    assert set(some.tolist()) == reference.listed_rows(probes, list_starts, rows, doc_ids, allowed)
    for lanes in (8, 16):
        table = rng.integers(0, 256, (32, lanes)).astype(np.uint8)
        np.testing.assert_array_equal(
            table_scores(everything, ends, own, table), reference.table_scores(everything, ends, own, table)
        )


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize(("dims", "tokens"), [(8, 3), (20, 12), (128, 8)])
def test_codes(rng: np.random.Generator, documents: Documents, bits: int, dims: int, tokens: int) -> None:
    stored = documents(rng, 60, dims)
    lengths = np.array([len(d) for d in stored])
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    flat = np.concatenate(stored)
    book = train(flat, flat[::3], 64, bits, len(flat))
    encoded = book.encode(flat)
    distances = ((flat[:, None] - book.reconstruct(np.arange(len(book.centroids)))[None]) ** 2).sum(axis=2)
    chosen = distances[np.arange(len(flat)), encoded.centroids]
    assert (chosen <= distances.min(axis=1) + 0.02).all()
    anchors = book.reconstruct(encoded.centroids)
    tokens_back = reference.reconstructed(anchors, encoded.codes, book.sizes[encoded.sizes], book.weights, bits)
    error = ((flat - tokens_back) ** 2).sum(axis=1).mean() / encoded.energy
    assert error < {2: 0.16, 4: 0.02, 8: 0.001}[bits]

    query = stored[5][:tokens] + 0.1 * rng.standard_normal((len(stored[5][:tokens]), dims)).astype(np.float32)
    lanes = lane_count(len(query))
    packed, scales, sums = pack_bytes(query, book.spread, lanes)
    table = centroid_table(book.centroids, packed[0], scales, sums, lanes)[0]
    packed, scales, sums = pack_bytes(query, book.weights, lanes)
    rows = rng.permutation(60)
    got = coded_scores(
        rows, starts, encoded.centroids, padded(encoded.codes), encoded.sizes, book.sizes,
        packed[0], scales, sums, table, bits, len(query),
    )  # fmt: skip
    expected = reference.exact_scores(query, tokens_back, starts, rows, False)
    np.testing.assert_allclose(got, expected, atol=0.02 * len(query))


@pytest.mark.parametrize("documents_side", [True, False])
def test_encode_sets(rng: np.random.Generator, documents_side: bool) -> None:
    tokens, starts = ragged(rng, 12, 9, 5)
    buckets = rng.integers(0, 8, len(tokens)).astype(np.int32)
    got = encode_sets(buckets, tokens, starts, 3, documents_side)
    np.testing.assert_allclose(
        got, reference.encode_sets(buckets, tokens, starts, 3, documents_side), rtol=1e-5, atol=1e-5
    )
    codes, scales = np.zeros((12, 40), np.uint8), np.zeros(12, np.float32)
    rows_to_bytes(got, codes, scales)
    np.testing.assert_allclose((codes.astype(np.float32) - 128) * scales[:, None], got, atol=scales.max() / 2 + 1e-6)


def test_ward(rng: np.random.Generator) -> None:
    tokens = rng.standard_normal((24, 6)).astype(np.float32)
    squared = ((tokens[:, None].astype(np.float64) - tokens[None]) ** 2).sum(axis=2)
    pairs, heights = merges(squared)
    np.testing.assert_allclose(np.sort(heights), reference.ward_heights(tokens), rtol=1e-5)
    assert len({tuple(p) for p in pairs.tolist()}) == 23
