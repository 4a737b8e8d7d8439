"""Lookups for filters: the documents of a token, of a pattern, of a range of tokens.

Tokens compare by their UTF-8 bytes. Results include dead documents, and belong to the caller.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.domain.deadline import check, checked
from weft.engine.embedded.index.arrays import I64, U8
from weft.engine.embedded.index.filter.bitmaps import from_ids
from weft.engine.embedded.index.inverted.batch import encode
from weft.engine.embedded.index.inverted.segment import Segment, SegmentField
from weft.engine.embedded.index.inverted.view import InvertedView
from weft.engine.text.stopwords import OnlyStopwords

_AT_ONCE = 1024
_STEPS = 20_000_000
"""Between two looks at the deadline: tokens, and steps along them."""
_KEPT = 512
_WORTH_KEEPING = 1000
"""From this many postings on, making a bitmap costs more than caching it."""


class TermSets:
    """The bitmaps of terms that are often looked up, over the segments that they were made from."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, bytes], tuple[tuple[Segment, ...], BitMap]] = {}

    def kept(self) -> list[BitMap]:
        return [bitmap for _, bitmap in list(self._kept.values())]

    def documents(self, view: InvertedView, name: str, token: bytes) -> BitMap:
        """The documents whose property has the token; raises Invalid for a property without an index."""
        view.field(name)
        kept = self._kept.get((name, token))
        if kept is not None and kept[0] is view.segments:
            found = kept[1].copy()
        else:
            found = self._from_segments(view, name, token)
        field = view.tail_field(name)
        if field is not None:
            found.update(entry >> 32 for entry in field.entries(token, view.bound))
        return found

    def _from_segments(self, view: InvertedView, name: str, token: bytes) -> BitMap:
        found = BitMap()
        for segment in view.segments:
            place = segment.find(name, token)
            if place is not None:
                found |= from_ids(segment.docs[place.start : place.end])
        if len(found) >= _WORTH_KEEPING:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[name, token] = (view.segments, found.copy())
        return found


def matching(view: InvertedView, name: str, pattern: str, sets: TermSets) -> BitMap:
    """Like: the documents in which each word of the pattern fits some token, ``?`` and ``*`` standing for characters.

    Raises Invalid when the pattern has no words.
    """
    words = view.field(name).patterns(pattern)
    if not words:
        raise OnlyStopwords
    found: BitMap | None = None
    for word in checked(dict.fromkeys(words)):
        wild = "?" in word or "*" in word
        these = _fitting(view, name, word) if wild else sets.documents(view, name, encode(word))
        found = these if found is None else found & these
    assert found is not None
    return found


def between(
    view: InvertedView, name: str, low: str | None, high: str | None, include_low: bool, include_high: bool
) -> BitMap:
    """The documents with a token from ``low`` to ``high`` (None: without end)."""
    view.field(name)
    least, most = (None if end is None else encode(end) for end in (low, high))

    def inside(token: bytes) -> bool:
        above = least is None or token > least or (include_low and token == least)
        return above and (most is None or token < most or (include_high and token == most))

    found = _recent(view, name, inside)
    for segment in view.segments:
        place = segment.fields.get(name)
        if place is None:
            continue
        first = place.low if least is None else _edge(segment, name, least, not include_low)
        after = place.high if most is None else _edge(segment, name, most, include_high)
        if first < after:
            found |= from_ids(segment.docs[segment.posts[first] : segment.posts[after]])
    return found


def with_any(view: InvertedView, name: str) -> BitMap:
    """The documents whose property has at least one token."""
    view.field(name)
    field = view.tail_field(name)
    found = BitMap(doc for doc in field.documents.copy() if doc < view.bound) if field is not None else BitMap()
    for segment in view.segments:
        place = segment.fields.get(name)
        if place is not None:
            found |= place.documents
    return found


def tokens(view: InvertedView, name: str) -> Iterator[str]:
    """All different tokens, ascending."""
    view.field(name)
    field = view.tail_field(name)
    recent = sorted(list(field.postings)) if field is not None else []  # noqa: C414 — one atomic copy
    places = [(segment, segment.fields[name]) for segment in view.segments if name in segment.fields]
    last: bytes | None = None
    for token in heapq.merge(recent, *(_keys(segment, place) for segment, place in places)):
        if token != last:
            yield token.decode("utf-8", "surrogatepass")
        last = token


def _keys(segment: Segment, place: SegmentField) -> Iterable[bytes]:
    return map(segment.key, range(place.low, place.high))


def _edge(segment: Segment, name: str, token: bytes, after_equal: bool) -> int:
    term = segment.lower_bound(name, token)
    return -term - 1 if term < 0 else term + after_equal


def _fitting(view: InvertedView, name: str, word: str) -> BitMap:
    """The documents with a token that fits the one pattern ``word``."""
    compiled = _compiled(word)
    prefix = encode(word[: min(at for at in (word.find("?"), word.find("*")) if at >= 0)])

    def fits(token: bytes) -> bool:
        if not token.startswith(prefix):
            return False
        key = np.array(bytearray(token), np.uint8)
        key.setflags(write=False)
        ends = np.array([0, len(token)])
        ends.setflags(write=False)
        return bool(_globbed(key, ends, 0, 1, compiled)[0])

    found = _recent(view, name, fits)
    for segment in view.segments:
        place = segment.fields.get(name)
        if place is None:
            continue
        low, high = place.low, place.high
        if prefix:
            low = _edge(segment, name, prefix, False)
            high = _edge(segment, name, prefix + b"\xff", False)
        matched = _globbed(segment.keys, segment.offsets, low, high, compiled)
        found |= _of_terms(segment, np.flatnonzero(matched) + low)
    return found


def _globbed(keys: U8, offsets: I64, low: int, high: int, pattern: I64) -> npt.NDArray[np.bool_]:
    """``(high - low,)``: which of the terms ``low:high`` fit."""
    from weft.engine.embedded.index.inverted.kernels import glob

    matched, state = np.zeros(high - low, np.bool_), np.full(5, -1, np.int64)
    while not glob(keys, offsets, low, high, pattern, matched, state, _STEPS):
        check()
    return matched


def _of_terms(segment: Segment, terms: npt.NDArray[np.int64]) -> BitMap:
    if not len(terms):
        return BitMap()
    check()
    places = zip(segment.posts[terms].tolist(), segment.posts[terms + 1].tolist(), strict=True)
    return from_ids(np.concatenate([segment.docs[start:end] for start, end in places]))


def _compiled(word: str) -> npt.NDArray[np.int64]:
    from weft.engine.embedded.index.inverted.kernels.terms import ANY, ONE

    wild = {"?": [ONE], "*": [ANY]}
    return np.array([code for character in word for code in wild.get(character) or encode(character)], np.int64)


def _recent(view: InvertedView, name: str, wanted: Callable[[bytes], bool]) -> BitMap:
    """The tail's documents with a wanted token."""
    field = view.tail_field(name)
    found = BitMap()
    if field is not None:
        for token in checked(list(field.postings), _AT_ONCE):
            if wanted(token):
                found.update(entry >> 32 for entry in field.entries(token, view.bound))
    return found
