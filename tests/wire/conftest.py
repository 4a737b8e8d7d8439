"""One server for all tests of the wire, and a client and a fresh collection for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property, ReferenceProperty
from weaviate.collections import Collection

from providers.callers import addresses
from providers.standin import StandIn
from server import Server
from wire.wires import Wires, filled


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("weft")) as running:
        yield running


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[weaviate.WeaviateClient]:
    with server.client() as connected:
        yield connected


@pytest.fixture(scope="session")
def running_provider() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture
def provider(running_provider: StandIn) -> StandIn:
    """A stand-in for every provider of models; it has been asked nothing yet."""
    running_provider.reset()
    return running_provider


@pytest.fixture(scope="session")
def provider_server(running_provider: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose operator has it find all providers at the stand-in."""
    with Server(tmp_path_factory.mktemp("provided"), addresses(running_provider.url)) as running:
        yield running


@pytest.fixture
def make(
    client: weaviate.WeaviateClient, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Collection[Any, Any]]]:
    """Makes collections that are deleted after the test."""
    names: list[str] = []

    def create(**options: Any) -> Collection[Any, Any]:
        name = "T" + "".join(c for c in request.node.name.title() if c.isalnum()) + str(len(names))
        client.collections.delete(name)
        names.append(name)
        return client.collections.create(name, **options)

    yield create
    for name in names:
        client.collections.delete(name)


@pytest.fixture(scope="module")
def wires(server: Server, client: weaviate.WeaviateClient) -> Iterator[Wires]:
    with filled(server, client) as wires:
        yield wires


@pytest.fixture
def authors(make: Callable[..., Any]) -> Any:
    return make(
        vector_config=Configure.Vectors.self_provided(),
        properties=[Property(name="name", data_type=DataType.TEXT), Property(name="born", data_type=DataType.INT)],
    )


@pytest.fixture
def books(make: Callable[..., Any], authors: Any) -> Any:
    """Books point to authors, and to books that they cite."""
    made = make(
        vector_config=Configure.Vectors.self_provided(),
        properties=[Property(name="name", data_type=DataType.TEXT)],
        references=[ReferenceProperty(name="author", target_collection=authors.name)],
    )
    made.config.add_reference(ReferenceProperty(name="cites", target_collection=made.name))
    return made
