"""Objects as the official client's own builder makes them; a bad one does not affect the others."""

from __future__ import annotations

import uuid as uuid_module
from datetime import UTC, datetime
from typing import Any

from weaviate.classes.data import GeoCoordinate, PhoneNumber
from weaviate.collections.batch.grpc_batch import _BatchGRPC
from weaviate.collections.classes.batch import _BatchObject
from weaviate.collections.classes.internal import ReferenceToMulti
from weaviate.util import _ServerVersion

from weft.domain.errors import Invalid
from weft.domain.objects import IncomingReference, Reference
from weft.protocol import base, batch
from weft.wire.grpc.decode_batch import beacon, decode_objects, decode_reference

CLIENT = _BatchGRPC(_ServerVersion(1, 39, 0), None, None)
UUID = "00000000-0000-0000-0000-00000000000a"


def built(**fields: Any) -> Any:
    defaults: dict[str, Any] = {
        "collection": "Article",
        "uuid": UUID,
        "properties": {},
        "references": None,
        "vector": None,
        "tenant": None,
        "index": 0,
        "retry_count": 0,
    }
    return CLIENT.grpc_object(_BatchObject(**(defaults | fields)))


def decoded(message: Any) -> Any:
    result = decode_objects([message])
    assert result.errors == {}
    return result.objects[0]


def test_every_kind_of_value() -> None:
    properties: dict[str, Any] = {
        "text": "a",
        "int": 3,
        "number": 1.5,
        "flag": True,
        "none": None,
        "date": datetime(2024, 1, 2, tzinfo=UTC),
        "uuid": uuid_module.UUID(UUID),
        "geo": GeoCoordinate(latitude=1.5, longitude=2.5),
        "phone": PhoneNumber(default_country="DE", number="0171"),
        "texts": ["a", "b"],
        "ints": [1, -2],
        "numbers": [1.5, 2.5],
        "flags": [True, False],
        "empty": [],
        "object": {"name": "x", "deep": {"n": [1], "none": None}, "list": []},
        "objects": [{"a": 1.5}, {"b": ["c"]}],
    }
    assert decoded(built(properties=properties)).properties == {
        "text": "a",
        "int": 3.0,
        "number": 1.5,
        "flag": True,
        "none": None,
        "date": "2024-01-02T00:00:00.000000+00:00",
        "uuid": UUID,
        "geo": {"latitude": 1.5, "longitude": 2.5},
        "phone": {"input": "0171", "defaultCountry": "DE"},
        "texts": ["a", "b"],
        "ints": [1, -2],
        "numbers": [1.5, 2.5],
        "flags": [True, False],
        "empty": [],
        "object": {"name": "x", "deep": {"n": [1], "none": None}, "list": []},
        "objects": [{"a": 1.5}, {"b": ["c"]}],
    }


def test_lists_within_a_struct_are_understood_too() -> None:
    message = batch.BatchObject(uuid=UUID)
    message.properties.non_ref_properties.update({"list": ["a", {"b": [1.0]}]})
    assert decoded(message).properties == {"list": ["a", {"b": [1.0]}]}


def test_vectors() -> None:
    assert decoded(built(vector=[1.0, 2.0])).vectors["default"].tolist() == [1, 2]
    named = decoded(built(vector={"a": [1.0], "b": [[1.0, 2.0], [3.0, 4.0]]})).vectors
    assert {name: v.tolist() for name, v in named.items()} == {"a": [1], "b": [[1, 2], [3, 4]]}
    assert decoded(batch.BatchObject(uuid=UUID, vector=[1.5])).vectors["default"].tolist() == [1.5]
    assert decoded(built()).vectors == {}


def test_references() -> None:
    refs = {"one": UUID, "many": [UUID, UUID], "multi": ReferenceToMulti(target_collection="B", uuids=[UUID])}
    key = uuid_module.UUID(UUID).bytes
    assert decoded(built(references=refs)).properties == {
        "one": [Reference("", key)],
        "many": [Reference("", key)] * 2,
        "multi": [Reference("B", key)],
    }


def test_several_targets_of_one_property_are_joined() -> None:
    message = batch.BatchObject(uuid=UUID)
    for target in ("A", "B"):
        message.properties.multi_target_ref_props.add(prop_name="r", uuids=[UUID], target_collection=target)
    assert [r.collection for r in decoded(message).properties["r"]] == ["A", "B"]


def test_tenant_and_collection() -> None:
    one = decoded(built(tenant="t", collection="Article"))
    assert (one.tenant, one.collection, one.uuid) == ("t", "Article", UUID)
    assert decoded(built()).tenant is None


def test_a_bad_object_is_an_error_of_its_place_alone() -> None:
    bad_reference = batch.BatchObject(uuid=UUID)
    bad_reference.properties.single_target_ref_props.add(prop_name="r", uuids=["nope"])
    empty_multi_vector = base.Vectors(name="v", vector_bytes=b"\x00\x00", type="VECTOR_TYPE_MULTI_FP32")
    bad_numbers = batch.BatchObject(uuid=UUID)
    bad_numbers.properties.number_array_properties.add(prop_name="n", values_bytes=b"123")
    objects = [
        batch.BatchObject(uuid="nope"),
        batch.BatchObject(uuid=UUID, vector_bytes=b"123"),
        built(properties={"text": "good"}),
        batch.BatchObject(uuid=UUID, vectors=[empty_multi_vector]),
        bad_reference,
        bad_numbers,
        batch.BatchObject(uuid=UUID, vectors=[base.Vectors.FromString(b"\x0a\x01v\x1a\x04abcd\x20\x09")]),  # of type 9
    ]
    result = decode_objects(objects)
    assert [o.properties for o in result.objects] == [{"text": "good"}]
    assert result.places == [2]
    assert sorted(result.errors) == [0, 1, 3, 4, 5, 6]
    assert "not a uuid" in result.errors[0].message
    assert "vector 'v'" in result.errors[3].message


def test_results_go_to_the_places_of_the_request() -> None:
    result = decode_objects([batch.BatchObject(uuid="x"), built(), built(), built()])
    late = Invalid("late")
    assert list(result.with_results([None, late, None])) == [0, 2]
    assert result.with_results([None, late, None])[2] is late


def test_references_between_objects_keep_their_key() -> None:
    message = batch.BatchReference(
        name="author", from_collection="article", from_uuid=UUID, to_collection="Author", to_uuid="b", tenant="t"
    )
    assert decode_reference(message) == IncomingReference("article", UUID, "author", "Author", "b", "t")
    assert beacon(message) == f"weaviate://localhost/article/{UUID}/author"
