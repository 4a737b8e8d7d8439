"""The kernels of ``index.inverted`` in plain Python and numpy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Hits = list[tuple[float, int]]
"""``(score, doc_id)``, best first; scores rounded to float32."""
Order = Callable[[int], Any]
"""What equal scores are sorted by."""


def best(
    docs: npt.NDArray[np.uint32],
    codes: npt.NDArray[Any],
    impacts: npt.NDArray[np.float64],
    lists: Sequence[tuple[int, int, int, float]],
    allowed: set[int] | None,
    k: int,
    order: Order = int,
) -> Hits:
    """Of ``lists`` (table, start, end, weight): reference of ``best`` and ``best_among``."""
    gates = [(0, n, *one) for n, one in enumerate(lists)]
    return best_gated(docs, codes, impacts, gates, [1], allowed, k, order)


def best_gated(
    docs: npt.NDArray[np.uint32],
    codes: npt.NDArray[Any],
    impacts: npt.NDArray[np.float64],
    lists: Sequence[tuple[int, int, int, int, int, float]],
    minima: Sequence[int],
    allowed: set[int] | None,
    k: int,
    order: Order = int,
) -> Hits:
    """Of ``lists`` (group, unit, table, start, end, weight)."""
    scores: dict[tuple[int, int], float] = {}
    units: dict[tuple[int, int], set[int]] = {}
    for group, unit, table, start, end, weight in lists:
        for doc, code in zip(docs[start:end].tolist(), codes[start:end].tolist(), strict=True):
            scores[group, doc] = scores.get((group, doc), 0.0) + weight * float(impacts[table, code])
            units.setdefault((group, doc), set()).add(unit)
    totals: dict[int, float] = {}
    for (group, doc), score in scores.items():
        if len(units[group, doc]) >= minima[group] and (allowed is None or doc in allowed):
            totals[doc] = totals.get(doc, 0.0) + score
    hits = [(float(np.float32(score)), doc) for doc, score in totals.items()]
    return sorted(hits, key=lambda hit: (-hit[0], order(hit[1])))[:k]


def scan(texts: Sequence[bytes], rows: Sequence[int], whole: bool) -> tuple[list[int], list[int], list[bytes]]:
    """The number and the row of each token, and the different tokens by number."""
    known: dict[bytes, int] = {}
    numbers: list[int] = []
    owners: list[int] = []
    for text, row in zip(texts, rows, strict=True):
        for token in [text] if whole else [token for token in text.split(b"\xff") if token]:
            numbers.append(known.setdefault(token, len(known)))
            owners.append(row)
    return numbers, owners, list(known)


def invert(
    keys: Sequence[bytes], numbers: Sequence[int], owners: Sequence[int], rows: int
) -> tuple[list[bytes], list[list[tuple[int, int]]], list[int]]:
    """The terms, sorted; for each its rows with how often it is in them; for each row how many tokens it has."""
    tokens = [(keys[number], owner) for number, owner in zip(numbers, owners, strict=True)]
    postings = [sorted(Counter(row for key, row in tokens if key == one).items()) for one in sorted(keys)]
    return sorted(keys), postings, [list(owners).count(row) for row in range(rows)]


def find_key(keys: Sequence[bytes], wanted: bytes) -> int:
    """The place of ``wanted``; minus the first place after it minus 1 when it is not among the sorted ``keys``."""
    after = sum(key < wanted for key in keys)
    return after if wanted in keys else -after - 1


def merge_keys(dictionaries: Sequence[Sequence[bytes]]) -> tuple[list[bytes], list[int]]:
    """The different keys, sorted, and the rank of each key of each dictionary."""
    merged = sorted({key for keys in dictionaries for key in keys})
    return merged, [merged.index(key) for keys in dictionaries for key in keys]


def count_among(docs: Sequence[int], wanted: Sequence[int]) -> int:
    """How many of ``wanted`` are in ``docs``: reference of ``count_among`` and ``count_allowed``."""
    return len(set(docs) & set(wanted))


def maxima(
    codes: npt.NDArray[Any],
    posts: npt.NDArray[np.int64],
    impacts: npt.NDArray[np.float64],
    tables: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The greatest impact of each 128 postings, and of each term's postings; every term has some, and a table."""
    values = impacts[np.repeat(tables, np.diff(posts)), codes].astype(np.float32)
    of_blocks = np.maximum.reduceat(values, np.arange(0, len(values), 128))
    return of_blocks, np.maximum.reduceat(values, posts[:-1])
