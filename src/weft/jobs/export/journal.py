"""Journal: the shards of an export, and the outcomes of those that are done, so that it can be continued.

    progress.jsonl    the plan: an array of [collection, shard]; then, in that order, a line for each shard that is done

A line is on disk before the job's cursor covers it, so lines beyond the cursor belong to a shard that will be exported
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
    """``plan``: (collection, shard); ``done``: the outcomes of the first of them, in the first ``size`` bytes."""

    def __init__(self, path: Path, plan: Sequence[tuple[str, str]], done: list[ShardExport], size: int) -> None:
        self._path = path
        self._size = size
        self.plan = plan
        self.done = done

    @classmethod
    def create(cls, folder: Path, plan: Sequence[tuple[str, str]]) -> ExportJournal:
        """In ``folder``, which is created. Raises StorageFull."""
        path = folder / _NAME
        with disk.explained(path):
            folder.mkdir(parents=True, exist_ok=True)
        head = orjson.dumps(plan) + b"\n"
        disk.write_whole(path, head, sync=True)
        return cls(path, plan, [], len(head))

    @classmethod
    def open(cls, folder: Path, count: int) -> ExportJournal:
        """With the ``count`` shards that the cursor covers. Writes nothing. Raises CorruptData."""
        path = folder / _NAME
        try:
            head, *lines = path.read_bytes().splitlines(keepends=True)
            counted = lines[:count]
            plan = [(collection, shard) for collection, shard in orjson.loads(head)]
            done = [shard_of_json(orjson.loads(line)) for line in counted]
        except (OSError, ValueError, KeyError, TypeError):
            raise CorruptData(f"{path} is missing or damaged; start a new export", path=str(path)) from None
        if len(done) != count:
            raise CorruptData(f"{path} lacks shards that were done; start a new export", path=str(path))
        return cls(path, plan, done, len(head) + sum(map(len, counted)))

    def add(self, shard: ShardExport) -> None:
        """Appends the outcome of the plan's next shard, and cuts off any lines beyond it. Durable at return; raises
        StorageFull."""
        line = orjson.dumps(shard_json(shard)) + b"\n"
        with disk.explained(self._path), self._path.open("rb+") as file:
            file.truncate(self._size)
            file.seek(self._size)
            file.write(line)
            file.flush()
            disk.sync_file(file.fileno())
        self._size += len(line)
        self.done.append(shard)
