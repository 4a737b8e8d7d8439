"""The state of an export, stored beside its files.

export_metadata.json   the state, replaced at the end; JSON, with Weaviate's names for the outcome of each shard
*.parquet              see `parquet`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

import orjson

from weft.domain.errors import CorruptData
from weft.domain.jobs import JobStatus
from weft.domain.json_values import JsonObject, JsonValue
from weft.jobs.backends.backend import BlobFolder

METADATA = "export_metadata.json"


class ShardExportStatus(StrEnum):
    TRANSFERRING = "TRANSFERRING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


@dataclass(frozen=True, slots=True)
class ShardExport:
    """The outcome of one shard so far. ``skipped``: why it has no files."""

    status: ShardExportStatus = ShardExportStatus.TRANSFERRING
    objects: int = 0
    error: str = ""
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class ExportState:
    """``status`` is WAITING until the end; ``shards``: by collection and name; ``server``: the one that wrote it. Times
    are ISO 8601 in UTC; ``completed_at`` is empty until the end."""

    id: str
    backend: str
    server: str
    status: JobStatus
    started_at: str
    classes: tuple[str, ...]
    completed_at: str = ""
    error: str = ""
    shard_status: Mapping[str, Mapping[str, ShardExport]] = field(default_factory=dict)


def write_export_state(folder: BlobFolder, state: ExportState) -> None:
    shards = {name: {s: shard_json(one) for s, one in of.items()} for name, of in state.shard_status.items()}
    flat = asdict(state) | {"status": state.status.outcome, "shard_status": shards}
    folder.put(METADATA, orjson.dumps(flat))


def read_export_state(folder: BlobFolder) -> ExportState | None:
    """None when there is no export. Raises CorruptData."""
    raw = folder.get(METADATA)
    if raw is None:
        return None
    try:
        given = orjson.loads(raw)
        values: dict[str, Any] = {one.name: given[one.name] for one in fields(ExportState)}
        values["status"] = JobStatus.of_outcome(values["status"])
        values["classes"] = tuple(values["classes"])
        values["shard_status"] = {
            name: {s: shard_of_json(one) for s, one in of.items()} for name, of in values["shard_status"].items()
        }
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
        path = f"{folder.home}/{METADATA}"
        raise CorruptData(f"{path} is damaged; start a new export with another id", path=path) from None
    return ExportState(**values)


def shard_json(shard: ShardExport) -> JsonObject:
    """Weaviate's form, which ``shard_of_json`` reads."""
    found: dict[str, JsonValue] = {"status": shard.status.value, "objectsExported": shard.objects}
    found |= {"error": shard.error} if shard.error else {}
    return found | ({"skipReason": shard.skipped} if shard.skipped else {})


def shard_of_json(given: Mapping[str, Any]) -> ShardExport:
    """Raises KeyError, ValueError."""
    status = ShardExportStatus(given["status"])
    return ShardExport(status, given["objectsExported"], given.get("error", ""), given.get("skipReason", ""))
