"""The bytes of any hits are those that the message classes read as what they would have written themselves."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from unit.wire.grpc.articles import LEGACY, NAMED
from weft.domain.answer import Answer, Group, Hit
from weft.domain.objects import Object, format_uuid
from weft.domain.query import Query, Returns
from weft.domain.schema import LEGACY_VECTOR, CollectionConfig
from weft.engine.record import RecordCodec
from weft.protocol import properties as properties_messages
from weft.protocol import search_get
from weft.wire.grpc.encode_search import encode_search

_NUMBERS = st.floats(width=32) | st.floats(-1e300, 1e300)
_MAYBE = st.none() | _NUMBERS
_MS = st.integers(0, 2**63 - 1)
_VALUES = st.fixed_dictionaries({}, optional={"title": st.text(max_size=5_000), "words": st.integers(-9, 9)})


@st.composite
def hits(draw: st.DrawFn, config: CollectionConfig) -> Hit:
    codec = RecordCodec(config)
    values = {name: value for name, value in draw(_VALUES).items() if name in config.by_name}
    stored = Object(draw(st.binary(min_size=16, max_size=16)), values, created_ms=draw(_MS), updated_ms=draw(_MS))
    names = draw(st.sets(st.sampled_from(sorted(config.vectors))))
    return Hit(
        codec.open(codec.encode(stored)),
        draw(st.integers(0, 2**32 - 1)),
        distance=draw(_MAYBE),
        score=draw(_MAYBE),
        explain=draw(st.none() | st.text(max_size=200)),
        certainty=draw(_MAYBE),
        rerank_score=draw(_MAYBE),
        vectors={name: np.array([[1, 2], [3, 4]] if name == "colbert" else [1, 2], np.float32) for name in names},
    )


_FLAGS = (
    "uuid",
    "vector",
    "created",
    "updated",
    "distance",
    "certainty",
    "score",
    "explain_score",
    "is_consistent",
)
_RETURNS = st.builds(
    Returns, **dict.fromkeys(_FLAGS, st.booleans()), vectors=st.sets(st.sampled_from(["plain", "other"])).map(tuple)
)


@given(
    st.sampled_from([NAMED, LEGACY]).flatmap(lambda c: st.tuples(st.just(c), st.lists(hits(c), max_size=4))), _RETURNS
)
@settings(max_examples=150)
def test_hits(found: tuple[CollectionConfig, list[Hit]], returns: Returns) -> None:
    config, listed = found
    expected = search_get.SearchReply(took=0.5, generative_grouped_result="")
    for hit in listed:
        result = expected.results.add()
        _fill_properties(result.properties, hit, config)
        _fill_metadata(result.metadata, hit, returns, config)
    assert _sent(Answer(listed, took_s=0.5), returns, config) == expected.SerializeToString(deterministic=True)


@given(st.lists(hits(NAMED), min_size=1, max_size=4), _RETURNS)
@settings(max_examples=50)
def test_the_hits_of_a_group(listed: list[Hit], returns: Returns) -> None:
    expected = search_get.SearchReply(took=0.5, generative_grouped_result="")
    group = expected.group_by_results.add(name="g", number_of_objects=len(listed))
    for hit in listed:
        result = group.objects.add()
        _fill_properties(result.properties, hit, NAMED)
        whole = search_get.MetadataResult()
        _fill_metadata(whole, hit, returns, NAMED)
        for field in ("id", "id_as_bytes", "distance", "distance_present"):
            setattr(result.metadata, field, getattr(whole, field))
        result.metadata.SetInParent()
        result.metadata.vectors.extend(whole.vectors)
    sent = _sent(Answer(groups=[Group("g", listed)], took_s=0.5), returns, NAMED)
    assert sent == expected.SerializeToString(deterministic=True)


def _sent(answer: Answer, returns: Returns, config: CollectionConfig) -> bytes:
    """As the message classes spell it, in which NaN equals itself."""
    encoded = encode_search(answer, Query(config.name, returns=returns), config)
    return search_get.SearchReply.FromString(encoded).SerializeToString(deterministic=True)


def _fill_properties(message: Any, hit: Hit, config: CollectionConfig) -> None:
    message.target_collection = config.name
    message.non_ref_props.CopyFrom(properties_messages.Properties.FromString(hit.record.encoded_properties))


def _fill_metadata(meta: Any, hit: Hit, returns: Returns, config: CollectionConfig) -> None:
    meta.SetInParent()
    if returns.uuid:
        meta.id, meta.id_as_bytes = format_uuid(hit.record.uuid), hit.record.uuid
    if returns.created:
        meta.creation_time_unix, meta.creation_time_unix_present = hit.record.created_ms, True
    if returns.updated:
        meta.last_update_time_unix, meta.last_update_time_unix_present = hit.record.updated_ms, True
    if returns.distance and hit.distance is not None:
        meta.distance, meta.distance_present = hit.distance, True
    if returns.certainty and hit.certainty is not None:
        meta.certainty, meta.certainty_present = hit.certainty, True
    if returns.score:
        meta.score, meta.score_present = hit.score or 0.0, True
    if returns.explain_score:
        meta.explain_score, meta.explain_score_present = hit.explain or "", True
    if returns.is_consistent:
        meta.is_consistent, meta.is_consistent_present = True, True
    if hit.rerank_score is not None:
        meta.rerank_score, meta.rerank_score_present = hit.rerank_score, True
    if not (returns.vector or returns.vectors):
        return
    for name in config.vectors:
        if name not in hit.vectors or (name != LEGACY_VECTOR and not (returns.vector or name in returns.vectors)):
            continue
        data = hit.vectors[name].tobytes()
        if name == LEGACY_VECTOR:
            meta.vector_bytes = data
            meta.vector.extend(hit.vectors[name].tolist())
        elif hit.vectors[name].ndim == 2:
            meta.vectors.add(name=name, vector_bytes=struct.pack("<H", 2) + data, type=2)
        else:
            meta.vectors.add(name=name, vector_bytes=data, type=1)
