"""Why a hit has its distance: the share of each target vector, and of each query token of a multi-vector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weft.collection.shard import Shard
from weft.domain.query import Combination
from weft.service.search.targets import Target


def explain_distances(
    shard: Shard, targets: Sequence[Target], combination: Combination, doc_ids: Sequence[int]
) -> list[str]:
    """One text for each of ``doc_ids``: the exact distance to each target, and how they are combined."""
    ids = np.asarray(doc_ids, np.uint32)
    table = [shard.distances(target.vector.name, target.query, ids).tolist() for target in targets]
    return [
        "\n".join(
            _line(target, distances[i], combination, len(targets))
            for target, distances in zip(targets, table, strict=True)
        )
        for i in range(len(ids))
    ]


def _line(target: Target, distance: float, combination: Combination, count: int) -> str:
    kind = "MaxSim, negated," if target.vector.index.multivector is not None else "distance"
    text = f"Vector {target.vector.name}: {target.vector.index.metric} {kind} {distance:.6g}"
    if count == 1:
        return text
    if combination is Combination.MINIMUM:
        return f"{text}, the least of the targets counts"
    return f"{text}, weight {target.weight:g} ({combination})"
