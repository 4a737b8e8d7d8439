"""From a provider's JSON to vectors, scores and texts, with checks of counts, shapes and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from weft.domain.errors import ProviderError
from weft.domain.json_values import JsonObject, JsonValue
from weft.domain.objects import Vector
from weft.modules.base import Generated
from weft.modules.providers.provider import Provider, reason_of

_LONGEST_REASON = 2000


def member(value: JsonValue, *path: str | int) -> JsonValue:
    """The value at ``path`` of keys and positions; None if there is none."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, Mapping) else None
        else:
            value = value[step] if isinstance(value, list) and step < len(value) else None
    return value


def items_of(answer: JsonObject, key: str, provider: Provider, count: int) -> list[JsonObject]:
    """The ``count`` objects of ``answer[key]``; an error has the reason that the answer gives instead, if any."""
    if not isinstance(answer.get(key), list) and (reason := reason_of(answer)):
        raise senseless(provider, f"without a list of {key}: {reason[:_LONGEST_REASON]}")
    found = list_of(answer.get(key), key, provider, count)
    items = [one for one in found if isinstance(one, Mapping)]
    if len(items) != count:
        raise senseless(provider, f"without a list of {key}")
    return items


def list_of(items: JsonValue, what: str, provider: Provider, count: int) -> list[JsonValue]:
    """``items``, which must be a list of ``count``."""
    if not isinstance(items, list):
        raise senseless(provider, f"without a list of {what}")
    if not items:
        raise senseless(provider, "with an empty embeddings response")
    if len(items) != count:
        raise ProviderError(
            f"{provider.name} was sent {count} inputs but answered with {len(items)}", provider=provider.name
        )
    return items


def by_index(items: Sequence[JsonObject], provider: Provider) -> list[JsonObject]:
    """``items`` in the order of their ``index``, each index once."""
    placed = {index: one for one in items if isinstance(index := one.get("index"), int)}
    if set(placed) != set(range(len(items))):
        raise senseless(provider, "with wrong indexes")
    return [placed[i] for i in range(len(items))]


def vector_of(numbers: JsonValue, provider: Provider, *, multi: bool = False) -> Vector:
    """``(d,)`` or, with ``multi``, ``(T, d)`` float32."""
    found = numbers_of(numbers, provider)
    if found.ndim != (2 if multi else 1):
        raise senseless(provider, "with something that is not an embedding")
    return found


def numbers_of(numbers: JsonValue, provider: Provider) -> Vector:
    """Finite float32 of any shape, at least one."""
    try:
        with np.errstate(over="ignore"):
            found = np.array(numbers, np.float32)
    except (TypeError, ValueError) as error:
        raise senseless(provider, "with an embedding of mixed shape") from error
    if not found.size or not np.isfinite(found).all():
        raise senseless(provider, "with something that is not an embedding")
    return found


def scores_of(rankings: JsonValue, key: str, provider: Provider, count: int, best: int | None = None) -> list[float]:
    """The number under ``key`` of each of ``count`` documents, placed by ``index``.

    ``best``: how many have a score, if only that many were asked for; the others get 0.
    """
    placed: dict[int, float] = {}
    for one in rankings if isinstance(rankings, list) else [None]:
        index, score = member(one, "index"), member(one, key)
        if not isinstance(index, int) or not isinstance(score, int | float):
            raise senseless(provider, "without scores")
        placed[index] = float(score)
    asked = count if best is None else min(best, count)
    if len(placed) != asked or not placed.keys() <= set(range(count)):
        raise ProviderError(
            f"{provider.name} was asked for {asked} scores and gave {len(placed)}", provider=provider.name
        )
    if not np.isfinite(list(placed.values())).all():
        raise senseless(provider, "with scores that are not numbers")
    return [placed.get(i, 0.0) for i in range(count)]


def text_of_parts(parts: JsonValue) -> str | None:
    """The texts of a message's list of parts together, without the model's thoughts; None if there is none."""
    listed = parts if isinstance(parts, list) else []
    texts = [member(one, "text") for one in listed if not member(one, "thought")]
    found = [text for text in texts if isinstance(text, str)]
    return "".join(found) if found else None


def text_answer(text: JsonValue, usage: JsonValue, provider: Provider, why: JsonValue = None) -> Generated:
    """A generation; ``usage`` is left out if it is not an object. ``why``: the provider's reason for no text."""
    if not isinstance(text, str):
        reason = f": {why[:_LONGEST_REASON]}" if isinstance(why, str) and why else ""
        raise senseless(provider, f"without a text{reason}")
    return Generated(text, usage if isinstance(usage, Mapping) else {})


def senseless(provider: Provider, how: str) -> ProviderError:
    """The error for an invalid answer; ``how``: what is wrong with it."""
    return ProviderError(f"{provider.name} answered {how}", provider=provider.name)
