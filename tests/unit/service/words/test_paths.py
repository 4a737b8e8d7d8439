"""Semantic paths, by hand: words on a circle between the query and the result."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from weft.domain.objects import Vector
from weft.service.words.paths import PathElement, path


def at(degrees: float) -> Vector:
    return np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))], np.float32)


def cosine(degrees: float) -> Any:
    return pytest.approx(1 - math.cos(math.radians(degrees)), abs=1e-6)


def test_each_word_is_nearer_to_the_result() -> None:
    words = {"behind": at(-20), "first": at(10), "second": at(40), "last": at(85), "beyond": at(130)}
    found = path(at(0), at(90), words)
    assert found == [
        PathElement("first", cosine(10), cosine(80), None, cosine(30)),
        PathElement("second", cosine(40), cosine(50), cosine(30), cosine(45)),
        PathElement("last", cosine(85), cosine(5), cosine(45), None),
    ]


def test_without_words_there_is_no_way() -> None:
    assert path(at(0), at(90), {}) == []


def test_a_step_looks_at_the_nearest_words_only() -> None:
    """Ten words lie around the query; the eleventh, at the result, is not seen from there."""
    words = {f"w{n}": at(-n) for n in range(10)} | {"far": at(90)}
    assert [one.concept for one in path(at(0), at(90), words)] == ["w0"]
