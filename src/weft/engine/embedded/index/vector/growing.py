"""Growing: the part that upkeep is building, with the labels of its objects; never searched.

What is served is a copy on disk, which is mapped (``snapshot.py``): a search never meets what is being added to, and
the memory of this one can be given back at any time.
"""

from __future__ import annotations

from time import monotonic

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.engine.embedded.index.arrays import I32
from weft.engine.embedded.index.vector import snapshot
from weft.engine.embedded.index.vector.block import Block, StepSize
from weft.engine.embedded.index.vector.builder import CodesBuilder, GraphBuilder
from weft.engine.embedded.index.vector.frozen import Built, Shape
from weft.engine.embedded.index.vector.graph import Graph
from weft.engine.embedded.index.vector.labels import NO_LABELS, IndexLabels, LabelNumbers, prints_of
from weft.engine.embedded.index.vector.snapshot import SnapshotFolder
from weft.engine.embedded.index.vector.training import Check
from weft.engine.embedded.storage.rows import RowNumbers, VectorRows, set_of
from weft.engine.results import DocIds


class Growing:
    """One thread at a time."""

    def __init__(self, shape: Shape, dims: int, built: Built | None = None) -> None:
        """``built``: what is continued; nothing of it is read before vectors are added."""
        self.shape = shape
        self.dims = dims
        self.published = built
        """The copy on disk; its labels are the first of these."""
        self.until = built.until if built is not None else 0
        """Every object below this doc_id has a label, or is dead."""
        labels = built.labels if built is not None else NO_LABELS
        self._size = len(labels)
        self._doc_ids: DocIds = np.array(labels.doc_ids, np.uint32)
        self._prints = np.array(labels.prints, np.uint64)
        self._graph: GraphBuilder | None = None
        self._codes: CodesBuilder | None = None
        self._block: Block | None = None
        self._step_size = StepSize()
        self.added = 0
        """How many vectors have been put in here."""
        self.objects = set_of(labels.doc_ids)
        """The doc_ids of the labels, without those of a block that is not done."""

    def __len__(self) -> int:
        return self._size

    @property
    def labels(self) -> IndexLabels:
        return IndexLabels(self._doc_ids[: self._size], self._prints[: self._size])

    @property
    def size_bytes(self) -> int:
        """On the heap."""
        graph = self._graph.size_bytes if self._graph is not None else 0
        return graph + self._doc_ids.nbytes + self._prints.nbytes

    @property
    def is_waiting(self) -> bool:
        """Whether something of what was chosen is still to be put in."""
        return self._block is not None

    @property
    def unpublished(self) -> bool:
        """Whether the copy on disk lacks something."""
        return self.until != (self.published.until if self.published is not None else 0)

    def reused(self, live: BitMap, rows: VectorRows, chosen: RowNumbers, check: Check) -> LabelNumbers:
        """``(m,)``: for each of the ``chosen (m,)`` a label of its own of the same vector whose object is not in
        ``live``; -1 where there is none."""
        free = self.labels.free(live)
        if not len(free):
            return np.full(len(chosen), -1, np.int64)
        return self.labels.reused(free, prints_of(rows.vectors, chosen, check))

    def choose(
        self, rows: VectorRows, end: int, chosen: RowNumbers, reused: LabelNumbers, most: int, check: Check
    ) -> None:
        """Decides what ``take`` puts in: of the ascending rows ``chosen (m,)``, those from ``until`` to ``end`` that
        live, the first, among which are about ``most`` that have no label in ``reused (m,)``.

        Those that have one take it over at once, and nothing is built for them. Raises what ``check`` raises; this
        cannot be used any more then.
        """
        new = np.cumsum(reused < 0)
        count = len(chosen) if not len(new) or new[-1] <= most else int(np.searchsorted(new, most)) + 1
        part, same = chosen[:count], reused[:count]
        again = same >= 0
        self._doc_ids[same[again]] = rows.doc_ids[part[again]]
        fresh = rows.doc_ids[part[~again]]
        levels = self._levels(rows, len(fresh), chosen, check) if len(fresh) else None
        last = part[-1] if count < len(chosen) else end - 1
        self._block = Block(fresh, levels, int(rows.doc_ids[last]) + 1)

    def take(self, rows: VectorRows, live: BitMap, until_s: float, check: Check) -> None:
        """Puts in what was chosen and still lives, as much as there is time for before ``until_s``, by ``monotonic``.

        Raises what ``check`` raises; this cannot be used any more then.
        """
        block = self._block
        assert block is not None, "something was chosen"
        while not block.is_done:
            check()
            began_s = monotonic()
            doc_ids, levels = block.next(self._step_size.rows)
            places = rows.find(doc_ids)
            there = (places >= 0) & np.fromiter((one in live for one in doc_ids.tolist()), np.bool_, len(doc_ids))
            if there.any():
                self._add(rows, places[there], None if levels is None else levels[there], check)
            ended_s = monotonic()
            self._step_size.took(ended_s - began_s)
            if ended_s >= until_s and not block.is_done:
                return
        self._block, self.until = None, block.until
        self.objects = set_of(self.labels.doc_ids)

    def publish(self, folder: SnapshotFolder, check: Check) -> Built:
        """Writes all that this has to ``folder``, a FAISS index only if it has grown. Raises StorageFull, and what
        ``check`` raises; the earlier copy then remains valid."""
        graph: GraphBuilder | Graph | None = self._graph
        published = self.published
        if published is not None and published.graph is not None and published.graph.size == self._size:
            graph = published.graph
        codes = published.codes if published is not None else None
        if isinstance(graph, GraphBuilder):
            codes = graph.codes
        if self._codes is not None:
            codes = self._codes.codes
        built = Built(self.shape, self.labels, self.until, self.dims, None, codes)
        built = snapshot.save(folder, built, graph, check)
        self.published = built
        self._codes = None  # the copy on disk is mapped, and continued
        return built

    def _levels(self, rows: VectorRows, count: int, chosen: RowNumbers, check: Check) -> I32 | None:
        """Of ``count`` vectors that are put in next; what is the first in a graph is trained on the ``chosen`` rows."""
        if self.shape.recipe is None:
            return None
        built = self.published
        if self._graph is None and built is not None and built.graph is not None:
            self._graph = GraphBuilder.resumed(built.graph, built.codes)
        elif self._graph is None:
            self._graph = GraphBuilder.trained(self.shape.recipe, rows.vectors, chosen, check)
        return self._graph.draw_levels(count)

    def _add(self, rows: VectorRows, new: RowNumbers, levels: I32 | None, check: Check) -> None:
        """Puts the rows ``new (n,)`` in, whose levels are ``levels (n,)`` if there are any."""
        vectors = rows.vectors[new]
        built = self.published
        if self._graph is None:
            if self._codes is None:
                self._codes = CodesBuilder(self.shape, self.dims, built.codes if built is not None else None)
            self._codes.add(vectors)
        else:

            def stored(start: int, stop: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
                places = rows.find(self._doc_ids[start:stop])
                there = places >= 0
                return rows.vectors[places[there]], there

            self._graph.add(vectors, levels, stored, check)
        self._append(rows.doc_ids[new], prints_of(rows.vectors, new))
        self.added += len(new)

    def _append(self, doc_ids: DocIds, prints: npt.NDArray[np.uint64]) -> None:
        size = self._size + len(doc_ids)
        if size > len(self._doc_ids):
            capacity = max(size, 3 * len(self._doc_ids) // 2)
            self._doc_ids = np.resize(self._doc_ids, capacity)
            self._prints = np.resize(self._prints, (capacity, 2))
        self._doc_ids[self._size : size] = doc_ids
        self._prints[self._size : size] = prints
        self._size = size
