"""From a provider's JSON to vectors and scores, and the care that takes: counts, shapes, numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from weft.domain.errors import ProviderError, WeftError
from weft.domain.objects import Vector
from weft.modules.providers.http import ProviderClient


def items_of(answer: Any, key: str, provider: str, count: int) -> list[dict[str, Any]]:
    """The ``count`` objects of ``answer[key]``."""
    items = answer.get(key)
    if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
        raise ProviderError(f"{provider} answered without a list of {key}", provider=provider)
    if not items:
        raise ProviderError("empty embeddings response", provider=provider)
    if len(items) != count:
        raise ProviderError(f"{provider} was asked for {count} and answered with {len(items)}", provider=provider)
    return items


def by_index(items: Sequence[dict[str, Any]], provider: str) -> list[dict[str, Any]]:
    """``items`` in the order of their ``index``, each index once."""
    placed = {one.get("index"): one for one in items}
    if set(placed) != set(range(len(items))):
        raise ProviderError(f"{provider} answered with wrong indexes", provider=provider)
    return [placed[i] for i in range(len(items))]


def vector_of(item: dict[str, Any], provider: str, *, multi: bool = False) -> Vector:
    """``(d,)`` or, with ``multi``, ``(T, d)`` float32, from ``embedding`` or ``embeddings``."""
    numbers = item.get("embedding") or item.get("embeddings")
    try:
        vector = np.array(numbers, np.float32)
    except (TypeError, ValueError) as error:
        raise ProviderError(f"{provider} answered with an embedding of mixed shape", provider=provider) from error
    if vector.ndim != (2 if multi else 1) or not vector.size or not np.isfinite(vector).all():
        raise ProviderError(f"{provider} answered with something that is not an embedding", provider=provider)
    return vector


def in_batches(
    client: ProviderClient, batches: Sequence[Sequence[str]], embed: Callable[[Sequence[str]], list[Vector]]
) -> list[Vector | WeftError]:
    """``embed`` of each batch, several at once; the error of a batch is the error of each of its texts."""

    def one(batch: Sequence[str]) -> list[Vector | WeftError]:
        try:
            return list(embed(batch))
        except WeftError as error:
            return [error] * len(batch)

    return [result for batch in client.each(one, batches) for result in batch]


def scores_of(rankings: Any, key: str, provider: str, count: int) -> list[float]:
    """The number under ``key`` of each of ``count`` documents, placed by ``index``."""
    try:
        placed = {one["index"]: float(one[key]) for one in rankings}
    except (KeyError, TypeError, ValueError) as error:
        raise ProviderError(f"{provider} answered without scores", provider=provider) from error
    if set(placed) != set(range(count)):
        raise ProviderError(f"{provider} was asked for {count} scores and gave {len(placed)}", provider=provider)
    return [placed[i] for i in range(count)]
