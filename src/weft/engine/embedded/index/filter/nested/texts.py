"""ItemTexts: the texts of one nested property as a text index whose documents are items.

An item is one text of one element; items are numbered in the order of their rows. So each condition on text means for
an item what it means for an object elsewhere: all words of a value are in the same text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.domain.deadline import checked
from weft.engine.embedded.index.filter import bitmaps
from weft.engine.embedded.index.filter.bitmaps import Ids
from weft.engine.embedded.index.filter.nested.columns import value_column
from weft.engine.embedded.index.filter.nested.path import NestedPath
from weft.engine.embedded.index.filter.nested.token_numbers import ITEM
from weft.engine.embedded.index.filter.view import FilterView, ReadTexts
from weft.engine.text import symbols
from weft.engine.text.stopwords import OnlyStopwords, Stopwords
from weft.engine.text.tokenize import tokenize, tokenize_pattern

_AT_ONCE = 4096
"""How many objects ``fitting`` has in memory."""


class ItemTexts:
    """A ``TextIndex``; the names of properties that its methods are given are those of the path, and ignored."""

    def __init__(self, path: NestedPath, view: FilterView) -> None:
        self._path = path
        self._property = path.ends_in
        self._column = view.columns[value_column(path.name, path.ends_in)]
        self._words = view.words[value_column(path.name, path.ends_in)]
        self._stopwords = Stopwords(view.config.inverted).of(path.ends_in)
        self._analyzed: set[int] = set()
        """The numbers of the tokens that ``analyze`` has seen: those that may be asked for."""

    @cached_property
    def _starts(self) -> npt.NDArray[np.intp]:
        """``(items,)``: the row with which each item begins."""
        return np.flatnonzero(self._column.values == ITEM)

    @property
    def every(self) -> BitMap:
        return BitMap(range(len(self._starts)))

    def rows(self, items: BitMap) -> Ids:
        """The rows with which ``items`` begin."""
        return self._starts[bitmaps.to_ids(items)].astype(np.uint32)

    def documents(self, property: str, token: str) -> BitMap:
        number = self._words.find(token)
        return BitMap() if number is None else self._documents.get(number, BitMap())

    @cached_property
    def _documents(self) -> Mapping[int, BitMap]:
        """The items of each analyzed token: one pass over the rows, however many tokens there are."""
        values = self._column.values
        numbers = np.fromiter(self._analyzed, np.uint32, len(self._analyzed))
        rows = np.flatnonzero(np.isin(values, numbers))
        if not len(rows):  # they came after this state of the column, or went before it
            return {}
        rows = rows[values[rows].argsort(kind="stable")]
        items = (self._starts.searchsorted(rows, "right") - 1).astype(np.uint32)
        tokens, firsts = np.unique(values[rows], return_index=True)
        return dict(zip(tokens.tolist(), map(bitmaps.from_ids, np.split(items, firsts[1:])), strict=True))

    def matching(self, property: str, pattern: str) -> BitMap:
        words = tokenize_pattern(pattern, self._property.tokenization, self._property.text_analyzer)
        if not words:
            raise OnlyStopwords
        return BitMap.intersection(*(self._which(symbols.like(word)) for word in dict.fromkeys(words)))

    def range(self, property: str, low: str | None, high: str | None, include_low: bool, include_high: bool) -> BitMap:
        least, most = (None if end is None else _bytes(end) for end in (low, high))

        def inside(token: str) -> bool:
            raw = _bytes(token)
            above = least is None or raw > least or (include_low and raw == least)
            return above and (most is None or raw < most or (include_high and raw == most))

        return self._which(inside)

    def analyze(self, property: str, text: str) -> list[str]:
        """``documents`` knows these tokens, if all texts of a filter are analyzed before."""
        tokens = tokenize(text, self._property.tokenization, self._property.text_analyzer)
        self._analyzed.update(number for token in tokens if (number := self._words.find(token)) is not None)
        return tokens

    def stopwords(self, property: str) -> frozenset[str]:
        return self._stopwords

    def fitting(self, pattern: str, live: BitMap, read: ReadTexts) -> Ids:
        """The first rows of the items of ``live`` whose stored texts fit a pattern of symbols; reads every object."""
        test, needle = symbols.fits(pattern), symbols.needle(pattern)
        docs = self._column.docs[self._starts]
        root, *names = self._path.name.split(".")
        found: list[npt.NDArray[np.intp]] = []
        ids = bitmaps.to_ids(bitmaps.from_ids(docs) & live)
        for start in checked(range(0, len(ids), _AT_ONCE)):
            some = ids[start : start + _AT_ONCE]
            firsts = docs.searchsorted(some, "left").tolist()
            for first, value in zip(firsts, read(some, root, needle), strict=True):
                fits = [test([text]) for text in _texts(value, names)]
                found.append(first + np.flatnonzero(fits))
        return self._starts[np.concatenate(found)].astype(np.uint32) if found else np.zeros(0, np.uint32)

    def _which(self, test: Callable[[str], bool]) -> BitMap:
        return self._with(np.isin(self._column.values, self._words.which(test)))

    def _with(self, mask: npt.NDArray[np.bool_]) -> BitMap:
        """The items that have a row in ``mask``."""
        found = np.flatnonzero(mask)
        return bitmaps.from_ids((self._starts.searchsorted(found, "right") - 1).astype(np.uint32))


def _bytes(token: str) -> bytes:
    return token.encode("utf-8", "surrogatepass")


def _texts(value: Any, names: list[str]) -> Iterator[str]:
    """The texts at a path inside ``value``, in the order of their rows."""
    if value is None:
        return
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, Mapping):
            yield from _texts(one.get(names[0]), names[1:])
        else:
            yield one
