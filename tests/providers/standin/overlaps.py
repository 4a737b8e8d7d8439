"""The scores of the stand-in's rerankers: how many words a document shares with the query."""

from __future__ import annotations

from collections.abc import Sequence


def overlap(query: str, document: str) -> float:
    return float(len(set(query.split()) & set(document.split())))


def ranked(query: str, documents: Sequence[str]) -> list[tuple[int, float]]:
    """The index and the score of each document, the best first."""
    scores = [(i, overlap(query, document)) for i, document in enumerate(documents)]
    return sorted(scores, key=lambda one: -one[1])
