"""Patterns on whole strings: long ones, and those on long strings, mean what an expression means."""

from __future__ import annotations

import fnmatch
import random
import re

import pytest

from weft.domain.deadline import Deadline, within
from weft.domain.errors import DeadlinePassed
from weft.engine.text.symbols import fits_runs, like


def expected(pattern: str, text: str) -> bool:
    return re.match(fnmatch.translate(pattern.replace("[", "[[]")), text) is not None


def test_runs_mean_what_an_expression_means() -> None:
    seed = 7
    print(f"seed {seed}")
    rng = random.Random(seed)
    found = 0
    for _ in range(20_000):
        pattern = "".join(rng.choices("ab?*[", k=rng.randrange(7)))
        text = "".join(rng.choices("ab[\n", (6, 6, 1, 1), k=rng.randrange(9)))
        fits = fits_runs(pattern.split("*"), text)
        assert fits == expected(pattern, text), (pattern, text)
        assert fits == like(pattern)(text)
        found += fits
    assert found > 1_000


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*" + "@" * 2_000 + "#", "@" * 200_000, False),
        ("*" + "@" * 2_000 + "#", "@" * 200_000 + "#", True),
        ("@*" * 2_000, "@" * 2_000, True),
        ("@*" * 2_001, "@" * 2_000, False),
        ("?" * 3_000, "x" * 3_000, True),
        ("?" * 3_000, "x" * 3_001, False),
    ],
)
def test_long_patterns(pattern: str, text: str, fits: bool) -> None:
    assert like(pattern)(text) is fits


def test_a_pattern_that_takes_long_ends_at_the_deadline() -> None:
    with within(Deadline(1e-9, None)), pytest.raises(DeadlinePassed):
        like("*a?" + "b" * 1_000 + "?c*")("b" * 100_000)
