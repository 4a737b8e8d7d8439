"""The frozen part of an index: codes or a FAISS index, and the rows that its labels stand for."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.domain.schema import Metric
from weft.engine.embedded.index.vector.codes import ByteCodes, Codes
from weft.engine.embedded.index.vector.graph import Graph, Recipe
from weft.engine.embedded.index.vector.labels import IndexLabels, LabelNumbers
from weft.engine.embedded.storage.rows import RowNumbers, VectorRows, set_of


@dataclass(frozen=True, slots=True)
class Shape:
    """The kind of frozen part of a configuration: a FAISS index by ``recipe``, or codes (``bytes`` or bits)."""

    metric: Metric
    recipe: Recipe | None
    codes: str
    """``bytes``, ``bits``, ``rotated-bits`` or ``none`` (exact float32 scans, nothing to freeze)."""

    @property
    def name(self) -> str:
        return self.recipe.name if self.recipe else f"{self.codes}/{self.metric.value}"


@dataclass(frozen=True, slots=True)
class Built:
    """What was built, whatever the rows of its objects are: those change when the vectors are compacted."""

    shape: Shape
    labels: IndexLabels
    until: int
    """Every object below this doc_id has a label, or was dead when this was built."""
    dims: int
    graph: Graph | None
    codes: Codes | None

    @property
    def size_bytes(self) -> int:
        """In memory or mapped, without the labels."""
        if self.graph is None:
            return self.codes.size_bytes if self.codes is not None else 0
        return self.graph.size_bytes + (self.codes.squares.nbytes if isinstance(self.codes, ByteCodes) else 0)


@dataclass(frozen=True, slots=True)
class Frozen:
    """``built`` over the rows of one generation; accounts for the rows ``[0, covered)``."""

    built: Built
    covered: int
    to_row: RowNumbers = field(default_factory=lambda: np.zeros(0, np.int64))
    """``(n,)`` the row of each label, -1 where it is gone; empty: label and row are the same."""
    to_label: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    """``(covered,)`` the label of each row, -1 where it has none; empty as ``to_row`` is."""
    present: LabelNumbers | None = None
    """The labels that have a row; None: all."""
    objects: BitMap = field(default_factory=BitMap)
    """The doc_ids of all labels."""

    @classmethod
    def over(cls, built: Built, rows: VectorRows) -> Frozen | None:
        """None if no label has a row."""
        doc_ids = built.labels.doc_ids
        covered = int(np.searchsorted(rows.doc_ids, built.until))
        if covered == 0:
            return None
        objects = set_of(doc_ids)
        if covered == len(doc_ids) and np.array_equal(doc_ids, rows.doc_ids[:covered]):
            return cls(built, covered, objects=objects)
        to_row = rows.find(doc_ids)
        present = np.flatnonzero(to_row >= 0)
        if not len(present):
            return None
        to_label = np.full(covered, -1, np.int32)
        to_label[to_row[present]] = present
        return cls(built, covered, to_row, to_label, present if len(present) < len(to_row) else None, objects)

    @property
    def shape(self) -> Shape:
        return self.built.shape

    @property
    def graph(self) -> Graph | None:
        return self.built.graph

    @property
    def codes(self) -> Codes | None:
        return self.built.codes

    @property
    def size(self) -> int:
        return len(self.built.labels)

    @property
    def labels_bytes(self) -> int:
        labels = self.built.labels
        return labels.doc_ids.nbytes + labels.prints.nbytes + self.to_row.nbytes + self.to_label.nbytes

    def labels(self, rows: RowNumbers) -> LabelNumbers:
        """``(m,)``: the labels of those of the ascending ``rows (n,)`` that are here."""
        rows = rows[: np.searchsorted(rows, self.covered)]
        if not len(self.to_label):
            return rows
        labels = self.to_label[rows].astype(np.int64)
        found: LabelNumbers = labels[labels >= 0]
        return found

    def rows(self, labels: LabelNumbers) -> RowNumbers:
        """``(n,)``: the row of each of ``labels (n,)``, all of which have one."""
        return self.to_row[labels] if len(self.to_row) else labels
