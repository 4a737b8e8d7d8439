"""Parquet and Arrow files with wrong bytes: rows, or a sentence that names the file; nothing ends the process."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from command import ENVIRON

_READ = """
import sys
from weft.cli.sources.arrow_rows import arrow_rows
from weft.cli.sources.place import found
from weft.domain.errors import Invalid
for name in sys.argv[1:]:
    try:
        list(arrow_rows(found(name, lambda _: True)[0]))
    except Invalid as error:
        assert name.rpartition("/")[2] in error.message, error.message
"""


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_damage(tmp_path: Path, suffix: str) -> None:
    whole = tmp_path / f"whole{suffix}"
    rows = {
        "text": [f"row {n}" for n in range(300)],
        "numbers": [[n, n + 1] if n % 3 else None for n in range(300)],
        "vector": list(np.ones((300, 4), np.float32)),
        "nested": [{"a": n, "b": [str(n)]} for n in range(300)],
    }
    if suffix == ".parquet":
        pq.write_table(pa.table(rows), whole, row_group_size=100)
    else:
        feather.write_feather(pa.table(rows), str(whole), chunksize=100, compression="uncompressed")
    content, chance = whole.read_bytes(), random.Random(4)
    for n in range(250):
        damaged = bytearray(content)
        for _ in range(chance.choice((1, 1, 3, 20))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        if not n % 10:
            del damaged[chance.randrange(len(damaged)) :]
        (tmp_path / f"{n}{suffix}").write_bytes(damaged)
    names = sorted(str(file) for file in tmp_path.iterdir())
    done = subprocess.run([sys.executable, "-c", _READ, *names], env=ENVIRON, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
