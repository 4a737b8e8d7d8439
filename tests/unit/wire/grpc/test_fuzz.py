"""Whatever arrives is answered or refused as the caller's fault: no call ends in an unexpected error."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from in_process import InProcess
from unit.wire.grpc.articles import ARTICLE, AUTHOR, OLD
from weft.domain.caller import Caller
from weft.domain.errors import CallerError
from weft.protocol import aggregate, base, base_search, batch, batch_delete, search_get, tenants
from weft.wire.grpc.calls import UnaryCall
from weft.wire.grpc.wire_format import sized

REQUESTS = {
    "Search": search_get.SearchRequest,
    "Aggregate": aggregate.AggregateRequest,
    "BatchObjects": batch.BatchObjectsRequest,
    "BatchReferences": batch.BatchReferencesRequest,
    "BatchDelete": batch_delete.BatchDeleteRequest,
    "TenantsGet": tenants.TenantsGetRequest,
}
WORDS = ("", "title", "place", "image", "plain", "colbert", "other", "len(title)", "_id", "ü", "Article", "now", "7d")
UUID = "00000000-0000-0000-0000-00000000000a"
BYTES = (b"", b"abc", b"\x00\x00\x80\x3f", b"\x00\x00\xc0\x7f", b"\x01\x00\x00\x00\x80\x3f", b"\x00\x00", bytes(16))
DOUBLES = (0.0, 1.0, -1.0, 0.5, 1e300, float("nan"), float("inf"))


def fill(message: Any, draw: random.Random, depth: int) -> None:
    """Sets about a third of the fields of ``message`` at random."""
    for field in message.DESCRIPTOR.fields:
        if draw.random() > 0.35:
            continue
        count = draw.randint(1, 3)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type is None:
                getattr(message, field.name)[draw.choice(WORDS)] = draw.choice(BYTES)
            elif depth:
                fill(getattr(message, field.name)[draw.choice(WORDS)], draw, depth - 1)
        elif field.message_type is not None:
            if depth:
                container = getattr(message, field.name)
                targets = [container.add() for _ in range(count)] if field.is_repeated else [container]
                for target in targets:
                    target.SetInParent()
                    fill(target, draw, depth - 1)
        elif field.is_repeated:
            getattr(message, field.name).extend(scalar(field, draw) for _ in range(count))
        else:
            setattr(message, field.name, scalar(field, draw))


def scalar(field: Any, draw: random.Random) -> Any:
    if field.cpp_type == field.CPPTYPE_STRING:
        if field.type == field.TYPE_BYTES:
            return draw.choice(BYTES)
        return UUID if "uuid" in field.name else draw.choice(WORDS)
    if field.cpp_type in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT):
        return draw.choice(DOUBLES)
    if field.cpp_type == field.CPPTYPE_BOOL:
        return draw.random() < 0.5
    if field.cpp_type == field.CPPTYPE_ENUM:
        return draw.choice([*(v.number for v in field.enum_type.values), 77])
    return draw.choice([0, 1, 2, 1000] if "UINT" in str(field.cpp_type) or field.cpp_type in (3, 4) else [0, 1, -1, 5])


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, UnaryCall]]:
    """Of one server for all tests, with an object; what they store or delete stays so."""
    world = InProcess(tmp_path_factory.mktemp("fuzz"), anonymous_access=True)
    for document in (AUTHOR, ARTICLE, OLD):
        world.service.collections.create(document)
    yield world.calls
    world.close()


def fill_again(calls: Mapping[str, UnaryCall]) -> None:
    objects = [batch.BatchObject(uuid=UUID, collection="Article", vector_bytes=bytes(8)) for _ in range(2)]
    objects += [batch.BatchObject(uuid=UUID, collection="Legacy", vector_bytes=bytes(8))]
    calls["BatchObjects"](batch.BatchObjectsRequest(objects=objects).SerializeToString(), Caller())


@pytest.mark.parametrize("method", REQUESTS)
@given(data=st.binary(max_size=200))
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
def test_random_bytes(calls: Mapping[str, UnaryCall], method: str, data: bytes) -> None:
    fill_again(calls)
    try:
        calls[method](data, Caller())
    except CallerError:
        return


@pytest.mark.parametrize("method", REQUESTS)
@pytest.mark.parametrize("block", range(4))
def test_random_messages(calls: Mapping[str, UnaryCall], method: str, block: int) -> None:
    fill_again(calls)
    answered = 0
    for seed in range(block * 150, (block + 1) * 150):
        draw = random.Random(seed)
        request = REQUESTS[method]()
        fill(request, draw, 5)
        if "collection" in request.DESCRIPTOR.fields_by_name:
            request.collection = draw.choice(["Article", "Legacy", "Article", ""])
        try:
            calls[method](request.SerializeToString(), Caller())
            answered += 1
        except CallerError:
            continue
        except Exception as error:
            raise AssertionError(f"{method} with seed {seed}: {request}") from error
    print(f"{method}: {answered} of 150 answered, seeds from {block * 150}")


@pytest.mark.parametrize("search", ["near_vector", "near_text", "hybrid_search", "bm25_search", "near_image"])
def test_random_single_searches(calls: Mapping[str, UnaryCall], search: str) -> None:
    fill_again(calls)
    for seed in range(200):
        draw = random.Random(seed)
        request = search_get.SearchRequest(collection="Article")
        getattr(request, search).SetInParent()
        fill(getattr(request, search), draw, 3)
        fill(request.properties, draw, 3)
        fill(request.metadata, draw, 1)
        try:
            calls["Search"](request.SerializeToString(), Caller())
        except CallerError:
            continue
        except Exception as error:
            raise AssertionError(f"{search} with seed {seed}: {request}") from error


def test_filters_nested_too_deep_are_refused(calls: Mapping[str, UnaryCall]) -> None:
    filters = base.Filters(operator=base.Filters.OPERATOR_EQUAL, on=["title"], value_text="x").SerializeToString()
    for _ in range(300):
        filters = b"\x08\x0f\x1a" + sized(filters)
    request = search_get.SearchRequest(collection="Article").SerializeToString() + b"\xc2\x02" + sized(filters)
    with pytest.raises(CallerError, match="may nest 100 levels deep"):
        calls["Search"](request, Caller())


def test_a_vector_of_nothing_is_refused(calls: Mapping[str, UnaryCall]) -> None:
    message = base_search.NearVector(vectors=[base.Vectors()], target_vectors=["plain"])
    request = search_get.SearchRequest(collection="Article", near_vector=message)
    with pytest.raises(CallerError):
        calls["Search"](request.SerializeToString(), Caller())
