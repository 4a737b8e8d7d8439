import numpy as np
import pytest

from weft.engine.embedded.storage.row_table import BLOCK_ROWS, RowTable
from weft.engine.embedded.storage.rows import Rows


@pytest.mark.parametrize("ragged", [False, True])
def test_blocks_load_as_they_were_staged(ragged: bool) -> None:
    rng = np.random.default_rng(3)
    table, rows, next_id = RowTable(ragged=ragged), 0, 0
    stored: dict[int, bytes] = {}
    ids: list[int] = []
    counts: list[int] = []
    for size in (1, BLOCK_ROWS - 1, 1, 3 * BLOCK_ROWS, 5):
        new = (next_id + np.cumsum(rng.integers(1, 4, size))).tolist()
        lengths = rng.integers(1, 9, size).tolist()
        total = table.stage(rows, new, lengths if ragged else None)
        stored.update(table.blocks(rows, total))
        rows, next_id = total, new[-1]
        ids += new
        counts += lengths
    again = RowTable(ragged=ragged)
    assert again.load([stored[block] for block in sorted(stored)], rows)
    for one in (table, again):
        assert one.doc_ids(rows).tolist() == ids
        if ragged:
            assert one.offsets(rows).tolist() == [0, *np.cumsum(counts).tolist()]
    assert all(len(block) <= BLOCK_ROWS * (8 if ragged else 4) for block in stored.values())


def test_a_view_does_not_change_when_rows_are_added() -> None:
    table = RowTable(ragged=True)
    rows = table.stage(0, [1, 5], [2, 3])
    ids, offsets = table.doc_ids(rows), table.offsets(rows)
    table.stage(rows, list(range(6, 5000)), [1] * 4994)
    assert ids.tolist() == [1, 5]
    assert offsets.tolist() == [0, 2, 5]
    with pytest.raises(ValueError, match="read-only"):
        ids[0] = 9


def test_rows_staged_twice_are_those_of_the_second_time() -> None:
    table = RowTable(ragged=False)
    rows = table.stage(0, [1, 2], None)
    table.stage(rows, [3, 4, 5], None)
    rows = table.stage(rows, [7], None)
    assert table.doc_ids(rows).tolist() == [1, 2, 7]


@pytest.mark.parametrize("blocks, rows", [([], 1), ([b"\1\0\0\0"], 2), ([b"\2\0\0\0\2\0\0\0"], 2)])
def test_blocks_that_do_not_add_up_are_refused(blocks: list[bytes], rows: int) -> None:
    assert not RowTable(ragged=False).load(blocks, rows)


@pytest.mark.parametrize("ids", [[2, 5, 9], [4, 5, 6], [7], []])
def test_rows_are_found_by_doc_id(ids: list[int]) -> None:
    rows = Rows(0, np.array(ids, np.uint32))
    asked = [9, 2, 3, 10, 0, 5, 4_294_967_295]
    expected = [ids.index(doc_id) if doc_id in ids else -1 for doc_id in asked]
    assert rows.find(np.array(asked, np.uint32)).tolist() == expected
    ascending = np.array(sorted(asked), np.uint32)
    assert rows.find_ascending(ascending).tolist() == sorted(row for row in expected if row >= 0)
    assert rows.find(np.zeros(0, np.uint32)).tolist() == rows.find_ascending(np.zeros(0, np.uint32)).tolist() == []
