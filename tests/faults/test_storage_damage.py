"""Bits flip and files lose their ends: the store says so or gives what was stored, never anything else.

Each case runs in a child, because LMDB trusts the structure of its pages: a flip there may end the process. That is
counted, and must stay rare; a wrong answer fails.
"""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from weft.engine.embedded.storage import Delete, Put, ShardStore, VectorLayout

LAYOUTS = {"v": VectorLayout(), "m": VectorLayout(multi=True)}
OBJECTS = 300
SEED = 20

CHILD = """
import sys
from pathlib import Path
from tests.faults.test_storage_damage import examine
for path in sys.argv[1:]:
    print("at", path, flush=True)
    print(examine(Path(path)), flush=True)
"""


def build(folder: Path) -> None:
    rng = np.random.default_rng(11)
    store = ShardStore(folder, LAYOUTS, sync=False)
    for first in range(0, OBJECTS, 50):
        store.commit([put(i, rng) for i in range(first, first + 50)])
    store.commit([Delete(uuid(i)) for i in range(0, OBJECTS, 7)])
    store.close()


def uuid(i: int) -> bytes:
    return random.Random(i).randbytes(16)


def put(i: int, rng: np.random.Generator) -> Put:
    v = np.full(400, i, np.float32)
    m = np.full((1 + i % 5, 400), i, np.float32)
    return Put(uuid(i), b"%d:" % i * 60, {"v": v, "m": m})


def examine(folder: Path) -> str:
    """What reading everything comes to: ``whole``, ``reported``, or what was wrong."""
    from weft.domain.errors import CorruptData, OperatorError

    try:
        store = ShardStore(folder, LAYOUTS, sync=False)
        ids = list(range(OBJECTS))
        live = [i % 7 != 0 for i in ids]
        if store.read(ids) != [b"%d:" % i * 60 if live[i] else None for i in ids]:
            return "wrong records"
        if store.live.to_array().tolist() != [i for i in ids if live[i]]:
            return "wrong live"
        found = store.lookup([uuid(i) for i in ids])
        if any(f is not None and f != i for i, f in enumerate(found)):
            return "wrong uuids"
        for name in LAYOUTS:
            for i, vector in enumerate(store.get_vectors(name, ids)):
                if vector is None or not (vector == i).all():
                    return f"wrong vector {name} {i}"
        store.verify(full=True)
        if found != [i if live[i] else None for i in ids]:
            return "missing uuids, and verify did not notice"
    except CorruptData as error:
        return "reported" if error.path else "reported without a path"
    except OperatorError:
        return "reported"
    return "whole"


def outcomes(folders: list[Path]) -> list[str]:
    """One outcome each; ``died`` where the child did."""
    root = Path(__file__).parents[2]
    results: list[str] = []
    while len(results) < len(folders):
        rest = [str(folder) for folder in folders[len(results) :]]
        child = subprocess.run([sys.executable, "-c", CHILD, *rest], capture_output=True, text=True, cwd=root)
        said = [line for line in child.stdout.splitlines() if not line.startswith("at ")]
        results += said
        if child.returncode > 0:
            raise AssertionError(child.stderr)
        if child.returncode < 0:
            results.append("died")
    return results


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damage") / "whole"
    build(folder)
    assert examine(folder) == "whole"
    return folder


def variants(whole: Path, tmp_path: Path, name: str, change: str, rng: random.Random, count: int) -> list[Path]:
    size = (whole / name).stat().st_size
    folders = []
    for case in range(count):
        folder = tmp_path / f"{case}"
        shutil.copytree(whole, folder)
        data = bytearray((folder / name).read_bytes())
        if change == "flip":
            bit = rng.randrange(8 * size)
            data[bit // 8] ^= 1 << bit % 8
        else:
            del data[rng.randrange(size) :]
        (folder / name).write_bytes(data)
        folders.append(folder)
    return folders


@pytest.mark.parametrize("change", ["flip", "truncate"])
@pytest.mark.parametrize("name", ["vectors/0.0.f32", "vectors/1.0.f32", "weft-format.json"])
def test_damage_outside_lmdb_is_always_reported(whole: Path, tmp_path: Path, name: str, change: str) -> None:
    found = outcomes(variants(whole, tmp_path, name, change, random.Random(SEED), 8))
    assert set(found) <= ({"reported", "whole"} if name.endswith("json") else {"reported"})


@pytest.mark.skipif(os.name == "nt", reason="return codes of killed children")
@pytest.mark.parametrize("change, deadly", [("flip", 4), ("truncate", 0)])
def test_damage_in_lmdb_never_gives_wrong_answers(whole: Path, tmp_path: Path, change: str, deadly: int) -> None:
    found = outcomes(variants(whole, tmp_path, "objects.mdb", change, random.Random(SEED), 40))
    assert set(found) <= {"reported", "whole", "died"}, found
    assert found.count("died") <= deadly


@pytest.mark.parametrize("name", ["vectors/0.0.f32", "objects.mdb", "vectors/1.0.f32"])
def test_a_file_that_is_gone_is_reported(whole: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "s"
    shutil.copytree(whole, folder)
    (folder / name).unlink()
    assert examine(folder) == "reported"
