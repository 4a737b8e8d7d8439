"""Each kernel against its reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import vector_kernels as reference
from weft.engine.embedded.index.ties import ties_of
from weft.engine.embedded.index.vector import kernels

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
    to_row = np.sort(rng.choice(3 * n, n, replace=False)) if mapped else NO_I64
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
