"""Fixed dimensional encodings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reference import multivector_kernels as reference
from weft.domain.objects import Vector
from weft.domain.schema import Muvera
from weft.engine.embedded.index.multivector.muvera import MuveraStage, draw
from weft.engine.embedded.index.multivector.stage import Allowed

Documents = Callable[..., list[Vector]]


def test_the_same_seed_gives_the_same_plan() -> None:
    one, two, other = draw(Muvera(3, 4, 5), 16), draw(Muvera(3, 4, 5), 16), draw(Muvera(3, 4, 5), 16, seed=2)
    assert one.width == 5 * 8 * 4
    assert (one.planes == two.planes).all()
    assert (one.projections == two.projections).all()
    assert (one.planes != other.planes).any()
    assert set(np.unique(np.abs(one.projections))) == {np.float32(0.5)}


def test_an_encoding_follows_its_definition(rng: np.random.Generator) -> None:
    plan = draw(Muvera(2, 4, 3), 8)
    tokens = rng.standard_normal((11, 8)).astype(np.float32)
    starts = np.array([0, 4, 11])
    got = plan.encode(tokens, starts, documents=True)
    for repetition in range(3):
        buckets = ((tokens @ plan.planes[repetition].T) < 0).astype(np.int32) @ np.array([1, 2])
        expected = reference.encode_sets(
            buckets.astype(np.int32), tokens @ plan.projections[repetition], starts, 2, documents=True
        )
        np.testing.assert_allclose(got[:, repetition * 16 : (repetition + 1) * 16], expected, rtol=1e-4, atol=1e-5)


def test_dot_products_follow_maxsim(rng: np.random.Generator, documents: Documents) -> None:
    """With many repetitions the encodings' dot product, per repetition, correlates strongly with MaxSim."""
    texts = documents(rng, 200, 32)
    starts = np.concatenate([[0], np.cumsum([len(t) for t in texts])]).astype(np.int64)
    flat = np.concatenate(texts)
    plan = draw(Muvera(4, 16, 40), 32)
    stage = MuveraStage.empty(plan).extended(flat[: starts[90]], starts[:91])
    before = stage
    stage = stage.extended(flat[starts[90] :], starts[90:] - starts[90])
    assert (before.end_row, stage.end_row) == (90, 200)
    query = texts[7][:8]
    short = stage.shortlist(query, 200, Allowed(), np.arange(200, dtype=np.uint32))
    exact = reference.exact_scores(query, flat, starts, short.rows, False)
    assert np.corrcoef(short.estimates, exact)[0, 1] > 0.7
    assert short.rows[0] == 7
    some = stage.shortlist(query, 5, Allowed(np.arange(0, 200, 7)), np.arange(200, dtype=np.uint32))
    assert some.rows[0] == 7
    assert set(some.rows.tolist()) <= set(range(0, 200, 7))
