"""How well a ranking answers: nDCG, and BM25 to compare with."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np


def ndcg(found: Sequence[Sequence[int]]) -> float:
    """Query i's one right answer is document i."""
    gains = [1 / math.log2(list(f).index(i) + 2) if i in f else 0.0 for i, f in enumerate(found)]
    return float(np.mean(gains))


class Bm25:
    """BM25 with k1 1.2 and b 0.75 over lower-cased words, for comparison."""

    def __init__(self, texts: Sequence[str]) -> None:
        words = [re.findall(r"\w+", t.lower()) for t in texts]
        self._lengths = np.array([len(w) for w in words])
        self._postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for i, terms in enumerate(words):
            for word, count in Counter(terms).items():
                self._postings[word].append((i, count))

    def search(self, text: str, k: int) -> list[int]:
        """The best ``k``, best first."""
        scores = np.zeros(len(self._lengths))
        norm = 1.2 * (0.25 + 0.75 * self._lengths / self._lengths.mean())
        for word in re.findall(r"\w+", text.lower()):
            postings = self._postings.get(word, [])
            if postings:
                ids, counts = np.array(postings).T
                idf = math.log(1 + (len(scores) - len(ids) + 0.5) / (len(ids) + 0.5))
                scores[ids] += idf * counts * 2.2 / (counts + norm[ids])
        return [int(i) for i in np.argsort(-scores, kind="stable")[:k]]
