"""The server through real channels: calls, health, refusals, limits, shutdown."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence

import grpc
import pytest

from in_process import Recording
from unit.wire.grpc.channels import HEALTH, ask, call, refusal, store
from weft.domain.aggregate import Aggregation
from weft.domain.caller import Caller
from weft.domain.errors import Misconfigured, UsageLimitExceeded, WeftError
from weft.domain.objects import IncomingObject
from weft.protocol import aggregate, base, batch, batch_delete, search_get, tenants
from weft.wire.errors import Refusal, StatusCodes
from weft.wire.grpc import GrpcServer
from weft.wire.grpc.limits import Limits
from weft.wire.grpc.methods import details as short

METHODS = ("Search", "Aggregate", "BatchObjects", "BatchReferences", "BatchDelete", "TenantsGet")


def test_objects_stored_are_found(channel: grpc.Channel, world: Recording) -> None:
    assert len(store(channel, "a", "b").errors) == 0
    request = search_get.SearchRequest(collection="article", uses_127_api=True)
    request.metadata.uuid = True
    reply = search_get.SearchReply.FromString(call(channel, "Search", request.SerializeToString()))
    titles = [r.properties.non_ref_props.fields["title"].text_value for r in reply.results]
    assert sorted(titles) == ["a", "b"]
    assert world.service.queries[0][0].collection == "Article"


def test_one_bad_object_is_reported_by_its_index(channel: grpc.Channel, world: Recording) -> None:
    reply = store(channel, "a", 3, "c")
    assert [(e.index, "invalid text property 'title'" in e.error) for e in reply.errors] == [(1, True)]
    assert count(world) == 2


def test_credentials_for_providers_reach_the_service(channel: grpc.Channel, world: Recording) -> None:
    request = search_get.SearchRequest(collection="Article").SerializeToString()
    call(channel, "Search", request, metadata=(("x-openai-api-key", "k"), ("data-bin", b"\x00")))
    credentials = world.service.queries[0][1].credentials
    assert credentials.get("X-OpenAI-Api-Key") == "k"
    assert credentials.get("data-bin") == ""


def test_a_wrong_key_is_unauthenticated(channel: grpc.Channel) -> None:
    code, details = refusal(channel, "Search", b"", metadata=(("authorization", "Bearer wrong"),))
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert "invalid api key" in details


def test_an_unknown_collection_is_not_found(channel: grpc.Channel) -> None:
    code, details = refusal(channel, "Search", search_get.SearchRequest(collection="Nope").SerializeToString())
    assert code is grpc.StatusCode.NOT_FOUND
    assert "Nope" in details


def test_malformed_bytes_are_an_invalid_argument(channel: grpc.Channel) -> None:
    for method in METHODS:
        code, details = refusal(channel, method, b"\xff\xff\xff")
        assert code is grpc.StatusCode.INVALID_ARGUMENT, method
        assert "is not a valid weaviate.v1" in details


def test_a_bug_is_internal_and_hidden(
    channel: grpc.Channel, world: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    world.service.failure = ZeroDivisionError("a bug")
    code, details = refusal(channel, "Search", search_get.SearchRequest(collection="Article").SerializeToString())
    assert code is grpc.StatusCode.INTERNAL
    assert "a bug" not in details
    assert "a bug" in caplog.text


def test_a_usage_limit_has_details(channel: grpc.Channel, world: Recording) -> None:
    message = "objects count limit of 10 reached for this instance."
    world.service.failure = UsageLimitExceeded(message, limited="objects", limit=10)
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, "Search", search_get.SearchRequest(collection="Article").SerializeToString())
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert caught.value.details() == message
    (sent,) = caught.value.trailing_metadata()
    assert sent.key == "grpc-status-details-bin"
    assert sent.value == (
        b"\x08\x08\x124objects count limit of 10 reached for this instance.\x1a\xb9\x01"
        b"\n(type.googleapis.com/google.rpc.ErrorInfo\x12\x8c\x01\n\x14USAGE_LIMIT_EXCEEDED\x12\x14weaviate.usagelimits"
        b"\x1a\x10\n\x05limit\x12\x07objects\x1a\x0b\n\x05value\x12\x0210"
        b"\x1a?\n\x07message\x124objects count limit of 10 reached for this instance."
    )


def test_an_unknown_method_is_unimplemented(channel: grpc.Channel) -> None:
    assert refusal(channel, "Nope", b"")[0] is grpc.StatusCode.UNIMPLEMENTED


def test_aggregation(channel: grpc.Channel) -> None:
    store(channel, "a", "b")
    request = aggregate.AggregateRequest(collection="article", objects_count=True)
    reply = aggregate.AggregateReply.FromString(call(channel, "Aggregate", request.SerializeToString()))
    assert reply.single_result.objects_count == 2
    request.group_by.property = "title"
    reply = aggregate.AggregateReply.FromString(call(channel, "Aggregate", request.SerializeToString()))
    assert sorted(g.grouped_by.text for g in reply.grouped_results.groups) == ["a", "b"]


def test_tenants_of_a_collection_without_them(channel: grpc.Channel) -> None:
    request = tenants.TenantsGetRequest(collection="Article").SerializeToString()
    code, details = refusal(channel, "TenantsGet", request)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert 'multi-tenancy is not enabled for class "Article"' in details


def test_delete_by_filter(channel: grpc.Channel, world: Recording) -> None:
    store(channel, "one", "one", "two")
    filters = base.Filters(operator=base.Filters.OPERATOR_EQUAL, value_text="one")
    filters.target.property = "title"
    request = batch_delete.BatchDeleteRequest(collection="Article", filters=filters, dry_run=True, verbose=True)
    reply = batch_delete.BatchDeleteReply.FromString(call(channel, "BatchDelete", request.SerializeToString()))
    assert (reply.matches, reply.successful, reply.failed) == (2, 2, 0)
    assert len({o.uuid for o in reply.objects}) == 2
    assert count(world) == 3
    assert all(o.successful and o.HasField("error") and o.error == "" for o in reply.objects)
    request.dry_run = request.verbose = False
    reply = batch_delete.BatchDeleteReply.FromString(call(channel, "BatchDelete", request.SerializeToString()))
    assert (reply.successful, len(reply.objects)) == (2, 0)
    assert count(world) == 1


def test_delete_without_a_filter_is_refused(channel: grpc.Channel) -> None:
    request = batch_delete.BatchDeleteRequest(collection="Article").SerializeToString()
    assert refusal(channel, "BatchDelete", request)[0] is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("name", ["", "/grpc.health.v1.Health/Check", "weaviate.v1.Weaviate"])
def test_health_is_serving_for_any_name(channel: grpc.Channel, name: str) -> None:
    request = batch.BatchObject(uuid=name).SerializeToString()  # the same shape: field 1 is a string
    assert ask(channel, HEALTH + "Check", request) == b"\x08\x01"


def test_health_lists_one_service(channel: grpc.Channel) -> None:
    assert ask(channel, HEALTH + "List", b"") == b"\n\x0e\n\x08weaviate\x12\x02\x08\x01"


def test_health_can_be_watched(channel: grpc.Channel) -> None:
    begin: grpc.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(HEALTH + "Watch")
    watch = begin(b"", timeout=10)
    assert next(watch) == b"\x08\x01"
    watch.cancel()


def test_long_messages_are_cut_to_fit_a_trailer(channel: grpc.Channel) -> None:
    name = "ü" * 50_000
    code, details = refusal(channel, "Search", search_get.SearchRequest(collection=name).SerializeToString())
    assert code is grpc.StatusCode.NOT_FOUND
    assert details.endswith("…")


def test_short_messages_are_not_cut() -> None:
    codes = StatusCodes(404, "NOT_FOUND", "NOT_FOUND")
    assert short(Refusal(codes, "naïve")) == "naïve"
    assert short(Refusal(codes, "lone \ud800")) == "lone ?"


def test_a_message_over_the_limit_is_refused(world: Recording, wire_name: str) -> None:
    server = GrpcServer(
        world.door,
        world.access.authenticator,
        host="127.0.0.1",
        port=0,
        limits=Limits(message_bytes=1000, workers=2),
        wire_name=wire_name,
    )
    port = server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            assert refusal(channel, "Search", bytes(2000))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
    finally:
        server.stop(0)


def test_a_busy_port_is_a_clear_refusal(world: Recording, wire_name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = GrpcServer(world.door, world.access.authenticator, host="127.0.0.1", port=port, wire_name=wire_name)
        with pytest.raises(Misconfigured, match=f"127.0.0.1:{port}"):
            server.start()
        server.stop(0)


def test_two_servers_cannot_share_a_port(world: Recording, port: int, wire_name: str) -> None:
    second = GrpcServer(world.door, world.access.authenticator, host="127.0.0.1", port=port, wire_name=wire_name)
    with pytest.raises(Misconfigured):
        second.start()
    second.stop(0)


def test_calls_in_progress_are_answered_before_the_server_stops(
    world: Recording, server: GrpcServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, stopping, batch_objects = threading.Event(), threading.Event(), world.service.objects.batch

    def held(incoming: Sequence[IncomingObject], caller: Caller, *, checks_tenants: bool) -> list[WeftError | None]:
        entered.set()
        assert stopping.wait(10)
        return batch_objects(incoming, caller, checks_tenants=checks_tenants)

    monkeypatch.setattr(world.service.objects, "batch", held)
    port = server.start()
    results: list[batch.BatchObjectsReply] = []
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        caller = threading.Thread(target=lambda: results.append(store(channel, "a")))
        caller.start()
        assert entered.wait(10)
        server.announce_stop()
        stopping.set()
        server.stop(10)
        caller.join(10)
    assert len(results) == 1
    assert count(world) == 1


def count(world: Recording) -> int:
    """How many articles there are."""
    (group,) = world.service.aggregate(Aggregation("Article", objects_count=True), Caller()).groups
    return group.count
