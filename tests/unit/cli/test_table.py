"""Columns and numbers in a readable form."""

from __future__ import annotations

import pytest

from weft.cli.status import StoredSums, _table
from weft.cli.table import bytes_text, table
from weft.domain.counts import counted


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9949, "9.9 kB"),
        (9951, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (23_400_000, "23 MB"),
        (5 * 10**18, "5000 PB"),
    ],
)
def test_bytes_have_at_most_three_digits(size: int, text: str) -> None:
    assert bytes_text(size) == text


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table([["name", "n"], ["a", "1,000"]]) == ["  name      n", "  a     1,000"]


def test_one_and_many() -> None:
    assert (counted(1, "row"), counted(0, "row"), counted(2000, "row")) == ("1 row", "0 rows", "2,000 rows")


def test_status_sums_shards_and_has_sizes_only_where_they_are_known() -> None:
    single, tenants = StoredSums(), StoredSums()
    single.add({"objectCount": 1200, "vectorQueueLength": 3})
    assert _table({"A": single}) == ["  collection  objects  to index", "  A             1,200         3"]
    for _ in range(2):
        tenants.add(
            {
                "objectCount": 5,
                "vectorQueueLength": 0,
                "sizes": {"objects": 1000, "vectors/a": 2_000_000, "vectors/b": 500_000},
            }
        )
    assert _table({"B": tenants, "A": single}) == [
        "  collection  shards  objects  to index  objects, bytes  vectors     sum",
        "  A                1    1,200         3             0 B      0 B     0 B",
        "  B                2       10         0          2.0 kB   5.0 MB  5.0 MB",
        "  all              3    1,210         3          2.0 kB   5.0 MB  5.0 MB",
    ]
