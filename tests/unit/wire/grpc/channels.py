"""Calls over a channel, bytes to bytes, as typed as grpc lets them be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import grpc
import pytest

from weft.protocol import batch

WEAVIATE = "/weaviate.v1.Weaviate/"
HEALTH = "/grpc.health.v1.Health/"


def ask(channel: grpc.Channel, path: str, request: bytes, **options: Any) -> bytes:
    """The reply to one unary call."""
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    return call(request, timeout=10, **options)


def call(channel: grpc.Channel, method: str, request: bytes, **options: Any) -> bytes:
    return ask(channel, WEAVIATE + method, request, **options)


def refusal(channel: grpc.Channel, method: str, request: bytes, **options: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, method, request, **options)
    return caught.value.code(), caught.value.details() or ""


def batch_object(title: str | float, collection: str = "Article") -> batch.BatchObject:
    one = batch.BatchObject(uuid=str(uuid4()), collection=collection)
    one.properties.non_ref_properties.update({"title": title})
    return one


def store(channel: grpc.Channel, *titles: str | float) -> batch.BatchObjectsReply:
    """An Article with each title, which should be a text."""
    request = batch.BatchObjectsRequest(objects=[batch_object(title) for title in titles])
    return batch.BatchObjectsReply.FromString(call(channel, "BatchObjects", request.SerializeToString()))


def stream(
    channel: grpc.Channel, requests: Iterator[batch.BatchStreamRequest], **options: Any
) -> grpc._CallIterator[batch.BatchStreamReply]:
    begin: grpc.StreamStreamMultiCallable[batch.BatchStreamRequest, batch.BatchStreamReply] = channel.stream_stream(
        WEAVIATE + "BatchStream",
        request_serializer=batch.BatchStreamRequest.SerializeToString,
        response_deserializer=batch.BatchStreamReply.FromString,
    )
    return begin(requests, timeout=20, **options)
