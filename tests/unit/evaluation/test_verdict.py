from __future__ import annotations

import numpy as np

from weft.domain.query import Fusion
from weft.evaluation.variant import SearchBy, Variant, VectorChoice
from weft.evaluation.verdict import Contestant, judge

RANDOM = np.random.default_rng(3)
BASE = RANDOM.random(100) * 0.8


def contestant(name: str, kind: str, gain: float, milliseconds: float = 1.0) -> Contestant:
    return Contestant(name, name, kind, BASE + gain, milliseconds)


def test_the_best_is_compared_with_the_best_of_another_kind() -> None:
    verdict = judge(
        "nDCG@10",
        [contestant("title", "vector", 0.0), contestant("h 0.4", "hybrid", 0.2), contestant("h 0.5", "hybrid", 0.1)],
    )
    assert verdict.best == "h 0.4"
    assert verdict.sentence.startswith("h 0.4 is best: nDCG@10 0.")
    assert "; title 0." in verdict.sentence
    assert verdict.sentence.endswith("the difference is significant (p < 0.001)")
    assert set(verdict.p_values) == {"title", "h 0.5"}


def test_a_faster_one_that_is_no_worse_is_named() -> None:
    noise = np.tile([0.3, -0.3], 50)
    noisy = Contestant("b", "b", "keyword", BASE + noise, 0.5)
    verdict = judge("nDCG@10", [contestant("a", "vector", 0.02, 20.0), noisy])
    assert "the difference is not significant" in verdict.sentence
    assert verdict.sentence.endswith("cannot be distinguished from it and is faster: 0.5 ms in place of 20.0 ms")


def test_there_may_be_one_or_none() -> None:
    assert judge("R@5", [contestant("a", "vector", 0.0)]).sentence.startswith("a: R@5 0.")
    assert judge("R@5", []).best == ""


def test_names_of_variants() -> None:
    stored = VectorChoice("title")
    made = VectorChoice(module="text2vec-transformers", model="org/bge-small", quantizer="bq", ef=64, pooling=2)
    assert stored.is_stored
    assert not made.is_stored
    assert Variant(SearchBy.KEYWORD).name == "keyword"
    assert Variant(SearchBy.VECTOR, made).name == "bge-small bq ef 64 pooling 2"
    hybrid = Variant(SearchBy.HYBRID, stored, 0.5, Fusion.RANKED, "reranker-x")
    assert hybrid.name == "hybrid title 0.5 ranked + reranker-x"
    assert hybrid.phrase == "hybrid of title with alpha 0.5 and ranked fusion, reranked by reranker-x,"
