"""Labels by the nearest object that they may point to, without training (``zeroshot``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from weft.domain.objects import Reference, Vector
from weft.service.classification.labels import Candidates, given_vector


class ZeroShotLabels:
    """``targets``: of each property, the objects that it may point to, by collection."""

    def __init__(self, targets: Mapping[str, Sequence[Candidates]]) -> None:
        self._targets = targets

    def of(self, vector: Vector | None, text: str | None) -> Mapping[str, Reference]:
        """The nearest target of each property that has one; of several as near, that of the collection named first."""
        vector = given_vector(vector)
        found: dict[str, Reference] = {}
        for property, targets in self._targets.items():
            best = float("inf")
            for one in targets:
                near = one.nearest(vector, 1)
                if len(near.doc_ids) and near.distances[0] < best:
                    best = float(near.distances[0])
                    (uuid,) = one.view.uuids(near.doc_ids.tolist())
                    found[property] = Reference(one.view.config.name, uuid, figures={})
        return found
