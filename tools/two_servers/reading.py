"""What a report compares of the official client's answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from two_servers.answers import Row, Rows


def plain(value: Any) -> Any:
    """``value`` as JSON has it, floats to five digits and whole ones as integers."""
    if isinstance(value, float):
        short = float(f"{value:.5g}")
        return int(short) if short.is_integer() else short
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, bool | int | str | None) else str(value)


def words(value: Any) -> str:
    return json.dumps(plain(value), ensure_ascii=False, sort_keys=True)


def found(answer: Any, *, paged: bool) -> Rows:
    """Objects by their numbers: distance, certainty, score."""
    return Rows([Row(str(one.uuid), _numbers(one.metadata)) for one in answer.objects], paged)


def _numbers(metadata: Any) -> tuple[float, ...]:
    given = (metadata.distance, metadata.certainty, metadata.score, metadata.rerank_score)
    return tuple(map(_number, given))


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def groups(answer: Any) -> Rows:
    """Groups and then their members, nearest first, by distance: members have no other number."""
    rows = [
        Row(f"{name}: {len(one.objects)} of {one.number_of_objects}", (one.min_distance, one.max_distance))
        for name, one in answer.groups.items()
    ]
    members = [
        Row(f"{name} {one.uuid}", (float(place), _number(one.metadata.distance)))
        for place, (name, group) in enumerate(answer.groups.items())
        for one in group.objects
    ]
    return Rows([*rows, *members], paged=True)


def listed(answer: Any) -> Rows:
    """In the order of the answer, which is part of it."""
    return Rows([Row(str(one.uuid), (float(place),)) for place, one in enumerate(answer.objects)])


def keys(answer: Any, names: Sequence[str]) -> Rows:
    """Values that a sort goes by: objects with the same ones may stand in any order. An empty list is no value."""
    values = [[one.properties.get(name) for name in names] for one in answer.objects]
    rows = [words([None if one == [] else one for one in some]) for some in values]
    return Rows([Row(text, (float(place),)) for place, text in enumerate(rows)])


def whole(answer: Any) -> Rows:
    """All that objects consist of."""
    return Rows(
        [
            Row(words([str(one.uuid), one.properties, one.vector, _linked(one.references)]), (float(place),))
            for place, one in enumerate(answer.objects)
        ]
    )


def _linked(references: Any) -> dict[str, list[Any]]:
    return {
        name: [[str(one.uuid), one.properties] for one in linked.objects] for name, linked in (references or {}).items()
    }


def figures(answer: Any) -> Rows:
    """Of an aggregation without groups."""
    return Rows([Row("total", (float(answer.total_count or 0),)), *_figures(answer.properties)])


def grouped_figures(answer: Any) -> Rows:
    rows: list[Row] = []
    for group in answer.groups:
        name = words(group.grouped_by.value)
        rows.append(Row(f"{name} total", (float(group.total_count),)))
        rows += [Row(f"{name} {row.text}", row.numbers) for row in _figures(group.properties)]
    return Rows(sorted(rows, key=lambda row: row.text))


def _figures(properties: Any) -> Iterable[Row]:
    for name, aggregated in sorted(properties.items()):
        for text, number in sorted(_flat(vars(aggregated), name), key=lambda one: one[0]):
            yield Row(text, () if number is None else (number,))


def _flat(values: dict[str, Any], path: str) -> Iterator[tuple[str, float | None]]:
    for key, value in values.items():
        at = f"{path}.{key}"
        if isinstance(value, list):
            for one in value:
                fields = vars(one) if hasattr(one, "__dict__") else one
                yield f"{at}: {words(fields)}", None
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield at, float(value)
        else:
            yield f"{at} = {words(value)}", None
