"""The arguments of a field → the search, filter and paging of ``weft.domain.query``. Null is treated as absent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias, TypedDict

from weft.domain.beacon import parse_beacon
from weft.domain.errors import Invalid
from weft.domain.filters import Filter
from weft.domain.json_values import JsonValue
from weft.domain.names import property_name
from weft.domain.objects import Vector, format_uuid
from weft.domain.query import (
    Combination,
    Fusion,
    Hybrid,
    Keyword,
    MatchOperator,
    Move,
    NearMedia,
    NearObject,
    NearText,
    NearVector,
    Search,
    Targets,
)
from weft.domain.schema import CollectionConfig
from weft.wire.graphql.inputs import MEDIA
from weft.wire.json.vectors import vector_of
from weft.wire.json.where import decode_where

Args: TypeAlias = Mapping[str, Any]
"""Arguments that the library has checked against their types in ``inputs``, which no static type can follow."""

_WEIGHTED: Final = (Combination.MANUAL, Combination.RELATIVE_SCORE)


class _CommonArguments(TypedDict):
    targets: Targets
    max_distance: float | None
    min_certainty: float | None


def decode_filter(args: Args) -> Filter | None:
    where = args.get("where")
    return None if where is None else decode_where(where)


def decode_search(args: Args, config: CollectionConfig | None) -> Search | None:
    """The only search in ``args``; beside a hybrid one, the other. ``config`` says which targets are multi-vectors;
    None: unknown."""
    asked = searches(args)
    if not asked:
        return None
    if len(asked) > 1:
        asked = [name for name in asked if name != "hybrid"]
    if len(asked) > 1:
        raise Invalid(f"a field can hold one search, received {' and '.join(asked)}; use hybrid to combine two")
    (name,) = asked
    given = args[name]
    if name in MEDIA:
        kind = MEDIA[name]
        return NearMedia(**_common(given, name), kind=kind, data=given[kind.value])
    match name:
        case "nearVector":
            return near_vector(given, config)
        case "nearObject":
            return NearObject(**_common(given, name), uuid=_uuid(given, name))
        case "nearText":
            return near_text(given)
        case "bm25":
            return _keyword(given, given.get("searchOperator"))
        case _:
            return _hybrid(given, config)


def searches(args: Args) -> list[str]:
    """The names of the searches in ``args``."""
    return [name for name in (*_SEARCHES, *MEDIA) if args.get(name) is not None]


_SEARCHES: Final = ("nearVector", "nearObject", "nearText", "bm25", "hybrid")


def near_vector(given: Args, config: CollectionConfig | None, outer: Targets | None = None) -> NearVector:
    """``outer``: the targets of an enclosing search, which then apply to this one."""
    common = _common(given, "nearVector")
    if outer is not None and outer.names:
        common["targets"] = outer
    vector, by_target = given.get("vector"), given.get("vectorPerTarget")
    if (vector is None) == (by_target is None):
        raise Invalid("nearVector: give either vector or vectorPerTarget")
    if by_target is not None:
        common["targets"], vectors = _by_target(by_target, common["targets"], config)
    else:
        vectors = (vector_of(vector, "nearVector: vector"),) * max(1, len(common["targets"].names))
    return NearVector(**common, vectors=vectors)


def near_text(given: Args) -> NearText:
    return NearText(
        **_common(given, "nearText"),
        texts=tuple(text for text in given["concepts"] if text is not None),
        move_to=_move(given.get("moveTo")),
        move_away=_move(given.get("moveAwayFrom")),
    )


def _hybrid(given: Args, config: CollectionConfig | None) -> Hybrid:
    targets = _targets(given)
    vector, searches = given.get("vector"), given.get("searches") or []
    inner = {name: one for search in searches[:1] for name, one in (search or {}).items() if one is not None}
    if len(searches) > 1 or len(inner) + (vector is not None) > 1:
        raise Invalid("hybrid: give one of vector, searches.nearText and searches.nearVector")
    near: NearVector | NearText | None = None
    if vector is not None:
        near = NearVector(targets, vectors=(vector_of(vector, "hybrid: vector"),) * max(1, len(targets.names)))
    elif "nearVector" in inner:
        near = near_vector(inner["nearVector"], config, targets)
        targets = near.targets
    elif "nearText" in inner:
        near = near_text(inner["nearText"])
        targets = targets if targets.names else near.targets
    alpha = given.get("alpha")
    if alpha is not None and not 0 <= alpha <= 1:
        raise Invalid(f"hybrid: alpha should be between 0.0 and 1.0, received {alpha}")
    return Hybrid(
        keyword=_keyword(given, given.get("bm25SearchOperator")),
        alpha=0.75 if alpha is None else alpha,
        fusion=Fusion(given.get("fusionType") or Fusion.RELATIVE_SCORE),
        near=near,
        near_stated=vector is None and near is not None,
        targets=targets,
        max_vector_distance=_finite(given.get("maxVectorDistance"), "hybrid: maxVectorDistance"),
    )


def _keyword(given: Args, options: Args | None) -> Keyword:
    text = given.get("query") or ""
    properties = tuple(property_name(name) for name in given.get("properties") or () if name)
    if options is None:
        return Keyword(text, properties)
    operator = MatchOperator(options.get("operator") or MatchOperator.OR)
    return Keyword(text, properties, operator, max(0, options.get("minimumOrTokensMatch") or 0))


def _common(given: Args, where: str) -> _CommonArguments:
    """A certainty of 0 is none, as in Weaviate."""
    distance, certainty = given.get("distance"), given.get("certainty")
    if distance is not None and certainty is not None:
        raise Invalid(f"{where}: cannot provide distance and certainty")
    return {
        "targets": _targets(given),
        "max_distance": _finite(distance, f"{where}: distance"),
        "min_certainty": _finite(certainty, f"{where}: certainty") or None,
    }


def _move(given: Args | None) -> Move | None:
    if given is None:
        return None
    objects = [one for one in given.get("objects") or () if one is not None]
    concepts = tuple(one for one in given.get("concepts") or () if one)
    return Move(given["force"], concepts, tuple(_uuid(one, "nearText: objects") for one in objects))


def _uuid(given: Args, where: str) -> str:
    """Of an object that is named by its id or by its beacon."""
    if given.get("id"):
        return str(given["id"])
    if given.get("beacon"):
        return format_uuid(parse_beacon(given["beacon"]).uuid)
    raise Invalid(f"{where}: id or beacon is required")


# -- targets


def _targets(given: Args) -> Targets:
    joined = given.get("targets")
    if joined is None:
        return Targets(tuple(name for name in given.get("targetVectors") or () if name))
    names = tuple(name for name in joined.get("targetVectors") or () if name)
    combination = Combination(joined.get("combinationMethod") or Combination.MINIMUM)
    if combination not in _WEIGHTED:
        return Targets(names, combination)
    return Targets(names, combination, _weights(joined.get("weights"), names))


def _weights(given: JsonValue, names: Sequence[str]) -> tuple[float, ...]:
    """One for each name; a target that is named several times has a list."""
    if not isinstance(given, Mapping):
        raise Invalid("targets: weights must be an object with a number for each target vector")
    left: dict[str, list[JsonValue]] = {}
    for name in dict.fromkeys(names):
        if name not in given:
            raise Invalid(f"targets: weight for target {name[:80]} is not provided")
        weights = given[name]
        left[name] = list(weights) if isinstance(weights, list) else [weights]
        if len(left[name]) != names.count(name):
            raise Invalid(f"targets: {names.count(name)} weights are needed for target {name[:80]}")
    found = [_finite(left[name].pop(0), f"targets: weight for target {name[:80]}") for name in names]
    return tuple(0.0 if weight is None else weight for weight in found)


def _by_target(
    given: JsonValue, targets: Targets, config: CollectionConfig | None
) -> tuple[Targets, tuple[Vector, ...]]:
    """Each target with its vectors; one with several occurs as often."""
    if not isinstance(given, Mapping) or not given:
        raise Invalid("nearVector: vectorPerTarget must be an object with a vector for each target vector")
    order = dict.fromkeys(targets.names or given)
    missing = [name for name in order if name not in given]
    if missing:
        raise Invalid(f"nearVector: vectorPerTarget for target {missing[0][:80]} is not provided")
    pairs = [(name, vector) for name in order for vector in _vectors_of(given[name], name, config)]
    names = tuple(name for name, _ in pairs)
    if targets.names and len(set(targets.names)) < len(targets.names) and names != targets.names:
        raise Invalid("nearVector: vectorPerTarget and targetVectors name the targets in different number or order")
    if targets.weights and len(targets.weights) != len(names):
        raise Invalid(f"targets: {len(targets.weights)} weights were given for {len(names)} query vectors")
    return Targets(names, targets.combination, targets.weights), tuple(vector for _, vector in pairs)


def _vectors_of(given: JsonValue, name: str, config: CollectionConfig | None) -> list[Vector]:
    where = f"nearVector: the vector of target {name[:80]}"
    declared = None if config is None else config.vectors.get(name)
    is_multi = declared is not None and declared.index.multivector is not None
    depth = _depth(given)
    if isinstance(given, list) and depth == (3 if is_multi else 2):
        return [vector_of(one, where) for one in given]
    return [vector_of(given, where)]


def _depth(value: JsonValue) -> int:
    depth = 0
    while isinstance(value, list) and depth < 4:
        depth += 1
        value = value[0] if value else None
    return depth


def _finite(value: JsonValue, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Invalid(f"{where} must be a finite number")
    return float(value)
