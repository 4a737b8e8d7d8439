"""Labels by a vote of the nearest objects that have one (``knn``).

The training set is what was labelled when the classification began: what it labels itself does not vote.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np

from weft.domain.classification import LabelFigures
from weft.domain.errors import Invalid
from weft.domain.objects import Reference, Vector, format_uuid
from weft.domain.schema import CollectionConfig
from weft.engine.record import Record
from weft.service.classification.labels import Candidates, given_vector


class KnnLabels:
    """``training``: the objects that vote, each with a label."""

    def __init__(self, training: Candidates, properties: Sequence[str], k: int) -> None:
        self._training = training
        self._properties = properties
        self._k = k

    def of(self, vector: Vector | None, text: str | None) -> Mapping[str, Reference]:
        """The winning label of each property, with how clear it is; none where there is no training set."""
        vector = given_vector(vector)
        view, name, _ = self._training
        near = self._training.nearest(vector, self._k).doc_ids.tolist()
        distances = [half_cosine(vector, one) for one in view.vectors(name, near)]
        records = view.records(near)
        found: dict[str, Reference] = {}
        for property in self._properties if near else ():
            labels = [_only_label(view.config, property, one) for one in records]
            label, figures = winner(list(zip(labels, distances, strict=True)))
            found[property] = replace(label, figures=figures)
        return found


def _only_label(config: CollectionConfig, property: str, record: Record) -> Reference:
    label = record.references.get(property, ())
    if len(label) != 1:
        raise Invalid(
            "a knn training data object needs to have exactly one label: "
            f"{property} of {config.name}/{format_uuid(record.uuid)} has {len(label)} references"
        )
    targets = config.by_name[property].target_collections
    return label[0] if label[0].collection or len(targets) > 1 else replace(label[0], collection=targets[0])


def winner(votes: Sequence[tuple[Reference, float]]) -> tuple[Reference, LabelFigures]:
    """The label that most of ``votes``, one at least, are for, each with its distance; on a tie the one with the
    nearest vote, and then the one that comes first."""
    by_label: dict[Reference, list[float]] = defaultdict(list)
    for label, distance in votes:
        by_label[label].append(distance)
    label = max(by_label, key=lambda one: (len(by_label[one]), -min(by_label[one])))
    won = by_label.pop(label)
    lost = [distance for distances in by_label.values() for distance in distances]
    figures = {
        "overallCount": len(votes),
        "winningCount": len(won),
        "losingCount": len(lost),
        "closestOverallDistance": min(won + lost),
        "closestWinningDistance": min(won),
        "meanWinningDistance": fmean(won),
        "winningDistance": fmean(won),
    }
    if lost:
        figures |= {
            "closestLosingDistance": min(lost),
            "meanLosingDistance": fmean(lost),
            "losingDistance": fmean(lost),
        }
    return label, figures


def half_cosine(one: Vector, other: Vector | None) -> float:
    """Half of the cosine distance of ``(d,)`` and ``(d,)``: 0 to 1; 0.5 where one has no direction."""
    assert other is not None
    a, b = one.astype(np.float64), other.astype(np.float64)
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    cosine = float(a @ b) / lengths if lengths else 0.0
    return float(np.float32(min(max((1 - cosine) / 2, 0), 1)))
