"""Progress where no terminal is: a line a minute, with rate and time left."""

from __future__ import annotations

import io

from weft.cli.progress import LongProgress


def test_a_line_a_minute() -> None:
    out, times = io.StringIO(), iter((0.0, 30.0, 60.0, 90.0, 119.0, 120.0))
    with LongProgress("Doc", "row", 1_000_000, done_bytes=100_000, out=out, now=lambda: next(times)) as progress:
        for _ in range(5):
            progress.update(100_000, 300)
    assert out.getvalue().splitlines() == [
        "Doc: 600 rows, 10.0 a second, 30% of 1.0 MB, about 4 minutes left",
        "Doc: 1,500 rows, 12.5 a second, 60% of 1.0 MB, about 2 minutes left",
    ]


def test_of_what_has_no_size() -> None:
    out, times = io.StringIO(), iter((0.0, 100.0))
    with LongProgress("Doc", "row", 0, out=out, now=lambda: next(times)) as progress:
        progress.update(50, 1)
    assert out.getvalue() == "Doc: 1 row, 0.0 a second\n"
