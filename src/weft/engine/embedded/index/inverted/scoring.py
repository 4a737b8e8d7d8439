"""BM25F over the segments of a view.

score = Σ idf(t) · repeats(t) · boost(p) · f / (f + k1 (1 − b + b L / avgL)) over the terms t and searched properties p,
f the term's frequency in p, L the number of p's tokens, avgL one number (``View.average_length``). Computed in float64,
given and compared as float32; ties go to the smaller doc_id. Source: the BM25F of the protocol's reference server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain.profile import note, took
from weft.domain.query import Keyword
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.inverted.question import Asked, Question, idf, understand
from weft.engine.embedded.index.inverted.segment import Postings, Segment, impact_table
from weft.engine.embedded.index.inverted.tail import docs_of, pairs_of
from weft.engine.embedded.index.inverted.view import View
from weft.engine.results import Matches

_NO_BITS = np.zeros(0, np.uint8)
_BLOCK = 128
_SEEK_COST = 8
"""Seeking one document in a list costs about as much as scoring so many postings in order."""


class _Lists:
    """The postings of the asked terms in one segment or in the tail."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.places: list[Postings] = []

    def add(self, number: int, place: Postings) -> None:
        self.asked.append(number)
        self.places.append(place)


def search(view: View, query: Keyword, k: int, allow: AllowList | None, live_count: int | None) -> Matches:
    with took("words_took"):
        question = understand(query, view)
    note("scoring", "maxscore" if question.minima is None else "gated")
    note("terms", len(question.asked))
    if k <= 0 or not question.asked or (allow is not None and not len(allow)):
        return _nothing()
    with took("postings_took"):
        found = [_in_segment(segment, question.asked) for segment in view.segments]
        tail, entries = _in_tail(view, question.asked)
        weights = _weigh(question, [*found, tail], view.count if live_count is None else live_count)
    with took("scores_took"):
        return _best(view, question, weights, found, tail, entries, k, allow)


def _best(
    view: View,
    question: Question,
    weights: npt.NDArray[np.float64],
    found: Sequence[_Lists],
    tail: _Lists,
    entries: Sequence[int],
    k: int,
    allow: AllowList | None,
) -> Matches:
    """The ``k`` best over the segments' lists and the tail's."""
    scores, ids = np.empty(k, np.float32), np.empty(k, np.uint32)
    size = 0
    config = view.config.inverted
    for segment, lists in zip(view.segments, found, strict=True):
        if lists.asked:
            impacts, ratio = segment.impacts(config.bm25_k1, config.bm25_b, question.average)
            size = _offer(
                question, weights, lists, allow, (segment.first, segment.after), ratio,
                segment.docs, segment.codes, impacts, segment.of_blocks, scores, ids, size,
            )  # fmt: skip
    if tail.asked:
        packed = np.fromiter(entries, np.uint64, len(entries))
        impacts = impact_table(pairs_of(packed), config.bm25_k1, config.bm25_b, question.average)
        docs, codes = docs_of(packed), np.arange(len(packed), dtype=np.uint32)
        blocks = np.ones(len(packed) // _BLOCK + 1, np.float32)
        for array in (docs, codes, blocks):
            array.setflags(write=False)
        size = _offer(
            question, weights, tail, allow, (view.tail.first, view.bound), 1.0,
            docs, codes, impacts, blocks, scores, ids, size,
        )  # fmt: skip
    from weft.engine.embedded.index.inverted.kernels import drain

    drain(scores, ids, size)
    return Matches(ids[:size], scores[:size])


def explain(view: View, query: Keyword, doc_ids: Sequence[int]) -> list[str]:
    """For each document ``, BM25F_<term>_frequency:<f>, BM25F_<term>_propLength:<L>`` for each term that it has.

    When several properties have a term, the last one searched is told.
    """
    question = understand(query, view)
    told: list[dict[str, tuple[int, int]]] = [{} for _ in doc_ids]
    for asked in question.asked:
        term = asked.token.decode("utf-8", "replace")
        for told_here, pair in zip(told, _pairs(view, asked, doc_ids), strict=True):
            if pair is not None:
                told_here[term] = (pair >> 20, pair & 0xFFFFF)
    return [
        "".join(f", BM25F_{term}_frequency:{f}, BM25F_{term}_propLength:{length}" for term, (f, length) in one.items())
        for one in told
    ]


def _nothing() -> Matches:
    return Matches(np.zeros(0, np.uint32), np.zeros(0, np.float32))


def _in_segment(segment: Segment, asked: Sequence[Asked]) -> _Lists:
    lists = _Lists()
    for number, one in enumerate(asked):
        place = segment.find(one.field, one.token)
        if place is not None:
            lists.add(number, place)
    return lists


def _in_tail(view: View, asked: Sequence[Asked]) -> tuple[_Lists, list[int]]:
    """The tail's lists, and all their entries one list after the other."""
    lists = _Lists()
    entries: list[int] = []
    for number, one in enumerate(asked):
        field = view.tail_field(one.field)
        more = field.entries(one.token, view.bound) if field is not None else None
        if more:
            lists.add(number, Postings(len(entries), len(entries) + len(more), 1.0))
            entries += more
    return lists, entries


def _weigh(question: Question, found: Sequence[_Lists], documents: int) -> npt.NDArray[np.float64]:
    """``(len(asked),)`` the weight of each asked term in its field."""
    frequencies = [0] * len(question.asked)
    for lists in found:
        for number, place in zip(lists.asked, lists.places, strict=True):
            frequencies[number] += place.end - place.start
    with_term: dict[tuple[int, bytes], list[int]] = {}
    for one, frequency in zip(question.asked, frequencies, strict=True):
        if frequency:
            with_term.setdefault((one.group, one.token), []).append(frequency)
    idfs = {key: idf(documents, sum(counts) / len(counts)) for key, counts in with_term.items()}
    return np.array([idfs.get((one.group, one.token), 0.0) * one.repeats * one.boost for one in question.asked])


def _offer(
    question: Question,
    weights: npt.NDArray[np.float64],
    lists: _Lists,
    allow: AllowList | None,
    reach: tuple[int, int],
    ratio: float,
    docs: npt.NDArray[np.uint32],
    codes: npt.NDArray[Any],
    impacts: npt.NDArray[np.float64],
    of_blocks: npt.NDArray[np.float32],
    scores: npt.NDArray[np.float32],
    ids: npt.NDArray[np.uint32],
    size: int,
) -> int:
    """Offers the documents ``reach[0]:reach[1]`` of one segment to the heap; returns its size."""
    from weft.engine.embedded.index.inverted import kernels

    places = np.array(lists.places)
    starts, ends = places[:, 0].astype(np.int64), places[:, 1].astype(np.int64)
    mine = weights[lists.asked]
    bits = _NO_BITS
    if allow is not None:
        if question.minima is None and len(allow) * _SEEK_COST * len(starts) < int((ends - starts).sum()):
            wanted = allow.ids[slice(*np.searchsorted(allow.ids, reach))]
            return int(kernels.best_among(docs, codes, impacts, starts, ends, mine, wanted, scores, ids, size))
        bits = allow.bits
    if question.minima is not None:
        asked = [question.asked[number] for number in lists.asked]
        gates = np.array([one.gate for one in asked])
        units = np.array([one.unit for one in asked])
        minima = np.array(question.minima)
        return int(
            kernels.best_gated(
                docs, codes, impacts, starts, ends, mine, gates, units, minima, allow is not None, bits,
                scores, ids, size,
            )
        )  # fmt: skip
    highest = places[:, 2].astype(np.float32)
    return int(
        kernels.best(
            docs, codes, impacts, of_blocks, starts, ends, mine, highest, ratio, allow is not None, bits,
            scores, ids, size,
        )
    )  # fmt: skip


def _pairs(view: View, asked: Asked, doc_ids: Sequence[int]) -> list[int | None]:
    """For each document the pair of the asked term; None where it lacks the term."""
    pairs: list[int | None] = [None] * len(doc_ids)
    for segment in view.segments:
        place = segment.find(asked.field, asked.token)
        if place is None:
            continue
        docs = segment.docs[place.start : place.end]
        for n, at in enumerate(np.searchsorted(docs, np.asarray(doc_ids, np.uint32)).tolist()):
            if at < len(docs) and docs[at] == doc_ids[n]:
                pairs[n] = int(segment.pairs[segment.codes[place.start + at]])
    field = view.tail_field(asked.field)
    if field is not None:
        recent = {entry >> 32: entry & 0xFFFFFFFF for entry in field.entries(asked.token, view.bound)}
        pairs = [recent.get(doc_id, pair) for doc_id, pair in zip(doc_ids, pairs, strict=True)]
    return pairs
