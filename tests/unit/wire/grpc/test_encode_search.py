"""Replies joined from bytes are the replies that the message classes would make, field by field."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from google.protobuf.text_format import MessageToString

from unit.wire.grpc.articles import LEGACY, NAMED
from weft.domain.answer import Answer, GenerationDetails, Group, Hit, ShardProfile
from weft.domain.errors import TooLarge
from weft.domain.objects import Object, Properties, format_uuid
from weft.domain.query import NestedSelection, Query, ReferenceSelection, Returns
from weft.domain.schema import CollectionConfig
from weft.engine.record import Record, RecordCodec
from weft.protocol import properties as properties_messages
from weft.protocol import search_get
from weft.wire.grpc.encode_search import encode_search

UUID = bytes(range(16))
VALUES = {
    "title": "Hello",
    "words": 7,
    "tags": [],
    "image": "aGk=",
    "place": {"name": "x", "zip": "1"},
}
EVERYTHING = Returns(
    vector=True,
    created=True,
    updated=True,
    distance=True,
    certainty=True,
    score=True,
    explain_score=True,
    is_consistent=True,
)


def reply(answer: Answer, returns: Returns, config: CollectionConfig = NAMED, **options: Any) -> Any:
    return search_get.SearchReply.FromString(
        encode_search(answer, Query(config.name, returns=returns), config, **options)
    )


def record(uuid: bytes, properties: Properties, config: CollectionConfig = NAMED) -> Record:
    """As the engine stores it."""
    codec = RecordCodec(config)
    known = {name: value for name, value in properties.items() if name in config.by_name}
    created, updated = 1_700_000_000_000, 1_700_000_000_001
    return codec.open(codec.encode(Object(uuid, known, created_ms=created, updated_ms=updated)))


def full_hit(config: CollectionConfig = NAMED) -> Hit:
    vectors = {"default": np.array([1, 2], np.float32)}
    if config is NAMED:
        vectors = {"plain": np.array([1, 2], np.float32), "colbert": np.array([[1, 2], [3, 4]], np.float32)}
    return Hit(
        record(UUID, VALUES, config),
        1,
        distance=0.5,
        score=0.25,
        explain="why",
        certainty=0.75,
        rerank_score=1.5,
        vectors=vectors,
    )


def by_message_classes(hit: Hit, config: CollectionConfig) -> Any:
    """The reference: one result with everything, built field by field."""
    result = search_get.SearchResult()
    result.properties.target_collection = config.name
    result.properties.non_ref_props.CopyFrom(properties_messages.Properties.FromString(hit.record.encoded_properties))
    meta = result.metadata
    meta.id, meta.id_as_bytes = format_uuid(hit.record.uuid), hit.record.uuid
    meta.creation_time_unix, meta.creation_time_unix_present = hit.record.created_ms, True
    meta.last_update_time_unix, meta.last_update_time_unix_present = hit.record.updated_ms, True
    meta.distance, meta.distance_present = hit.distance or 0.0, True
    meta.certainty, meta.certainty_present = hit.certainty or 0.0, True
    meta.score, meta.score_present = hit.score or 0.0, True
    meta.explain_score, meta.explain_score_present = hit.explain or "", True
    meta.is_consistent, meta.is_consistent_present = True, True
    meta.rerank_score, meta.rerank_score_present = hit.rerank_score or 0.0, True
    for name, vector in hit.vectors.items():
        if not config.named_vectors:
            meta.vector_bytes = vector.tobytes()
            meta.vector.extend(vector.tolist())
        elif vector.ndim == 2:
            data = struct.pack("<H", vector.shape[1]) + vector.tobytes()
            meta.vectors.add(name=name, vector_bytes=data, type=2)
        else:
            meta.vectors.add(name=name, vector_bytes=vector.tobytes(), type=1)
    return result


@pytest.mark.parametrize("config", [NAMED, LEGACY], ids=["named", "legacy"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_fast_path_equals_the_message_classes(config: CollectionConfig, count: int) -> None:
    hits = [full_hit(config) for _ in range(count)]
    expected = search_get.SearchReply(took=0.5, generative_grouped_result="")
    expected.results.extend(by_message_classes(hit, config) for hit in hits)
    assert reply(Answer(hits, took_s=0.5), EVERYTHING, config) == expected


def test_the_slow_path_equals_the_fast_one() -> None:
    names = tuple(p for p in ("title", "words", "tags", "place", "missing"))
    fast = reply(Answer([full_hit()]), EVERYTHING)
    chosen = Returns(names, **{f: getattr(EVERYTHING, f) for f in ("uuid", "vector", "distance")})
    slow = reply(Answer([full_hit()]), chosen)
    fields = slow.results[0].properties.non_ref_props.fields
    for name in names[:-1]:
        assert fields[name] == fast.results[0].properties.non_ref_props.fields[name]
    assert fields["missing"].WhichOneof("kind") == "null_value"
    assert slow.results[0].properties.target_collection == "Article"


def test_nothing_is_there_that_was_not_asked() -> None:
    result = reply(Answer([full_hit()]), Returns((), uuid=False)).results[0]
    assert result.metadata == search_get.MetadataResult(rerank_score=1.5, rerank_score_present=True)
    assert len(result.properties.non_ref_props.fields) == 0
    assert not result.properties.ref_props_requested


def test_what_a_hit_lacks_is_not_present() -> None:
    meta = reply(Answer([Hit(record(UUID, {}), 1)]), EVERYTHING).results[0].metadata
    assert not (meta.distance_present or meta.certainty_present)
    assert not meta.vectors


def test_a_hit_without_a_score_has_score_zero() -> None:
    meta = reply(Answer([Hit(record(UUID, {}), 1)]), EVERYTHING).results[0].metadata
    assert (meta.score, meta.score_present) == (0, True)
    assert (meta.explain_score, meta.explain_score_present) == ("", True)


def test_zero_is_a_value() -> None:
    meta = reply(Answer([Hit(record(UUID, {}), 1, distance=0.0, score=0.0)]), EVERYTHING).results[0].metadata
    assert meta.distance_present
    assert meta.score_present


def test_a_blob_comes_only_when_asked() -> None:
    hit = full_hit()
    assert "image" not in reply(Answer([hit]), Returns()).results[0].properties.non_ref_props.fields
    fields = reply(Answer([hit]), Returns(("image", "title"))).results[0].properties.non_ref_props.fields
    assert fields["image"].blob_value == "aGk="
    assert fields["title"].text_value == "Hello"


def test_nested_projection() -> None:
    chosen = Returns(("title",), (NestedSelection("place", ("name", "gone")),))
    fields = reply(Answer([full_hit()]), chosen).results[0].properties.non_ref_props.fields
    place = fields["place"].object_value.fields
    assert sorted(place) == ["name"]
    assert place["name"].text_value == "x"


def test_nested_projection_of_nothing_is_null() -> None:
    hit = Hit(record(UUID, {"title": "x"}), 1)
    fields = reply(Answer([hit]), Returns((), (NestedSelection("place", ("name",)),)))
    value = fields.results[0].properties.non_ref_props.fields["place"]
    assert value.WhichOneof("kind") == "null_value"


def test_named_vectors_by_name() -> None:
    meta = reply(Answer([full_hit()]), Returns(vectors=("colbert",))).results[0].metadata
    assert [v.name for v in meta.vectors] == ["colbert"]
    assert meta.vectors[0].vector_bytes[:2] == b"\x02\x00"


def test_references() -> None:
    author = Hit(record(b"a" * 16, {"title": "A"}, LEGACY), 5, collection=LEGACY)
    hit = full_hit()
    hit.references = {"author": [author, author]}
    selection = ReferenceSelection("author", Returns(("title",), uuid=True), None)
    result = reply(Answer([hit]), Returns((), references=(selection,))).results[0].properties
    assert result.ref_props_requested
    (prop,) = result.ref_props
    assert prop.prop_name == "author"
    assert [p.target_collection for p in prop.properties] == ["Legacy", "Legacy"]
    assert prop.properties[0].metadata.id_as_bytes == b"a" * 16
    assert prop.properties[0].non_ref_props.fields["title"].text_value == "A"


def test_references_asked_and_none_found() -> None:
    result = reply(Answer([full_hit()]), Returns(references=(ReferenceSelection("author", Returns()),))).results[0]
    assert result.properties.ref_props_requested
    assert len(result.properties.ref_props) == 0


def test_selections_of_several_targets_join_one_property_in_the_order_of_the_object() -> None:
    linked = [
        Hit(record(b"a" * 16, {"title": "A"}, LEGACY), 5, collection=LEGACY),
        Hit(record(b"b" * 16, {"title": "B"}), 6, collection=NAMED),
    ]
    hit = full_hit()
    hit.references = {"author": linked}
    selections = (
        ReferenceSelection("author", Returns(("title",)), "Article"),
        ReferenceSelection("author", Returns(("title",)), "Legacy"),
    )
    result = reply(Answer([hit]), Returns((), references=selections)).results[0].properties
    (prop,) = result.ref_props
    assert [p.target_collection for p in prop.properties] == ["Legacy", "Article"]


def test_groups() -> None:
    group = Group("g", [full_hit(), full_hit()], 0.25, 0.5, rerank_score=2.0, generated="text")
    sent = reply(Answer(groups=[group, Group("", [full_hit()])], generated="all"), EVERYTHING)
    assert len(sent.results) == 0
    assert sent.generative_grouped_result == sent.generative_grouped_results.values[0].result == "all"
    first, plain = sent.group_by_results
    assert (first.name, first.min_distance, first.max_distance, first.number_of_objects) == ("g", 0.25, 0.5, 2)
    assert first.rerank.score == 2.0
    assert first.generative_result.values[0].result == first.generative.result == "text"
    meta = first.objects[0].metadata
    assert meta.id_as_bytes == UUID
    assert meta.distance_present
    assert not meta.score_present
    assert [v.name for v in meta.vectors] == ["plain", "colbert"]
    assert (plain.name, plain.number_of_objects, plain.HasField("rerank")) == ("", 1, False)


def test_generated_texts() -> None:
    hit = full_hit()
    hit.generated = "one"
    hit.generation = GenerationDetails("prompt", "openai", {"total_tokens": 3, "new": {}})
    sent = reply(Answer([hit], generated="all"), EVERYTHING)
    value = sent.results[0].generative.values[0]
    assert value.result == "one"
    assert value.debug.full_prompt == "prompt"
    assert value.metadata.openai.usage.total_tokens == 3
    assert sent.generative_grouped_results.values[0].result == "all"
    assert sent.HasField("generative_grouped_result")
    assert sent.generative_grouped_result == ""


@pytest.mark.parametrize(
    ("provider", "usage", "expected"),
    [
        ("openai", {}, "openai { usage { } }"),
        ("openai", {"prompt_tokens": 2.0, "total_tokens": None}, "openai { usage { prompt_tokens: 2 } }"),
        ("openai", {"prompt_tokens": "many"}, "openai { }"),
        ("openai", {"prompt_tokens": float("inf")}, "openai { }"),
        ("cohere", {"billed_units": {"input_tokens": 2}}, "cohere { billed_units { input_tokens: 2.0 } }"),
        ("cohere", {"billed_units": 3}, "cohere { }"),
        ("ollama", {"eval_count": 4}, "ollama { }"),
        ("someone", {"total_tokens": 3}, ""),
    ],
)
def test_the_account_of_a_provider(provider: str, usage: dict[str, Any], expected: str) -> None:
    hit = full_hit()
    hit.generated, hit.generation = "one", GenerationDetails(None, provider, usage)
    (value,) = reply(Answer([hit]), EVERYTHING).results[0].generative.values
    assert not value.HasField("debug")
    assert MessageToString(value.metadata, as_one_line=True) == expected


def test_generated_texts_for_clients_before_127() -> None:
    hit = full_hit()
    hit.generated = "one"
    sent = reply(Answer([hit], generated="all"), EVERYTHING, before_127=True)
    assert sent.results[0].metadata.generative == "one"
    assert sent.results[0].metadata.generative_present
    assert sent.generative_grouped_result == "all"


def test_profile() -> None:
    profile = ShardProfile("shard", "node", {"vector": {"total_took": "1ms"}})
    sent = reply(Answer(profile=(profile,)), Returns()).query_profile.shards[0]
    assert (sent.name, sent.node, sent.searches["vector"].details["total_took"]) == ("shard", "node", "1ms")


def test_a_distance_beyond_float32_is_infinite() -> None:
    meta = reply(Answer([Hit(record(UUID, {}), 1, distance=1e39)]), EVERYTHING).results[0].metadata
    assert meta.distance == float("inf")


def test_a_reply_that_no_client_would_take_is_refused() -> None:
    hits = [Hit(record(UUID, {"title": "x" * 1_000, "image": "aGk="}), number) for number in range(10)]
    asked = Query(NAMED.name)
    assert encode_search(Answer(hits), asked, NAMED, most_bytes=20_000) == encode_search(Answer(hits), asked, NAMED)
    with pytest.raises(TooLarge, match=r"about 1[0-9]{4} bytes, and may have 10000"):
        encode_search(Answer(hits), asked, NAMED, most_bytes=10_000)
