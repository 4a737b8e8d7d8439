"""The number of objects of a shard that is not open."""

from __future__ import annotations

from pathlib import Path

from weft.engine.embedded.storage.object_tables import ObjectTables
from weft.engine.embedded.storage.shard_store import TABLES
from weft.files.environment import Environment


def count_objects(folder: Path) -> int:
    """The number of objects of the closed shard in ``folder``; 0 if it was never opened. Raises CorruptData."""
    path = folder / "objects.mdb"
    if not path.exists():
        return 0
    env = Environment(path, TABLES, sync=False)
    try:
        state = ObjectTables(env).load()
        return len(state.live) if state else 0
    finally:
        env.close()
