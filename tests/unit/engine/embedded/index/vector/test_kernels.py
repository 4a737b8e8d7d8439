"""Each kernel against its reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import vector_kernels as reference
from weft.engine.embedded.index.ties import ties_of
from weft.engine.embedded.index.vector import kernels
from weft.engine.embedded.index.vector.coding import code_rows
from weft.engine.embedded.index.vector.walk import walk

SEEDS = st.integers(0, 2**32 - 1)
NO_F32 = np.zeros(0, np.float32)
NO_I64 = np.zeros(0, np.int64)


@settings(max_examples=30)
@given(SEEDS, st.integers(1, 70), st.integers(1, 200), st.booleans(), st.booleans(), st.booleans())
def test_score_codes(seed: int, d: int, n: int, signed: bool, scaled: bool, squared: bool) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(-127, 128, (n, d)).astype(np.int8) if signed else rng.integers(0, 256, (n, d)).astype(np.uint8)
    weights = rng.integers(-32767, 32768, d).astype(np.int16)
    scales = rng.random(n, np.float32) if scaled else NO_F32
    squares = rng.random(n, np.float32) if squared else NO_F32
    for rows in (NO_I64, np.sort(rng.choice(n, (n + 1) // 2, replace=False))):
        fast, slow = (np.empty(len(rows) or n, np.float32) for _ in range(2))
        kernels.score_codes(codes, rows, weights, 1e-6, 0.25, scales, squares, fast)
        reference.score_codes(codes, rows, weights, 1e-6, 0.25, scales, squares, slow)
        np.testing.assert_allclose(fast, slow, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("d", [255, 256, 257, 1000])
@pytest.mark.parametrize("sign", [1, -1])
def test_score_codes_of_the_greatest_values(d: int, sign: int) -> None:
    codes, weights = np.full((2, d), 255, np.uint8), np.full(d, sign * 32767, np.int16)
    out = np.empty(2, np.float32)
    kernels.score_codes(codes, NO_I64, weights, 1.0, 0.0, NO_F32, NO_F32, out)
    assert out.tolist() == [np.float32(sign * 255 * 32767 * d)] * 2


@settings(max_examples=30)
@given(SEEDS, st.integers(1, 70), st.integers(1, 60), st.booleans(), st.booleans())
def test_code_rows(seed: int, d: int, n: int, normalised: bool, squared: bool) -> None:
    rng = np.random.default_rng(seed)
    vectors = (rng.normal(size=(n, d)) * 10.0 ** rng.integers(-9, 9, (n, 1))).astype(np.float32)
    vectors[rng.random(n) < 0.1] = 0
    codes = [np.empty((n, d), np.int8) for _ in range(2)]
    scales = [np.empty(n, np.float32) for _ in range(2)]
    squares = [np.empty(n if squared else 0, np.float32) for _ in range(2)]
    fast = code_rows(vectors, normalised, codes[0], scales[0], squares[0])
    slow = reference.code_rows(vectors, normalised, codes[1], scales[1], squares[1])
    assert np.abs(codes[0].astype(int) - codes[1]).max() <= 1
    np.testing.assert_allclose(scales[0], scales[1], rtol=1e-5)
    np.testing.assert_allclose(squares[0], squares[1], rtol=1e-5)
    np.testing.assert_allclose(fast, slow, rtol=1e-3, atol=1e-6 * slow[1])


@settings(max_examples=20)
@given(SEEDS, st.integers(1, 6), st.integers(1, 100))
def test_score_bits(seed: int, words: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2**64, (n, words), dtype=np.uint64)
    query = rng.integers(0, 2**64, words, dtype=np.uint64)
    for rows in (NO_I64, rng.integers(0, n, 5)):
        fast, slow = (np.empty(len(rows) or n, np.float32) for _ in range(2))
        kernels.score_bits(codes, rows, query, fast)
        reference.score_bits(codes, rows, query, slow)
        np.testing.assert_array_equal(fast, slow)


@settings(max_examples=50)
@given(SEEDS, st.integers(1, 300), st.integers(1, 40), st.sampled_from([0.0, 0.05]), st.sampled_from([-np.inf, 0.5]))
def test_best(seed: int, n: int, count: int, margin: float, floor: float) -> None:
    rng = np.random.default_rng(seed)
    scores = np.round(rng.random(n), 1).astype(np.float32)
    scores[rng.random(n) < 0.1] = -np.inf
    np.testing.assert_array_equal(
        kernels.best(scores, count, margin, floor), reference.best(scores, count, margin, floor)
    )


@settings(max_examples=50)
@given(SEEDS, st.integers(1, 60), st.integers(1, 20), st.booleans(), st.booleans())
def test_pick(seed: int, n: int, count: int, mapped: bool, filtered: bool) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(n)
    labels[n - int(rng.integers(0, 3)) :] = -1
    scores = np.sort(rng.random(n, np.float32))[::-1].copy()
    to_row = np.where(rng.random(n) < 0.1, -1, rng.choice(3 * n, n, replace=False)) if mapped else NO_I64
    doc_ids = np.arange(5, 5 + 3 * n, dtype=np.uint32)
    bits = rng.integers(0, 256, int(rng.integers(1, n)) if n > 1 else 1).astype(np.uint8)
    fast = kernels.pick(labels, scores, to_row, doc_ids, bits, filtered, count, 0.1)
    slow = reference.pick(labels, scores, to_row, doc_ids, bits, filtered, count, 0.1)
    np.testing.assert_array_equal(fast[0], slow[0])
    assert fast[1] == slow[1]


@pytest.mark.parametrize("metric", range(5))
def test_measure_and_nearest(metric: int) -> None:
    rng = np.random.default_rng(metric)
    for n, d in ((1, 1), (7, 3), (200, 33)):
        vectors = rng.integers(-2, 3, (n, d)).astype(np.float32)
        doc_ids = np.sort(rng.choice(10 * n, n, replace=False)).astype(np.uint32)
        place = rng.permutation(10 * n)
        dense, sparse = np.arange(10 * n, dtype=np.uint32), doc_ids
        ties = ties_of(
            np.array([int(p).to_bytes(16, "big") for p in place[sparse if n > 7 else dense]], "S16"),
            sparse if n > 7 else dense,
        )
        query = rng.integers(-2, 3, d).astype(np.float32)
        square = float(query @ query)
        rows = rng.permutation(n)[: n // 2 + 1]
        fast, slow = np.empty(len(rows), np.float32), np.empty(len(rows), np.float32)
        kernels.measure(vectors, rows, query, metric, square, fast)
        reference.measure(vectors, rows, query, metric, square, slow)
        np.testing.assert_allclose(fast, slow, atol=1e-6)
        # Whole numbers make many ties, which the uuids decide; cosine is left out, its ties differ in the last bit.
        if metric == 0:
            continue
        for k in (1, 5, n + 3):
            for limit in (np.inf, float(np.median(slow))):
                ids, distances = kernels.nearest(vectors, doc_ids, rows, query, metric, square, k, limit, ties)
                expected = reference.nearest(vectors, doc_ids, rows, query, metric, square, k, limit, place)
                np.testing.assert_array_equal(ids, expected[0])
                np.testing.assert_array_equal(distances, expected[1])


def test_measure_marks_missing_rows() -> None:
    out = np.zeros(2, np.float32)
    kernels.measure(np.ones((1, 2), np.float32), np.array([-1, 0]), np.ones(2, np.float32), 2, 2.0, out)
    assert np.isnan(out[0])
    assert out[1] == 0


@settings(max_examples=40)
@given(SEEDS, st.integers(1, 40), st.integers(1, 150), st.integers(1, 60), st.booleans())
def test_walk(seed: int, d: int, n: int, ef: int, squared: bool) -> None:
    """Over graphs of up to four levels in which some rows cannot be reached; many distances tie."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 256 if seed % 2 else 2, (n, d)).astype(np.uint8)
    level_of = np.minimum(rng.geometric(0.6, n) - 1, 3)
    level_starts = np.asarray([0, 6, 9, 12, 15][: level_of.max() + 2], np.int32)
    offsets = np.concatenate([[0], np.cumsum(level_starts[level_of + 1])]).astype(np.uint64)
    links = np.full(int(offsets[-1]), -1, np.int32)
    for label in range(n):
        for level in range(level_of[label] + 1):
            others = rng.permutation(np.flatnonzero(level_of >= level))[: rng.integers(0, 7 if level == 0 else 4)]
            first = int(offsets[label]) + level_starts[level]
            links[first : first + len(others)] = others
    entry_point = int(rng.choice(np.flatnonzero(level_of == level_of.max())))
    low, direction = rng.normal(size=(2, d)).astype(np.float32)
    step = rng.random(d, np.float32)
    squares = rng.random(n, np.float32) if squared else NO_F32
    visited = np.zeros(n, np.uint8)
    for mark, width in ((1, ef), (2, max(1, ef // 2))):
        graph = (links, offsets, level_starts, entry_point, codes, low, step, squares, direction)
        labels, closeness = walk(*graph, visited, mark, ef, width)
        expected, expected_closeness = reference.walk(*graph, ef, width)
        np.testing.assert_allclose(closeness, expected_closeness, rtol=1e-5, atol=1e-4)
        np.testing.assert_array_equal(labels, expected)


def test_walk_of_the_greatest_dimensions_and_values() -> None:
    d = 65_535
    codes = np.full((2, d), 255, np.uint8)
    codes[0] = 254
    links = np.asarray([1, -1, 0, -1], np.int32)
    low, step = np.zeros(d, np.float32), np.ones(d, np.float32)
    offsets, starts = np.asarray([0, 2, 4], np.uint64), np.asarray([0, 2], np.int32)
    visited = np.zeros(2, np.uint8)
    for mark, sign in ((1, 1), (2, -1)):
        direction = np.full(d, sign, np.float32)
        labels, closeness = walk(links, offsets, starts, 0, codes, low, step, NO_F32, direction, visited, mark, 2, 2)
        assert labels.tolist() == ([1, 0] if sign > 0 else [0, 1])
        assert closeness == pytest.approx(np.sort([sign * 255.5 * d, sign * 254.5 * d])[::-1], rel=1e-6)
