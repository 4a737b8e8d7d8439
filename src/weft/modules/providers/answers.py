"""From a provider's JSON to vectors, scores and texts, and the care that takes: counts, shapes, numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from weft.domain.errors import ProviderError, WeftError
from weft.domain.objects import Vector
from weft.modules.base import Generated
from weft.modules.providers.http import ProviderClient
from weft.modules.providers.provider import Provider

_REFUSALS = frozenset({400, 413, 422})
"""Statuses that one text of a batch may be the cause of: too long, empty, of the wrong kind."""


def items_of(answer: dict[str, Any], key: str, provider: Provider, count: int) -> list[dict[str, Any]]:
    """The ``count`` objects of ``answer[key]``."""
    items = list_of(answer.get(key), key, provider, count)
    if not all(isinstance(one, dict) for one in items):
        raise _senseless(provider, f"without a list of {key}")
    return items


def list_of(items: Any, what: str, provider: Provider, count: int) -> list[Any]:
    """``items``, which must be a list of ``count``."""
    if not isinstance(items, list):
        raise _senseless(provider, f"without a list of {what}")
    if not items:
        raise _senseless(provider, "with an empty embeddings response")
    if len(items) != count:
        raise ProviderError(
            f"{provider.name} was asked for {count} and answered with {len(items)}", provider=provider.name
        )
    return items


def by_index(items: Sequence[dict[str, Any]], provider: Provider) -> list[dict[str, Any]]:
    """``items`` in the order of their ``index``, each index once."""
    placed = {one["index"]: one for one in items if isinstance(one.get("index"), int)}
    if set(placed) != set(range(len(items))):
        raise _senseless(provider, "with wrong indexes")
    return [placed[i] for i in range(len(items))]


def vector_of(numbers: Any, provider: Provider, *, multi: bool = False) -> Vector:
    """``(d,)`` or, with ``multi``, ``(T, d)`` float32."""
    found = numbers_of(numbers, provider)
    if found.ndim != (2 if multi else 1):
        raise _senseless(provider, "with something that is not an embedding")
    return found


def numbers_of(numbers: Any, provider: Provider) -> Vector:
    """Finite float32 of any shape, at least one."""
    try:
        with np.errstate(over="ignore"):
            found = np.array(numbers, np.float32)
    except (TypeError, ValueError) as error:
        raise _senseless(provider, "with an embedding of mixed shape") from error
    if not found.size or not np.isfinite(found).all():
        raise _senseless(provider, "with something that is not an embedding")
    return found


def in_batches(
    client: ProviderClient,
    provider: Provider,
    batches: Sequence[Sequence[str]],
    embed: Callable[[Sequence[str]], list[Vector]],
) -> list[Vector | WeftError]:
    """``embed`` of each batch, several at once; the error of a batch is the error of each of its texts.

    A batch that is refused is halved, so that one text which cannot be embedded does not cost the others theirs; not
    further when both halves are refused alike, for then the texts are hardly the cause.
    """

    def attempt(batch: Sequence[str]) -> list[Vector] | WeftError:
        try:
            return embed(batch)
        except WeftError as error:
            return error

    def settled(batch: Sequence[str], outcome: list[Vector] | WeftError) -> list[Vector | WeftError]:
        if not isinstance(outcome, WeftError):
            return [*outcome]
        if len(batch) == 1 or not (isinstance(outcome, ProviderError) and outcome.status in _REFUSALS):
            return [outcome] * len(batch)
        halves = batch[: len(batch) // 2], batch[len(batch) // 2 :]
        outcomes = [attempt(half) for half in halves]
        if all(isinstance(one, ProviderError) and one.message == outcome.message for one in outcomes):
            return [outcome] * len(batch)
        return [found for half, one in zip(halves, outcomes, strict=True) for found in settled(half, one)]

    results = client.each(provider, lambda batch: settled(batch, attempt(batch)), batches)
    return [result for batch in results for result in batch]


def scores_of(rankings: Any, key: str, provider: Provider, count: int) -> list[float]:
    """The number under ``key`` of each of ``count`` documents, placed by ``index``."""
    try:
        placed = {int(one["index"]): float(one[key]) for one in rankings}
    except (KeyError, TypeError, ValueError) as error:
        raise _senseless(provider, "without scores") from error
    if set(placed) != set(range(count)):
        raise ProviderError(
            f"{provider.name} was asked for {count} scores and gave {len(placed)}", provider=provider.name
        )
    if not np.isfinite(list(placed.values())).all():
        raise _senseless(provider, "with scores that are not numbers")
    return [placed[i] for i in range(count)]


def chat_answer(answer: dict[str, Any], provider: Provider) -> Generated:
    """The text and the usage of a chat completion."""
    try:
        text = answer["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        text = None
    return text_answer(text, answer.get("usage"), provider)


def text_answer(text: Any, usage: Any, provider: Provider) -> Generated:
    if not isinstance(text, str):
        raise _senseless(provider, "without a text")
    return Generated(text, usage if isinstance(usage, dict) else {})


def _senseless(provider: Provider, how: str) -> ProviderError:
    return ProviderError(f"{provider.name} answered {how}", provider=provider.name)
