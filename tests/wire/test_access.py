"""Roles and users through the official client, over REST and gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import pytest
import weaviate
from weaviate.classes.aggregate import GroupByAggregate
from weaviate.classes.config import DataType, Property, ReferenceProperty
from weaviate.classes.data import DataReference
from weaviate.classes.init import Auth
from weaviate.classes.query import Filter
from weaviate.classes.rbac import Permissions
from weaviate.exceptions import InsufficientPermissionsError, WeaviateInsertManyAllFailedError

from issuer import CLIENT, Issuer
from server import Server
from weft.protocol import search_get

ENVIRONMENT = {
    "AUTHENTICATION_APIKEY_ENABLED": "true",
    "AUTHENTICATION_APIKEY_ALLOWED_KEYS": "root-key",
    "AUTHENTICATION_APIKEY_USERS": "root-user",
    "AUTHENTICATION_DB_USERS_ENABLED": "true",
    "AUTHENTICATION_OIDC_ENABLED": "true",
    "AUTHENTICATION_OIDC_CLIENT_ID": CLIENT,
    "AUTHENTICATION_OIDC_USERNAME_CLAIM": "sub",
    "AUTHENTICATION_OIDC_GROUPS_CLAIM": "groups",
    "AUTHORIZATION_ENABLE_RBAC": "true",
    "AUTHORIZATION_ADMIN_USERS": "root-user",
}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running


@pytest.fixture(scope="module")
def guarded(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    environment = {**ENVIRONMENT, "AUTHENTICATION_OIDC_ISSUER": issuer.url}
    with Server(tmp_path_factory.mktemp("guarded"), environment) as running:
        assert issuer.gave_keys.wait(60), "no token is needed for that"
        yield running


@pytest.fixture(scope="module")
def root(guarded: Server) -> Iterator[weaviate.WeaviateClient]:
    with guarded.client(auth_credentials=Auth.api_key("root-key")) as client:
        client.collections.create(
            "Movies",
            properties=[Property(name="title", data_type=DataType.TEXT)],
            references=[ReferenceProperty(name="next", target_collection="Movies")],
        )
        client.collections.create("Secrets", properties=[Property(name="title", data_type=DataType.TEXT)])
        client.collections.use("Movies").data.insert({"title": "Alien"})
        yield client


@pytest.fixture
def reader(guarded: Server, root: weaviate.WeaviateClient) -> Iterator[weaviate.WeaviateClient]:
    """May read the data of Movies."""
    root.roles.create(role_name="reader", permissions=Permissions.data(collection="Mov*", read=True))
    key = root.users.db.create(user_id="jane")
    root.users.db.assign_roles(user_id="jane", role_names="reader")
    with guarded.client(auth_credentials=Auth.api_key(key)) as client:
        yield client
    root.users.db.delete(user_id="jane")
    root.roles.delete("reader")


def test_reading_is_all_that_a_reader_may(reader: weaviate.WeaviateClient) -> None:
    movies, secrets = reader.collections.use("Movies"), reader.collections.use("Secrets")
    found = movies.query.fetch_objects().objects
    assert [one.properties["title"] for one in found] == ["Alien"]
    assert movies.aggregate.over_all(total_count=True).total_count == 1
    assert len(list(movies.iterator())) == 1
    refused: list[Any] = [
        lambda: movies.query.fetch_objects(filters=Filter.by_property("title").equal("Alien")),
        lambda: secrets.query.fetch_objects(),
        lambda: secrets.aggregate.over_all(group_by=GroupByAggregate(prop="title")),
        lambda: secrets.data.delete_many(where=Filter.by_property("title").equal("x")),
        lambda: movies.data.insert({"title": "Heat"}),
        lambda: movies.data.delete_by_id(found[0].uuid),
        lambda: movies.config.get(),
        lambda: reader.collections.create("More"),
        lambda: reader.collections.delete("Movies"),
        lambda: reader.users.db.create(user_id="joe"),
    ]
    for ask in refused:
        with pytest.raises(InsufficientPermissionsError, match="forbidden action: user 'jane'"):
            ask()


def test_batches_say_what_is_forbidden(reader: weaviate.WeaviateClient) -> None:
    movies = reader.collections.use("Movies")
    uuid = next(iter(movies.iterator())).uuid
    with pytest.raises(WeaviateInsertManyAllFailedError, match="insufficient permissions to update_data"):
        movies.data.insert_many([{"title": "Heat"}, {"title": "Ronin"}])
    with pytest.raises(InsufficientPermissionsError, match="update_data"):
        movies.data.reference_add_many([DataReference(from_property="next", from_uuid=uuid, to_uuid=uuid)])
    with reader.batch.stream() as stream:
        stream.add_object("Movies", {"title": "Heat"})
    assert len(reader.batch.failed_objects) == 1 and "forbidden action" in reader.batch.failed_objects[0].message
    assert len(movies) == 1


def test_tokens_over_both_wires(guarded: Server, root: weaviate.WeaviateClient, issuer: Issuer) -> None:
    token = issuer.token(sub="olga", groups=["/staff"])
    with guarded.client(headers={"Authorization": f"Bearer {token}"}) as client:
        with pytest.raises(InsufficientPermissionsError, match="user 'olga' \\(of group '/staff'\\)"):
            client.collections.use("Movies").query.fetch_objects()
        root.groups.oidc.assign_roles(group_id="/staff", role_names="viewer")
        assert len(client.collections.use("Movies").query.fetch_objects().objects) == 1
        mine = client.users.get_my_user()
        assert mine is not None and mine.user_id == "olga" and list(mine.roles) == ["viewer"]


@pytest.mark.parametrize("authorization", ["Bearer nope", "Bearer a.b.c", "Basic cm9vdA==", None])
def test_wrong_credentials(guarded: Server, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    response = httpx.get(guarded.url("/v1/meta"), headers=headers)
    assert response.status_code == 401 and response.json()["code"] == 401
    request = search_get.SearchRequest(collection="Movies").SerializeToString()
    with grpc.insecure_channel(f"127.0.0.1:{guarded.grpc_port}") as channel, pytest.raises(grpc.RpcError) as refused:
        search: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/weaviate.v1.Weaviate/Search")
        search(request, metadata=tuple(headers.items()), timeout=30)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
