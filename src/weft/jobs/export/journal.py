"""Journal: which shards an export takes, and what has become of those that are done, so that it can be continued.

    progress.jsonl    the plan: an array of [collection, shard]; then, in that order, a line for each shard that is done

A line is on the disk before the job's cursor counts it, so lines beyond the cursor are of a shard that will be done
again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson

from weft.domain.errors import CorruptData
from weft.files import disk
from weft.jobs.export.state import ShardExport, shard_json, shard_of_json

_NAME = "progress.jsonl"


class ExportJournal:
    """``plan`` are (collection, shard); ``done`` is what became of the first of them."""

    def __init__(self, path: Path, plan: Sequence[tuple[str, str]], done: list[ShardExport]) -> None:
        self._path = path
        self.plan = plan
        self.done = done

    @classmethod
    def create(cls, folder: Path, plan: Sequence[tuple[str, str]]) -> ExportJournal:
        """In ``folder``, which is made. Raises StorageFull."""
        path = folder / _NAME
        with disk.explained(path):
            folder.mkdir(parents=True, exist_ok=True)
        disk.write_whole(path, orjson.dumps(plan) + b"\n", sync=True)
        return cls(path, plan, [])

    @classmethod
    def open(cls, folder: Path, count: int) -> ExportJournal:
        """With the ``count`` shards that the cursor counts; further lines are cut off. Raises CorruptData."""
        path = folder / _NAME
        try:
            head, *lines = path.read_bytes().splitlines(keepends=True)
            plan = [(collection, shard) for collection, shard in orjson.loads(head)]
            done = [shard_of_json(orjson.loads(line)) for line in lines[:count]]
        except (OSError, ValueError, KeyError, TypeError):
            raise CorruptData(f"{path} is missing or damaged; export again", path=str(path)) from None
        if len(done) != count:
            raise CorruptData(f"{path} lacks shards that were done; export again", path=str(path))
        disk.write_whole(path, b"".join([head, *lines[:count]]), sync=True)
        return cls(path, plan, done)

    def add(self, shard: ShardExport) -> None:
        """The next one of the plan is done. Durable at return; raises StorageFull."""
        with disk.explained(self._path), self._path.open("ab") as file:
            file.write(orjson.dumps(shard_json(shard)) + b"\n")
            file.flush()
            disk.sync_file(file.fileno())
        self.done.append(shard)
