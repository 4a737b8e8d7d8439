from __future__ import annotations

import numpy as np
import pytest
from pyroaring import BitMap

from weft.engine.embedded.index.filter import bitmaps


@pytest.mark.parametrize("span", [10, 5_000, 65_536, 200_000, 4_000_000_000])
@pytest.mark.parametrize("count", [0, 1, 511, 512, 5_000, 70_000])
def test_ids_become_the_same_set(span: int, count: int) -> None:
    ids = np.random.default_rng(count).integers(0, span, count).astype(np.uint32)
    made = bitmaps.from_ids(ids)
    assert made == BitMap(set(ids.tolist()))
    assert bitmaps.to_ids(made).tolist() == sorted(set(ids.tolist()))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.0625, 0.5, 1.0])
def test_a_mask_becomes_the_set_of_its_true_places(share: float) -> None:
    mask = np.random.default_rng(3).random(3 * bitmaps.CONTAINER) < share
    base = 5 * bitmaps.CONTAINER
    assert bitmaps.from_mask(mask, base) == BitMap((np.flatnonzero(mask) + base).tolist())


def test_the_greatest_doc_id_fits() -> None:
    top = np.arange(2**32 - 1000, 2**32, dtype=np.uint64).astype(np.uint32)
    assert bitmaps.from_ids(top) == BitMap(top.tolist())


@pytest.mark.parametrize("containers", [1, 2, 3, 4, 5, 20])
@pytest.mark.parametrize("seed", range(4))
def test_bits_are_those_of_the_set(containers: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    chosen = BitMap()
    for key in rng.choice(25, containers, replace=False).tolist():
        start = key * bitmaps.CONTAINER
        match rng.integers(4):
            case 0:
                chosen |= BitMap(range(start, start + bitmaps.CONTAINER))
            case 1:
                chosen |= BitMap(range(start + 5, start + 40_000)) | BitMap([start + 65_535])
            case 2:
                chosen |= BitMap((rng.integers(0, 65_536, 3_000) + start).tolist())
            case _:
                chosen |= BitMap((rng.integers(0, 65_536, 30_000) + start).tolist())
    for same in (chosen, BitMap(np.asarray(chosen).tolist()), chosen & BitMap(range(70_000))):
        size = int(same.max()) + 1 if same else 0
        flags = np.zeros(size, np.bool_)
        flags[bitmaps.to_ids(same)] = True
        assert bitmaps.to_bits(same).tolist() == np.packbits(flags, bitorder="little").tolist()
