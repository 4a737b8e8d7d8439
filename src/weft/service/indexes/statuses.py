"""Statuses: the indexes that each property of a collection has, and what is being done to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weft.service.indexes.migration import IndexName, MigrationType
from weft.service.indexes.planning import is_range
from weft.service.indexes.tasks import ReindexTask, TaskStatus
from weft.service.schema.documents import Stated


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """``task``: the latest one on the index, unless it ended well. ``tokenization`` is empty where there is none."""

    index: IndexName
    tokenization: str
    task: ReindexTask | None

    @property
    def status(self) -> str:
        """In Weaviate's words."""
        if self.task is None:
            return "ready"
        match self.task.status:
            case TaskStatus.FAILED:
                return "failed"
            case TaskStatus.CANCELLED:
                return "cancelled"
            case TaskStatus.STARTED if not self.task.progress:
                return "pending"
            case _:
                return "indexing"


def statuses(property: Stated, tasks: Sequence[ReindexTask]) -> list[IndexStatus]:
    """``tasks``: those of the collection, the latest first. An index that is switched off is listed while its latest
    task says something about it."""
    found = []
    for index in IndexName:
        if index is IndexName.RANGE_FILTERS and not is_range(property):
            continue
        task = _latest(index, property["name"], tasks)
        enabled = bool(property[index.flag])
        if enabled or task is not None:
            found.append(IndexStatus(index, _tokenization(property, index, enabled, task), task))
    return found


def _latest(index: IndexName, property: str, tasks: Sequence[ReindexTask]) -> ReindexTask | None:
    mine = [one for one in tasks if one.migration.property == property and index in one.migration.type.indexes]
    latest = next((one for one in mine if not one.status.ended), mine[0] if mine else None)
    return None if latest is None or latest.status is TaskStatus.FINISHED else latest


def _tokenization(property: Stated, index: IndexName, enabled: bool, task: ReindexTask | None) -> str:
    if task is not None and task.migration.type is MigrationType.ENABLE_SEARCHABLE:
        return task.migration.tokenization
    if not enabled or index is IndexName.RANGE_FILTERS:
        return ""
    return str(property.get("tokenization", ""))
