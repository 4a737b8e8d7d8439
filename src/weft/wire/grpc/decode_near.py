"""The search messages, each to its dataclass of ``weft.domain.query``. A search and an aggregation share them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, TypedDict

from weft.domain.errors import Invalid
from weft.domain.names import property_name
from weft.domain.query import (
    Fusion,
    Hybrid,
    Keyword,
    MatchOperator,
    MediaKind,
    Mmr,
    Move,
    NearMedia,
    NearObject,
    NearText,
    NearVector,
    Search,
    Targets,
)
from weft.domain.schema import CollectionConfig
from weft.protocol import aggregate, base_search, search_get
from weft.wire.grpc.decode_vectors import (
    NearMediaMessage,
    NearMessage,
    SearchMessage,
    decode_near_vector,
    decode_targets,
    only_vector,
    same_for_all,
)

_DEFAULT_ALPHA = 0.75
_OPERATORS = {
    base_search.SearchOperatorOptions.OPERATOR_UNSPECIFIED: MatchOperator.OR,
    base_search.SearchOperatorOptions.OPERATOR_OR: MatchOperator.OR,
    base_search.SearchOperatorOptions.OPERATOR_AND: MatchOperator.AND,
    base_search.SearchOperatorOptions.OPERATOR_AND_CROSS: MatchOperator.AND_CROSS,
}


class _CommonFields(TypedDict):
    targets: Targets
    max_distance: float | None
    min_certainty: float | None
    mmr: Mmr | None


def near_vector(message: base_search.NearVector, config: CollectionConfig) -> NearVector:
    common = _common(message, "near_vector")
    common["targets"], vectors = decode_near_vector(message, common["targets"], config)
    return NearVector(**common, vectors=vectors)


def near_object(message: base_search.NearObject) -> NearObject:
    if not message.id:
        raise Invalid("near_object: id is required")
    return NearObject(**_common(message, "near_object"), uuid=message.id)


def near_text(message: base_search.NearTextSearch) -> NearText:
    return NearText(
        **_common(message, "near_text"),
        texts=tuple(message.query),
        move_to=_move(message.move_to) if message.HasField("move_to") else None,
        move_away=_move(message.move_away) if message.HasField("move_away") else None,
    )


def near_media(message: NearMediaMessage, kind: MediaKind, data: str) -> NearMedia:
    return NearMedia(**_common(message, f"near_{kind.value}"), kind=kind, data=data)


def keyword(message: base_search.BM25) -> Keyword:
    return _keyword(message, message.search_operator if message.HasField("search_operator") else None)


def hybrid(message: base_search.Hybrid, config: CollectionConfig) -> Hybrid:
    targets = decode_targets(message)
    near: NearVector | NearText | None = None
    vector = only_vector(message, "hybrid")
    has_text, has_vector = message.HasField("near_text"), message.HasField("near_vector")
    if has_text and has_vector:
        raise Invalid("cannot combine nearText and nearVector in hybrid search")
    if vector is not None:
        if has_text or has_vector:
            raise Invalid(f"cannot combine {'nearText' if has_text else 'nearVector'} and vector in hybrid search")
        near = NearVector(targets=targets, vectors=same_for_all(vector, targets, config, "hybrid"))
    elif has_text:
        near = near_text(message.near_text)
    elif has_vector:
        common = _common(message.near_vector, "near_vector")
        targets, vectors = decode_near_vector(message.near_vector, targets, config)
        common["targets"] = targets
        near = NearVector(**common, vectors=vectors)
    if near is not None and near.mmr is not None:
        raise Invalid("hybrid: selection must be set on the top-level hybrid search, not on its sub-search")
    return Hybrid(
        keyword=_keyword(message, message.bm25_search_operator if message.HasField("bm25_search_operator") else None),
        alpha=_alpha(message),
        fusion=Fusion.RANKED if message.fusion_type == base_search.Hybrid.FUSION_TYPE_RANKED else Fusion.RELATIVE_SCORE,
        near=near,
        near_stated=vector is None and near is not None,
        targets=targets,
        max_vector_distance=_finite(message.vector_distance, "hybrid: vector_distance")
        if message.HasField("vector_distance")
        else None,
        mmr=_mmr(message),
    )


def _common(message: NearMessage, where: str) -> _CommonFields:
    """A certainty of 0 is none, as in Weaviate."""
    has_distance, has_certainty = message.HasField("distance"), message.HasField("certainty")
    if has_distance and has_certainty:
        raise Invalid(f"{where}: cannot provide distance and certainty")
    return {
        "targets": decode_targets(message),
        "max_distance": _finite(message.distance, f"{where}: distance") if has_distance else None,
        "min_certainty": _finite(message.certainty, f"{where}: certainty") or None if has_certainty else None,
        "mmr": _mmr(message),
    }


def _mmr(message: SearchMessage) -> Mmr | None:
    if not message.HasField("selection") or not message.selection.HasField("mmr"):
        return None
    sent = message.selection.mmr
    if sent.limit < 1:
        raise Invalid("MMR limit must be at least 1")
    if not 0 <= sent.balance <= 1:
        raise Invalid("MMR balance must be between 0 and 1")
    return Mmr(sent.limit, sent.balance)


def _move(message: base_search.NearTextSearch.Move) -> Move:
    return Move(_finite(message.force, "near_text: force"), tuple(message.concepts), tuple(message.uuids))


def _keyword(
    message: base_search.BM25 | base_search.Hybrid, options: base_search.SearchOperatorOptions | None
) -> Keyword:
    properties = tuple([property_name(name) for name in message.properties]) if message.properties else ()
    if options is None:
        return Keyword(message.query, properties)
    operator = _OPERATORS.get(options.operator)
    if operator is None:
        raise Invalid(f"unknown search operator {options.operator}")
    return Keyword(message.query, properties, operator, max(0, options.minimum_or_tokens_match))


def _alpha(message: base_search.Hybrid) -> float:
    if not message.use_alpha_param:
        alpha = message.alpha
    elif message.HasField("alpha_param"):
        alpha = message.alpha_param
    else:
        return _DEFAULT_ALPHA
    if not 0 <= alpha <= 1:
        raise Invalid(f"hybrid: alpha should be between 0.0 and 1.0, received {alpha}")
    return alpha


def _finite(number: float, where: str) -> float:
    if not math.isfinite(number):
        raise Invalid(f"{where} must be a finite number, received {number}")
    return number


_SearchedRequest: TypeAlias = search_get.SearchRequest | aggregate.AggregateRequest

NEAR: Final[Mapping[str, Callable[[_SearchedRequest, CollectionConfig], Search]]] = {
    "near_vector": lambda request, config: near_vector(request.near_vector, config),
    "near_text": lambda request, config: near_text(request.near_text),
    "near_object": lambda request, config: near_object(request.near_object),
    "near_image": lambda request, config: near_media(request.near_image, MediaKind.IMAGE, request.near_image.image),
    "near_audio": lambda request, config: near_media(request.near_audio, MediaKind.AUDIO, request.near_audio.audio),
    "near_video": lambda request, config: near_media(request.near_video, MediaKind.VIDEO, request.near_video.video),
    "near_depth": lambda request, config: near_media(request.near_depth, MediaKind.DEPTH, request.near_depth.depth),
    "near_thermal": lambda request, config: near_media(
        request.near_thermal, MediaKind.THERMAL, request.near_thermal.thermal
    ),
    "near_imu": lambda request, config: near_media(request.near_imu, MediaKind.IMU, request.near_imu.imu),
}
"""The searches that searches and aggregations share, by the field that holds them in both requests."""
