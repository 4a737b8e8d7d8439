"""The 1st, 2nd, … write, sync or reservation fails: the commit is refused, nothing of it shows, the next one works."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from weft.domain.errors import OperatorError, StorageFull
from weft.engine.embedded.storage import Delete, Put, ShardStore, VectorLayout
from weft.files import disk
from weft.files.environment import Environment

LAYOUTS = {"v": VectorLayout(), "m": VectorLayout(multi=True)}


def batch(number: int) -> list[Put | Delete]:
    rng = np.random.default_rng(number)
    puts: list[Put | Delete] = [
        Put(
            bytes([i]) * 16,
            rng.bytes(500),
            {"v": rng.standard_normal(300).astype(np.float32), "m": rng.standard_normal((5, 300)).astype(np.float32)},
        )
        for i in range(number, number + 30)
    ]
    return [*puts, Delete(bytes([number]) * 16)]


def contents(store: ShardStore) -> Any:
    ids = store.live.to_array().tolist()
    vectors = [[None if v is None else v.tobytes() for v in store.get_vectors(name, ids)] for name in LAYOUTS]
    return store.next_doc_id, ids, store.read(ids), store.scan(None, 1000), vectors


def failing(function: Callable[..., Any], at: int, code: int) -> tuple[Callable[..., Any], list[int]]:
    """``function`` that raises OSError at its ``at``-th call, after writing half when it writes."""
    calls = [0]

    def wrapped(*args: Any) -> Any:
        calls[0] += 1
        if calls[0] == at:
            if function is disk.write_at or function.__name__ == "write_at":
                fd, data, offset = args
                function(fd, data[: len(data) // 2], offset)
            raise OSError(code, os.strerror(code))
        return function(*args)

    return wrapped, calls


@pytest.mark.parametrize("name", ["write_at", "sync_file", "reserve"])
@pytest.mark.parametrize("code, kind", [(errno.ENOSPC, StorageFull), (errno.EIO, OperatorError)])
def test_a_failure_at_any_call_leaves_the_old_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int, kind: type[OperatorError]
) -> None:
    store = ShardStore(tmp_path / "s", LAYOUTS)
    store.commit(batch(0))
    real = getattr(disk, name)
    failures = 0
    for at in range(1, 4):
        before = contents(store)
        wrapped, calls = failing(real, at, code)
        monkeypatch.setattr(disk, name, wrapped)
        try:
            store.commit(batch(at))
        except kind:
            failures += 1
            assert contents(store) == before
        else:
            assert name == "reserve" or calls[0] < at
        monkeypatch.setattr(disk, name, real)
        store.commit(batch(at + 50))
        after = contents(store)
        store.close()
        store = ShardStore(tmp_path / "s", LAYOUTS)
        assert contents(store) == after
        store.verify(full=True)
    store.close()
    assert failures >= (0 if name == "reserve" and code == errno.ENOSPC else 1)


@pytest.mark.parametrize("name", ["write_at", "sync_file"])
def test_a_compaction_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    store = ShardStore(tmp_path / "s", LAYOUTS)
    store.commit(batch(0))
    before = contents(store)
    with monkeypatch.context() as patch:
        patch.setattr(disk, name, failing(getattr(disk, name), 1, errno.ENOSPC)[0])
        with pytest.raises(StorageFull):
            store.finish_compaction(store.begin_compaction("v"))
    assert contents(store) == before and store.vectors("v").generation == 0
    assert len(list((tmp_path / "s" / "vectors").iterdir())) == 2
    rewrite = store.begin_compaction("v")
    with monkeypatch.context() as patch:
        patch.setattr(Environment, "write", failing(Environment.write, 1, errno.ENOSPC)[0])
        with pytest.raises(OSError, match="No space left"):
            store.finish_compaction(rewrite)
    assert contents(store) == before and store.vectors("v").generation == 0
    assert len(list((tmp_path / "s" / "vectors").iterdir())) == 2
    store.finish_compaction(store.begin_compaction("v"))
    assert contents(store) == before and store.vectors("v").generation == 1
    store.close()


LIMITED = """
import resource, sys
from pathlib import Path
from tests.faults.test_storage_writes import LAYOUTS, batch, contents
from weft.domain.errors import StorageFull
from weft.engine.embedded.storage import ShardStore
store = ShardStore(Path(sys.argv[1]), LAYOUTS)
store.commit(batch(0))
limit = int(sys.argv[2])
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
full = 0
for number in range(1, 40):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    before = contents(store)
    try:
        store.commit(batch(number))
    except StorageFull:
        full += 1
        assert contents(store) == before
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        if full == 3:
            break
        store.commit(batch(number))
        limit *= 2
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
after = contents(store)
store.close()
store = ShardStore(Path(sys.argv[1]), LAYOUTS)
assert contents(store) == after
store.verify(full=True)
store.close()
print("full", full)
"""


@pytest.mark.skipif(os.name == "nt", reason="setrlimit")
@pytest.mark.parametrize("limit", [90_000, 150_000, 250_000])
def test_a_file_size_limit_is_a_full_disk(tmp_path: Path, limit: int) -> None:
    """LMDB's own writes fail here too, which no wrapper reaches."""
    root = Path(__file__).parents[2]
    child = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path), str(limit)], capture_output=True, text=True, cwd=root
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout.startswith("full ") and child.stdout != "full 0\n"
