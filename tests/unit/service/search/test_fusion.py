"""Hybrid fusion: the arithmetic of both kinds, ties and explanations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from reference import fusion
from weft.domain.query import Fusion
from weft.service.search.fusion import Leg, fuse
from weft.service.search.ranking import Ranking


def uuids(doc_ids: Sequence[int]) -> list[bytes]:
    return [bytes(15) + bytes([d]) for d in doc_ids]


def leg(name: str, weight: float, scores: dict[int, float]) -> Leg:
    return Leg(name, weight, Ranking(np.asarray(list(scores), np.uint32), scores=np.asarray(list(scores.values()))))


KEYWORD = leg("keyword,bm25", 0.25, {1: 8.0, 2: 4.0, 3: 0.0})
VECTOR = leg("vector", 0.75, {2: 0.9, 4: 0.5, 1: 0.1})


def test_relative_score() -> None:
    fused = fuse([KEYWORD, VECTOR], Fusion.RELATIVE_SCORE, uuids)
    assert fused.scores is not None
    assert dict(zip(fused.doc_ids.tolist(), fused.scores.tolist(), strict=True)) == pytest.approx(
        {2: 0.25 * 0.5 + 0.75, 4: 0.75 * 0.5, 1: 0.25, 3: 0.0}
    )
    assert fused.doc_ids.tolist() == [2, 4, 1, 3]


def test_ranked() -> None:
    fused = fuse([KEYWORD, VECTOR], Fusion.RANKED, uuids)
    assert fused.scores is not None
    expected = {2: 0.25 / 61 + 0.75 / 60, 4: 0.75 / 61, 1: 0.25 / 60 + 0.75 / 62, 3: 0.25 / 62}
    assert dict(zip(fused.doc_ids.tolist(), fused.scores.tolist(), strict=True)) == pytest.approx(expected)


def test_equal_scores_of_a_leg_get_the_whole_weight() -> None:
    fused = fuse([leg("vector", 0.5, {7: 0.3, 5: 0.3})], Fusion.RELATIVE_SCORE, uuids)
    assert fused.scores is not None
    assert fused.scores.tolist() == [0.5, 0.5]
    assert fused.doc_ids.tolist() == [5, 7], "ties go by uuid"


def test_no_hits() -> None:
    assert len(fuse([], Fusion.RANKED, uuids)) == 0
    assert len(fuse([leg("vector", 1.0, {})], Fusion.RELATIVE_SCORE, uuids)) == 0


def test_explanations_name_each_leg_and_its_numbers() -> None:
    fused = fuse([KEYWORD, VECTOR], Fusion.RELATIVE_SCORE, uuids)
    assert fused.explain is not None
    (text,) = fused.explain([2])
    assert "Hybrid (Result Set vector) Document 00000000-0000-0000-0000-000000000002: original score 0.9" in text
    assert "Hybrid (Result Set keyword,bm25) Document" in text
    assert "original score 4, normalized score: 0.125" in text


@pytest.mark.parametrize("kind", list(Fusion))
@pytest.mark.parametrize("seed", range(20))
def test_the_same_as_object_by_object(seed: int, kind: Fusion) -> None:
    """Scores from a few values only, so that many tie, and uuids that are not in the order of doc_ids."""
    rng = np.random.default_rng(seed)
    names = rng.permutation(256).tolist()
    legs = []
    for name, weight in (("keyword,bm25", 0.3), ("vector", 0.7))[: 1 + seed % 2]:
        doc_ids = rng.permutation(200)[: rng.integers(0, 150)].astype(np.uint32)
        values = rng.choice([0.1, 0.25, 1 / 3, 0.5, 0.5 + 1e-9], len(doc_ids)) if seed % 3 else rng.random(len(doc_ids))
        legs.append(Leg(name, weight, Ranking(doc_ids, scores=np.sort(values)[::-1])))
    asked: list[int] = []

    def named(doc_ids: Sequence[int]) -> list[bytes]:
        asked.extend(doc_ids)
        return [bytes([names[d]] * 16) for d in doc_ids]

    got = fuse(legs, kind, named)
    in_python = fusion.fused(legs, kind, lambda doc_ids: [bytes([names[d]] * 16) for d in doc_ids])
    assert got.scores is not None
    assert (got.doc_ids.tolist(), got.scores.tolist()) == in_python
    if seed % 3 == 0 and kind is Fusion.RELATIVE_SCORE:
        assert len(asked) <= 2, "but for the ends of two legs nothing ties"
