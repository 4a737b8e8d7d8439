from __future__ import annotations

import pytest

from weft.domain.clock import duration_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1m30s", 90), ("500ms", 0.5), ("7d", 604_800), ("2w", 1_209_600), ("1.5h", 5_400), ("50", 50), (" 3s ", 3)],
)
def test_durations(text: str, seconds: float) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5s", "5 s", "1e3", "3y", "nan"])
def test_other_texts_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        duration_s(text)
