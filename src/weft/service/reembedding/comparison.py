"""Comparison: what the same queries find by two revisions of a vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.domain.objects import format_uuid
from weft.domain.schema import VectorConfig
from weft.engine.part import Part
from weft.engine.view import View
from weft.modules.registry import Registry
from weft.service.fingerprints import other_model

MOST_QUERIES = 1_000


@dataclass(frozen=True, slots=True)
class ComparedQuery:
    """The ids that each revision finds, the best first. ``overlap``: the share that both have."""

    query: str
    serving: Sequence[str]
    other: Sequence[str]
    overlap: float


@dataclass(frozen=True, slots=True)
class RevisionComparison:
    """``overlap``: the mean of the queries that found anything."""

    limit: int
    queries: Sequence[ComparedQuery]

    @property
    def overlap(self) -> float:
        found = [one.overlap for one in self.queries if one.serving or one.other]
        return float(np.mean(found)) if found else 1.0


def compare(
    registry: Registry,
    part: Part,
    revisions: tuple[VectorConfig, VectorConfig],
    queries: Sequence[str],
    limit: int,
    caller: Caller,
) -> RevisionComparison:
    """Raises Invalid for queries that cannot be embedded."""
    if not queries or len(queries) > MOST_QUERIES:
        raise Invalid(f"send from 1 to {MOST_QUERIES} queries, not {len(queries)}")
    view = part.view()
    found = []
    for query in queries:
        ours, theirs = (_nearest(registry, part, view, one, query, limit, caller) for one in revisions)
        shared = len(set(ours) & set(theirs)) / max(len(ours), len(theirs), 1)
        found.append(ComparedQuery(query, ours, theirs, shared))
    return RevisionComparison(limit, found)


def _nearest(
    registry: Registry, part: Part, view: View, vector: VectorConfig, query: str, limit: int, caller: Caller
) -> list[str]:
    if vector.vectorizer == "none":
        raise Invalid(
            f"vector {vector.public_name!r} is sent by callers in one of the revisions, so no text can be searched"
        )
    module = registry.vectorizer(vector.vectorizer)
    foreign = other_model(part, vector, module.fingerprint(vector.settings))
    if foreign is not None:
        raise foreign
    asked = np.ascontiguousarray(module.embed_query([query], vector.settings, caller), np.float32)
    if view.dims(vector.name) is None:
        return []
    doc_ids = view.nearest(vector.name, asked, limit, None, None).doc_ids.tolist()
    return [format_uuid(uuid) for uuid in view.uuids(doc_ids)]
