"""A process that commits is killed at random moments: what was acknowledged is stored, bit for bit."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from weft.engine.embedded.storage import Delete, Put, ShardStore, VectorLayout

ROUNDS = 12
LAYOUTS = {"v": VectorLayout(), "m": VectorLayout(multi=True)}

CHILD = """
import random, sys
from pathlib import Path
from tests.faults.test_storage_kill import LAYOUTS, make_batch
from weft.engine.embedded.storage import ShardStore
store = ShardStore(Path(sys.argv[1]), LAYOUTS)
number = int(sys.argv[2])
while True:
    print("begin", number, flush=True)
    store.commit(make_batch(number))
    print("done", number, flush=True)
    if number % 5 == 4:
        store.finish_compaction(store.begin_compaction("v" if number % 2 else "m"))
    number += 1
"""


def make_batch(number: int) -> list[Put | Delete]:
    """The changes of batch ``number``, the same in every process: 20 puts among 100 uuids and some deletes."""
    rng, numbers = random.Random(number), np.random.default_rng(number)
    changes: list[Put | Delete] = []
    for uuid in rng.sample(range(100), 20):
        if rng.random() < 0.2:
            changes.append(Delete(uuid.to_bytes(16, "big")))
            continue
        vectors = {
            "v": numbers.standard_normal(16).astype(np.float32),
            "m": numbers.standard_normal((rng.randint(1, 200), 16)).astype(np.float32),
        }
        record = f"{number}:{uuid}:".encode() + rng.randbytes(rng.choice([10, 5000]))
        changes.append(Put(uuid.to_bytes(16, "big"), record, vectors))
    return changes


def expected(batches: int) -> dict[bytes, tuple[bytes, dict[str, np.ndarray]]]:
    from weft.engine.embedded.storage import Put

    objects: dict[bytes, tuple[bytes, dict[str, np.ndarray]]] = {}
    for number in range(batches):
        for change in make_batch(number):
            objects.pop(change.uuid, None)
            if isinstance(change, Put):
                objects[change.uuid] = (change.record, dict(change.vectors))
    return objects


def holds(store: ShardStore, objects: dict[bytes, tuple[bytes, dict[str, np.ndarray]]]) -> bool:
    pairs = store.scan(None, 1000)
    if {uuid for uuid, _ in pairs} != set(objects):
        return False
    ids = [doc_id for _, doc_id in pairs]
    found = zip(pairs, store.read(ids), store.get_vectors("v", ids), store.get_vectors("m", ids), strict=True)
    for (uuid, _), record, v, m in found:
        given, vectors = objects[uuid]
        if record != given or v is None or m is None:
            return False
        if v.tobytes() != vectors["v"].tobytes() or m.tobytes() != vectors["m"].tobytes():
            return False
    return store.live.to_array().tolist() == sorted(ids)


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_acknowledged_batches_survive_kill(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    root = Path(__file__).parents[2]
    done, survived_unacknowledged = 0, 0
    for _ in range(ROUNDS):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), str(done)], stdout=subprocess.PIPE, text=True, cwd=root
        )
        assert child.stdout is not None
        with child.stdout:
            assert child.stdout.readline() == f"begin {done}\n"
            time.sleep(rng.random() * 0.06)
            child.send_signal(signal.SIGKILL)
            said = child.stdout.read().splitlines()
        child.wait()
        acknowledged = max([int(line.split()[1]) + 1 for line in said if line.startswith("done ")], default=done)
        store = ShardStore(tmp_path, LAYOUTS)
        store.verify(full=True)
        if holds(store, expected(acknowledged)):
            done = acknowledged
        else:
            assert holds(store, expected(acknowledged + 1)), f"after {acknowledged} acknowledged batches"
            done, survived_unacknowledged = acknowledged + 1, survived_unacknowledged + 1
        assert len(list((tmp_path / "vectors").glob("*.f32"))) <= 2
        store.close()
    print("batches", done, "of which unacknowledged", survived_unacknowledged)
    assert done > 0
