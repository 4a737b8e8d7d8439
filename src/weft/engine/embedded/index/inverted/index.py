"""InvertedIndex: which documents contain these words, and how well they match (BM25F).

Postings lie in segments (immutable, ascending ranges of doc_ids): on disk up to the last ``checkpoint`` or
``maintain``, in memory after it, and in the tail for the newest few documents. A larger batch becomes a segment
immediately; neighbouring segments in memory are merged as they grow, so that few of them are searched. Files are
checked at open, and ignored from the first damage on: ``covered`` says from where storage must be replayed.

One thread calls ``add``, ``configure`` and ``checkpoint``; another may call ``maintain`` concurrently; any number read.
"""

from __future__ import annotations

import threading
from collections.abc import Container, Iterable, Sequence
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path

from pyroaring import BitMap

from weft.domain.objects import Properties
from weft.domain.query import Keyword
from weft.domain.schema import CollectionConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.held import Held
from weft.engine.embedded.index.inverted import lookups, scoring
from weft.engine.embedded.index.inverted.batch import encode, segment_of
from weft.engine.embedded.index.inverted.fields import fields_of, unindexed
from weft.engine.embedded.index.inverted.folder import SegmentFolder
from weft.engine.embedded.index.inverted.lookups import TermSets
from weft.engine.embedded.index.inverted.merge import MergeAbandoned, merge
from weft.engine.embedded.index.inverted.segment import Segment
from weft.engine.embedded.index.inverted.statistics import Population
from weft.engine.embedded.index.inverted.tail import PostingsTail
from weft.engine.embedded.index.inverted.view import InvertedView
from weft.engine.embedded.index.liveness import possibly_live
from weft.engine.embedded.index.ties import BY_DOC_ID, Ties
from weft.engine.results import Matches, WordShare
from weft.files.lineage import UNKNOWN, Origin

_SMALL_BATCH = 64
"""Documents up to which a batch goes to the tail: a segment costs about a millisecond to begin with."""
_TAIL_LIMIT = 512
_TOKEN_BYTES = 300
"""Of a token of the tail, with its few entries."""
_FREEZE_POSTINGS = 8_000_000
"""Postings in memory (8 bytes each) from which ``maintain`` writes them to disk."""
_SEGMENTS_ON_DISK = 6
_DEAD_SHARE = 0.2
"""A segment is rewritten when more than this share of its documents is dead."""


class InvertedIndex:
    """The inverted index of one shard, in ``folder``. ``followed``: another process writes the folder; this index takes
    changes in, but is never given to upkeep or written. ``origin``: the store."""

    def __init__(
        self, folder: Path, config: CollectionConfig, *, followed: bool = False, origin: Origin = UNKNOWN
    ) -> None:
        self._lock = threading.Lock()
        self._upkeep = threading.Lock()
        self._closed = False
        self._sets = TermSets()
        self._fields = fields_of(config)
        self._config = config
        self._folder = SegmentFolder(folder, followed=followed, origin=origin)
        self._segments = self._folder.load(self._fields, unindexed(config))
        self._count = sum(segment.count for segment in self._segments)
        self._tail = PostingsTail(self._segments[-1].after if self._segments else 0)
        self._bound = self._tail.first
        self._publish()

    @property
    def covered(self) -> int:
        """Every doc_id below it has been added."""
        return self._view.bound

    # -- writing

    def serves(self, config: CollectionConfig) -> bool:
        """Whether ``configure`` can apply it: no property is tokenised otherwise, or indexed that was not."""
        return all(
            field.fingerprint == self._fields[name].fingerprint
            if name in self._fields
            else name not in self._config.by_name
            for name, field in fields_of(config).items()
        )

    def configure(self, config: CollectionConfig) -> None:
        """Applies stop words, k1, b, new properties and dropped indexes; ``maintain`` frees the space of the latter.

        For a configuration that it does not serve, open another index.
        """
        assert self.serves(config), "opened for another configuration"
        fields = fields_of(config)
        same = fields.keys() == self._fields.keys()  # then a merge that is under way is of these, too
        with nullcontext() if same else self._upkeep, self._lock:
            self._fields, self._config = fields, config
            self._publish()
            if not same:
                self._write_manifest()

    def add(self, doc_ids: Sequence[int], properties: Sequence[Properties]) -> None:
        """Adds documents, doc_ids ascending; those below ``covered`` are already present and are skipped."""
        if len(doc_ids) and doc_ids[0] < self._bound:
            new = [n for n, doc_id in enumerate(doc_ids) if doc_id >= self._bound]
            doc_ids, properties = [doc_ids[n] for n in new], [properties[n] for n in new]
        if not len(doc_ids):
            return
        assert len(doc_ids) == len(properties), "one properties each"
        assert all(a < b for a, b in pairwise(doc_ids)), "doc_ids must ascend"
        if len(doc_ids) <= _SMALL_BATCH:
            for doc_id, values in zip(doc_ids, properties, strict=True):
                self._tail.add(doc_id, values, self._fields)
            with self._lock:
                self._bound = doc_ids[-1] + 1
                self._publish()
            if len(self._tail.members) >= _TAIL_LIMIT:
                self._absorb([self._tail.segment()])
            return
        recent = [self._tail.segment()] if self._tail.members else []
        self._absorb([*recent, segment_of(self._bound, doc_ids, properties, self._fields)])

    def checkpoint(self, live: BitMap) -> None:
        """Writes what is in memory to disk, leaving dead documents out; durable at return."""
        if self._tail.members:
            self._absorb([self._tail.segment()])
        with self._upkeep:
            self._freeze([s for s in self._segments if s.file is None], live)

    def maintain(self, live: BitMap) -> bool:
        """One step of upkeep, concurrent with queries and writes: freeze, merge or purge; True if it did anything."""
        with self._upkeep:
            if self._closed:
                return False
            segments = self._segments
            live = possibly_live(live, segments[-1].after if segments else 0)
            unwritten = [s for s in segments if s.file is None]
            if sum(len(s.docs) for s in unwritten) >= _FREEZE_POSTINGS:
                self._freeze(unwritten, live)
                return True
            run = _next_merge([s for s in segments if s.file is not None], live, self._fields)
            if not run:
                return False
            try:
                merged = merge(run, live, self._fields, self._go_on)
            except MergeAbandoned:
                return False
            self._folder.write(merged)
            with self._lock:
                self._swap(run, [merged])
                self._write_manifest()
            return True

    def held(self) -> Held:
        view = self._view
        tail = sum(len(list(field.postings)) * _TOKEN_BYTES for field in list(view.tail.fields.values()))
        impacts = [array for one in view.segments for pair in list(one._impacts.values()) for array in pair]
        arrays = [array for one in view.segments for array in one.arrays()]
        return Held(arrays, [*self._sets.kept(), *impacts], tail)

    def _go_on(self) -> None:
        if self._closed:
            raise MergeAbandoned

    def close(self) -> None:
        """Ends upkeep; a running merge is given up. A closed index still answers readers that hold it."""
        self._closed = True
        with self._upkeep:
            pass

    # -- reading

    def search(
        self,
        query: Keyword,
        k: int,
        within: AllowList | None,
        population: Population | None = None,
        ties: Ties = BY_DOC_ID,
    ) -> Matches:
        """The best ``k`` documents of ``within`` (None: of ``population``) by BM25F; equal ones by ``ties``.

        Its statistics are those of ``population``; by default of all documents here, dead ones included until they are
        merged away. Raises Invalid for unknown or unsearchable properties.
        """
        view = self._view
        return scoring.search(view, query, k, within, view.whole if population is None else population, ties)

    def explain(self, query: Keyword, doc_ids: Sequence[int]) -> list[str]:
        """For each document ``, BM25F_<term>_frequency:<f>, BM25F_<term>_propLength:<L>`` for each term it has."""
        return scoring.explain(self._view, query, doc_ids)

    def shares(self, query: Keyword, doc_id: int, population: Population | None = None) -> list[WordShare]:
        """What each word adds to the document's score, by the statistics of ``population`` as in ``search``."""
        view = self._view
        return scoring.shares(view, query, doc_id, view.whole if population is None else population)

    def documents(self, property: str, token: str) -> BitMap:
        """Those whose property has exactly this token, live or dead."""
        return self._sets.documents(self._view, property, encode(token))

    def matching(self, property: str, pattern: str) -> BitMap:
        """Those that fit a Like pattern, live or dead."""
        return lookups.matching(self._view, property, pattern, self._sets)

    def range(self, property: str, low: str | None, high: str | None, include_low: bool, include_high: bool) -> BitMap:
        """Those with a token between the ends (None: without end) in byte order, live or dead."""
        return lookups.between(self._view, property, low, high, include_low, include_high)

    def with_any(self, property: str) -> BitMap:
        """Those whose property has any token, live or dead."""
        return lookups.with_any(self._view, property)

    def tokens(self, property: str) -> Iterable[str]:
        """All tokens of the property, ascending in byte order."""
        return lookups.tokens(self._view, property)

    def analyze(self, property: str, text: str) -> list[str]:
        """The tokens of ``text`` as the property is tokenised, stop words included."""
        return self._view.field(property).tokens(text)

    def stopwords(self, property: str) -> frozenset[str]:
        """The words that queries of the property ignore; empty unless it is tokenised by ``word``."""
        return self._view.field(property).stopwords

    # -- inside; all but _freeze and _absorb with self._lock held

    def _publish(self) -> None:
        self._view = InvertedView(
            self._config,
            self._fields,
            self._segments,
            self._tail,
            self._bound,
            Population(None, self._bound, self._count + len(self._tail.members)),
        )

    def _replace(self, segments: tuple[Segment, ...], tail: PostingsTail, bound: int) -> None:
        self._segments, self._tail, self._bound = segments, tail, bound
        self._count = sum(segment.count for segment in segments)
        self._publish()

    def _swap(self, run: Sequence[Segment], by: Sequence[Segment]) -> None:
        at = self._segments.index(run[0])
        assert tuple(run) == self._segments[at : at + len(run)], "segments change only under upkeep"
        segments = (*self._segments[:at], *by, *self._segments[at + len(run) :])
        self._replace(segments, self._tail, self._bound)

    def _absorb(self, recent: Sequence[Segment]) -> None:
        """Segments that take the tail's place; neighbours in memory merge when the newer is not much smaller."""
        held = self._upkeep.acquire(blocking=False)
        segments = [*self._segments, *recent]
        if held:
            try:
                segments = _tiered(segments, self._fields)
                with self._lock:
                    self._replace(tuple(segments), PostingsTail(segments[-1].after), segments[-1].after)
            finally:
                self._upkeep.release()
            return
        with self._lock:
            segments = [*self._segments, *recent]
            self._replace(tuple(segments), PostingsTail(segments[-1].after), segments[-1].after)

    def _freeze(self, run: Sequence[Segment], live: BitMap) -> None:
        """Writes ``run``, the segments that are only in memory, as one."""
        if not run:
            return
        frozen = merge(run, live, self._fields)
        self._folder.write(frozen)
        with self._lock:
            self._swap(run, [frozen])
            self._write_manifest()

    def _write_manifest(self) -> None:
        written = [segment for segment in self._segments if segment.file is not None]
        self._folder.publish(written, self._fields, unindexed(self._config))
        self._folder.sweep({segment.file for segment in written})


def _tiered(segments: list[Segment], names: Iterable[str]) -> list[Segment]:
    """The newest segments in memory merged until each is at least twice as large as the next one."""
    first = len(segments) - 1
    size = len(segments[first].docs)
    while first > 0 and segments[first - 1].file is None and len(segments[first - 1].docs) < 2 * size:
        first -= 1
        size += len(segments[first].docs)
    if first == len(segments) - 1:
        return segments
    return [*segments[:first], merge(segments[first:], None, frozenset(names))]


def _next_merge(segments: Sequence[Segment], live: BitMap, names: Container[str]) -> list[Segment]:
    """The neighbours on disk that are worth merging now: the smallest pair when there are many, else one to purge of
    dead documents or of properties that have no index any more."""
    if len(segments) > _SEGMENTS_ON_DISK:
        at = min(range(len(segments) - 1), key=lambda i: len(segments[i].docs) + len(segments[i + 1].docs))
        return list(segments[at : at + 2])
    for segment in segments:
        dead = segment.count - segment.members.intersection_cardinality(live)
        if dead > _DEAD_SHARE * segment.count or any(name not in names for name in segment.fields):
            return [segment]
    return []
