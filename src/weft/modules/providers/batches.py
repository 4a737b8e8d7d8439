"""Batches of the size that a provider accepts, and the errors of texts that it refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from weft.domain.errors import ProviderError, WeftError
from weft.domain.objects import Vector

_REFUSALS = frozenset({400, 413, 422})
"""Statuses that one text of a batch may cause: too long, empty, of the wrong kind."""

Item = TypeVar("Item")


def chunks(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    return [items[begin : begin + size] for begin in range(0, len(items), size)]


def batches_by_size(texts: Sequence[str], most: int, size_bytes: int) -> list[Sequence[str]]:
    """At most ``most`` texts and ``size_bytes`` of UTF-8 in each, in order; a longer text is a separate batch."""
    batches: list[list[str]] = []
    room = 0
    for text in texts:
        size = len(text.encode("utf-8", "replace")) + 1
        if not batches or size > room or len(batches[-1]) >= most:
            batches.append([])
            room = size_bytes
        batches[-1].append(text)
        room -= size
    return [*batches]


def embed_batch(batch: Sequence[str], embed: Callable[[Sequence[str]], list[Vector]]) -> list[Vector | WeftError]:
    """``embed`` of a batch; its error is the error of each of its texts.

    A refused batch is halved, so that one text that cannot be embedded does not affect the others; but not further if
    both halves fail in the same way, because then the texts are probably not the cause.
    """
    return _settled(batch, _attempt(batch, embed), embed)


def _settled(
    batch: Sequence[str], outcome: list[Vector] | WeftError, embed: Callable[[Sequence[str]], list[Vector]]
) -> list[Vector | WeftError]:
    if not isinstance(outcome, WeftError):
        return [*outcome]
    if len(batch) == 1 or not (isinstance(outcome, ProviderError) and outcome.status in _REFUSALS):
        return [outcome] * len(batch)
    halves = batch[: len(batch) // 2], batch[len(batch) // 2 :]
    outcomes = [_attempt(half, embed) for half in halves]
    if all(isinstance(one, ProviderError) and one.message == outcome.message for one in outcomes):
        return [outcome] * len(batch)
    return [found for half, one in zip(halves, outcomes, strict=True) for found in _settled(half, one, embed)]


def _attempt(batch: Sequence[str], embed: Callable[[Sequence[str]], list[Vector]]) -> list[Vector] | WeftError:
    try:
        return embed(batch)
    except WeftError as error:
        return error
