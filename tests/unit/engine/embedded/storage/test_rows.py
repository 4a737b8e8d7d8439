"""Which objects have a row: the same answer for rows without gaps, with gaps, and for none."""

from __future__ import annotations

import numpy as np
import pytest
from pyroaring import BitMap

from weft.engine.embedded.storage.rows import VectorRows

DENSE = range(70_000, 73_000)
GAPS = [*range(5), *range(70_000, 72_000, 3), 200_000]


def rows(doc_ids: range | list[int]) -> VectorRows:
    return VectorRows(0, np.array(doc_ids, np.uint32), np.zeros((len(doc_ids), 1), np.float32))


@pytest.mark.parametrize("doc_ids", [DENSE, GAPS, [], [7]], ids=["dense", "gaps", "none", "one"])
@pytest.mark.parametrize(
    "objects",
    [[], [0], [7], [69_999, 73_000], [70_000], [72_999], [200_000], range(70_001, 70_003), range(300_000)],
    ids=str,
)
def test_how_many_objects_have_a_row(doc_ids: range | list[int], objects: range | list[int]) -> None:
    having = len(set(doc_ids) & set(objects))
    assert rows(doc_ids).count_of(BitMap(objects)) == having
    assert rows(doc_ids).any_of(BitMap(objects)) == (having > 0)


@pytest.mark.parametrize("n", [1, 255, 256, 257, 2304, 2305, 5000])
def test_a_single_object_is_found_wherever_its_row_is(n: int) -> None:
    doc_ids = [*range(0, 2 * n, 2), 3 * n + 1]
    for at in {0, 1, n // 2, n - 1, n}:
        assert rows(doc_ids).any_of(BitMap([doc_ids[at]]))
    assert not rows(doc_ids).any_of(BitMap(range(1, 2 * n, 2)))
