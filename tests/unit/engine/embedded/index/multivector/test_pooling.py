"""Token pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest

from reference import multivector_kernels as reference
from weft.domain.errors import Invalid
from weft.domain.objects import Vector
from weft.engine.pooling import pool_tokens

Documents = Callable[..., list[Vector]]


def test_counts_order_and_means(rng: np.random.Generator) -> None:
    directions = np.eye(8, dtype=np.float32)[:4]
    tokens = np.repeat(directions, 3, axis=0)[[0, 3, 1, 6, 2, 9, 4, 7, 5, 8, 10, 11]] * 2
    pooled = pool_tokens(tokens, 3)
    np.testing.assert_allclose(pooled, directions * 2)
    assert pooled.dtype == np.float32
    noisy = rng.standard_normal((31, 6)).astype(np.float32)
    assert len(pool_tokens(noisy, 2)) == 15
    assert len(pool_tokens(noisy, 40)) == 1
    np.testing.assert_allclose(pool_tokens(noisy, 40)[0], noisy.mean(axis=0), rtol=1e-4, atol=1e-5)


def test_protected_tokens_and_factor_one(rng: np.random.Generator) -> None:
    tokens = rng.standard_normal((9, 4)).astype(np.float32)
    assert pool_tokens(tokens, 1) is tokens
    pooled = pool_tokens(tokens, 4, protected=1)
    assert (pooled[0] == tokens[0]).all()
    assert len(pooled) == 3
    assert len(pool_tokens(tokens[:1], 3)) == 1


@pytest.mark.parametrize(("factor", "protected"), [(0, 0), (-2, 0), (2, -1)])
def test_refusals(rng: np.random.Generator, factor: int, protected: int) -> None:
    with pytest.raises(Invalid):
        pool_tokens(rng.standard_normal((4, 4)).astype(np.float32), factor, protected=protected)
    with pytest.raises(Invalid):
        pool_tokens(np.ones(4, np.float32), 2)


def test_cost_in_recall(rng: np.random.Generator, documents: Documents) -> None:
    """Half the tokens keep nearly all of the ten best documents' order: the figure is printed, its floor held."""
    texts = documents(rng, 400, 32, (20, 60))
    queries = [t[:8] + 0.05 * rng.standard_normal((8, 32)).astype(np.float32) for t in texts[:40]]

    def best(documents: Sequence[Vector]) -> list[npt.NDArray[np.int64]]:
        offsets = np.concatenate([[0], np.cumsum([len(d) for d in documents])]).astype(np.int64)
        flat = np.concatenate(documents)
        return [np.argsort(-reference.exact_scores(q, flat, offsets, np.arange(400), True))[:10] for q in queries]

    whole = best(texts)
    for factor, floor in ((2, 0.7), (3, 0.6)):
        pooled = best([pool_tokens(t, factor) for t in texts])
        recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(whole, pooled, strict=True)])
        first = np.mean([a[0] == b[0] for a, b in zip(whole, pooled, strict=True)])
        print(f"factor {factor}: recall@10 {recall:.3f}, first kept {first:.3f}")
        assert recall >= floor
        assert first >= 0.9
