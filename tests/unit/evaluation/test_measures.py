"""The measures, compared with those of ir-measures, which has them from trec_eval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ir_measures
import numpy as np
import pytest

from weft.domain.errors import Invalid
from weft.evaluation.measures import Gains, Measure

MEASURES = ["nDCG@1", "nDCG@10", "RR@10", "R@5", "R@100", "P@5", "AP@10", "Success@3"]


def reference(measure: str, rankings: Sequence[Sequence[str]], judged: Sequence[Mapping[str, float]]) -> list[float]:
    """By the library: one number a query."""
    qrels = {str(q): {id: int(grade) for id, grade in one.items()} for q, one in enumerate(judged)}
    run = {str(q): {id: -float(rank) for rank, id in enumerate(one)} for q, one in enumerate(rankings)}
    found = ir_measures.iter_calc([ir_measures.parse_measure(measure)], qrels, run)
    values = {one.query_id: float(one.value) for one in found}
    return [values.get(str(q), 0.0) for q in range(len(judged))]


@pytest.mark.parametrize("measure", MEASURES)
def test_measures_equal_those_of_ir_measures(measure: str) -> None:
    random = np.random.default_rng(5)
    rankings, judged = [], []
    for _ in range(60):
        ids = [str(id) for id in random.permutation(40)]
        rankings.append(ids[: random.integers(0, 40)])
        chosen = random.choice(40, random.integers(1, 15), replace=False)
        judged.append({str(id): float(grade) for id, grade in zip(chosen, random.integers(0, 4, 15), strict=False)})
        judged[-1][str(random.integers(0, 40))] = 1.0
    ours = Measure.parse(measure).of(Gains(rankings, judged))
    np.testing.assert_allclose(ours, reference(measure, rankings, judged), atol=1e-12)


def test_nothing_found_scores_nothing() -> None:
    gains = Gains([[], []], [{"a": 1.0}, {"b": 0.0}])
    for measure in MEASURES:
        assert Measure.parse(measure).of(gains).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "spelled"), [("ndcg@10", "nDCG@10"), ("Recall@5", "R@5"), ("MRR@10", "RR@10"), ("map@100", "AP@100")]
)
def test_names_may_be_spelled_otherwise(text: str, spelled: str) -> None:
    assert str(Measure.parse(text)) == spelled


@pytest.mark.parametrize("text", ["nDCG", "nDCG@0", "nDCG@1001", "BLEU@4", "", "@10", "nDCG@10@10"])
def test_a_wrong_measure_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match=r"nDCG@10|cutoff"):
        Measure.parse(text)
