from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from weft.evaluation.comparison import compare
from weft.evaluation.significance import corrected, interval, paired_p_value


def test_an_interval_holds_the_mean_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    held = 0
    for _ in range(60):
        found = interval(random.beta(2, 3, 40))
        held += found.low <= 0.4 <= found.high
    assert held >= 50


def test_the_same_scores_give_the_same_numbers() -> None:
    scores = np.linspace(0, 1, 30)
    assert interval(scores) == interval(scores)
    assert interval(np.ones(5)).half_width == 0


def test_few_queries_are_tested_by_all_signs() -> None:
    first, second = np.array([0.9, 0.8, 0.7, 0.6, 0.3]), np.array([0.5, 0.9, 0.1, 0.2, 0.3])
    differences = first - second
    sums = [abs(np.dot(signs, differences)) for signs in product((1, -1), repeat=5)]
    assert paired_p_value(first, second) == pytest.approx(np.mean([s >= abs(differences.sum()) - 1e-9 for s in sums]))


def test_many_queries_are_tested_at_random() -> None:
    random = np.random.default_rng(2)
    first = random.random(200)
    assert paired_p_value(first, first) == 1.0
    assert paired_p_value(first, first - 0.1 + 0.05 * random.random(200)) < 0.001
    assert paired_p_value(first, random.permutation(first)) > 0.05


def test_several_comparisons_are_corrected() -> None:
    assert corrected([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert corrected([0.9, 0.9]) == [1.0, 1.0]
    assert corrected([]) == []


def test_a_comparison_names_the_queries_that_were_won_and_lost() -> None:
    found = compare(np.array([1.0, 0.2, 0.5, 0.5]), np.array([0.5, 0.3, 0.5, 0.4]))
    assert (found.won, found.lost) == ((0, 3), (1,))
    assert found.difference.mean == pytest.approx(0.125)
    assert not found.is_significant
