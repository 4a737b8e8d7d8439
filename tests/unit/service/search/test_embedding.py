"""The query vectors of one search: each text is embedded once, and thousands are not compared with each other."""

from __future__ import annotations

import numpy as np
import pytest

from unit.service.test_deadlines import Counting
from weft.domain.deadline import within
from weft.domain.errors import DeadlinePassed
from weft.domain.objects import Vector
from weft.domain.schema import VectorConfig
from weft.service.search.embedding import _MadeOnce


class Text(str):
    """One that counts how often it is compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Text.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def vector(vectorizer: str, **settings: object) -> VectorConfig:
    return VectorConfig("v", vectorizer=vectorizer, settings=settings)


def test_a_text_is_embedded_once_for_vectors_of_one_module_and_its_settings() -> None:
    made = _MadeOnce()
    calls: list[int] = []

    def make() -> Vector:
        calls.append(1)
        return np.zeros(2, np.float32)

    first = made.of(vector("one", model="a"), ("x",), make)
    assert made.of(vector("one", model="a"), ("x",), make) is first
    for other, given in ((vector("one", model="b"), "x"), (vector("two", model="a"), "x"), (vector("one"), "y")):
        assert made.of(other, (given,), make) is not first
    assert len(calls) == 4


def test_thousands_of_texts_are_not_compared_with_each_other() -> None:
    made, zero = _MadeOnce(), np.zeros(2, np.float32)
    for number in range(2_000):
        made.of(vector("one"), (Text(number),), lambda: zero)
    assert Text.compared < 10_000


def test_each_text_looks_at_the_deadline() -> None:
    made = _MadeOnce()
    with within(Counting(3)), pytest.raises(DeadlinePassed):
        for number in range(5):
            made.of(vector("one"), (number,), lambda: np.zeros(2, np.float32))
