"""The file format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from weft.domain.errors import CorruptData
from weft.engine.embedded.index.multivector.array_file import MAGIC, ArrayFile, write


def test_arrays_come_back_mapped(tmp_path: Path, rng: np.random.Generator) -> None:
    arrays: dict[str, npt.NDArray[Any]] = {
        "a": rng.integers(0, 255, (7, 3)).astype(np.uint8),
        "empty": np.zeros((0, 4), np.float32),
        "b": rng.standard_normal(5).astype(np.float32),
    }
    write(tmp_path / "x.weft", {"n": 3, "name": "x"}, arrays)
    file = ArrayFile(tmp_path / "x.weft")
    assert file.meta == {"n": 3, "name": "x"}
    for name, array in arrays.items():
        got = file.array(name)
        assert got.dtype == array.dtype
        assert got.shape == array.shape
        assert (got == array).all()
        if got.size:
            assert not got.flags.writeable
            assert got.ctypes.data % 64 == 0
    write(tmp_path / "none.weft", {}, {})
    assert ArrayFile(tmp_path / "none.weft").meta == {}


def test_every_damage_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.weft"
    write(path, {"n": 1}, {"a": np.arange(300, dtype=np.int64)})
    whole = path.read_bytes()
    assert whole.startswith(MAGIC)
    header = int.from_bytes(whole[12:16], "little")
    for place in range(0, 24 + header, 5):
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        with pytest.raises(CorruptData) as error:
            ArrayFile(path).array("a")
        assert error.value.path == str(path)
    damaged = bytearray(whole)
    damaged[len(whole) - 500] ^= 1
    path.write_bytes(damaged)
    file = ArrayFile(path)
    assert len(file.array("a", check=False)) == 300
    with pytest.raises(CorruptData, match="checksum"):
        file.verify("a")
    for size in (0, 10, 40, len(whole) - 130):
        path.write_bytes(whole[:size])
        with pytest.raises(CorruptData):
            ArrayFile(path)
