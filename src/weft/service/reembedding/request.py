"""What a caller asks for, and what a re-embedding looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from weft.domain.errors import Invalid
from weft.domain.jobs import JobRecord, JobStatus
from weft.domain.json_values import JsonObject
from weft.modules.registry import Registry
from weft.service.schema.documents import Document, Stated
from weft.service.schema.revisions import Revision

KEPT_S = 7 * 24 * 3600.0

_CARRIED = frozenset(
    {"properties", "vectorizeClassName", "textFields", "imageFields", "audioFields", "videoFields", "weights"}
)
"""Settings of a module that say what is embedded; another module embeds the same unless it is said otherwise."""


@dataclass(frozen=True, slots=True)
class WantedVector:
    """Empty: as it is. ``settings``: of the module. Without anything, objects that have no vector get the one that they
    lack."""

    module: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    index_type: str = ""
    index_config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_as_it_is(self) -> bool:
        return not (self.module or self.settings or self.index_type or self.index_config)

    def entry(self, old: Stated | None, registry: Registry) -> Document:
        """The entry of the wanted vector, in place of ``old``; its defaults are left out."""
        if old is None:
            if not self.module:
                raise Invalid("the collection has no such vector; to add it, name the module that makes it")
            added: Document = {"vectorizer": {self.module: dict(self.settings)}}
            if self.index_type:
                added["vectorIndexType"] = self.index_type
            return added | ({"vectorIndexConfig": dict(self.index_config)} if self.index_config else {})
        ((module, settings),) = old["vectorizer"].items()
        wanted = self.module or module
        same = wanted == module
        kept = settings if same else {key: one for key, one in (settings or {}).items() if key in _CARRIED}
        entry: Document = {"vectorizer": {wanted: {**(kept or {}), **self.settings}}}
        entry["vectorIndexType"] = self.index_type or old["vectorIndexType"]
        index = dict(old.get("vectorIndexConfig", {})) if entry["vectorIndexType"] == old["vectorIndexType"] else {}
        if _is_multi(registry, wanted) != _is_multi(registry, module):
            index.pop("multivector", None)
        entry["vectorIndexConfig"] = {**index, **self.index_config}
        return entry


def _is_multi(registry: Registry, module: str) -> bool:
    return (
        module != "none"
        and registry.knows(module)
        and registry.is_vectorizer(module)
        and registry.is_multi_vector(module)
    )


def iso_time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class ReembeddingStage(StrEnum):
    """How far a re-embedding is: a job's status while there is one that has not ended, and these."""

    READY = "READY"
    """Complete; searches use the one before."""
    CUT_OVER = "CUT_OVER"
    """Searches use it; the one before is kept."""
    INCOMPLETE = "INCOMPLETE"
    """The job was lost, for instance because the collection was restored from a backup; start it again."""


@dataclass(frozen=True, slots=True)
class ReembeddingState:
    """``serving``: the entry of the vector that searches use; ``other``: the other revision, None where there is none.
    ``lacking``, ``other_lacking``: how many objects have no such vector, None: not counted. ``record``: of the last
    job."""

    collection: str
    vector: str
    serving: Stated
    other: Revision | None
    objects: int
    lacking: int | None
    other_lacking: int | None
    record: JobRecord | None

    @property
    def status(self) -> str:
        record = self.record
        if record is not None and not record.status.ended:
            return record.status.value
        if self.other is not None and self.other.state == "PREVIOUS":
            return ReembeddingStage.CUT_OVER.value
        if self.other is not None and (record is None or record.request.get("stored") != self.other.name):
            missing = self.other_lacking is None or self.other_lacking > (self.lacking or 0)
            return (ReembeddingStage.INCOMPLETE if missing else ReembeddingStage.READY).value
        if self.other is not None and record is not None and record.status is JobStatus.SUCCESS:
            return ReembeddingStage.READY.value
        return record.status.value if record is not None else JobStatus.SUCCESS.value

    @property
    def kept_until(self) -> str:
        """Until when the previous revision is kept, ISO 8601 in UTC; empty where there is none."""
        return iso_time(self.other.until_s) if self.other is not None and self.other.until_s else ""

    @property
    def report(self) -> JsonObject:
        return (self.record.cursor if self.record is not None else None) or {}
