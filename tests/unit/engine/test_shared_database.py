"""Two servers on one catalog in PostgreSQL and one engine: what one has changed, the other answers by."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reference.remote import ReferenceStore
from weft.access.access import Access
from weft.access.shared import SharedAccessStore
from weft.catalog.shared import open_shared
from weft.config import load_settings
from weft.domain.caller import Caller, Credentials
from weft.domain.errors import CollectionNotFound, Conflict, Unauthenticated
from weft.domain.objects import IncomingObject, format_uuid, parse_uuid
from weft.domain.tenants import Tenant, TenantStatus
from weft.engine.remote.driver import RemoteDriver
from weft.engine.shared_database import SharedDatabase
from weft.files.folder_lock import FolderLock
from weft.modules import build_registry
from weft.service.indexes.property_indexes import WantedIndex
from weft.service.schema.document import parse
from weft.service.service import Service

CALLER = Caller()
IDS = [format_uuid(bytes(15) + bytes([n])) for n in range(10)]


@dataclass
class OneServer:
    database: SharedDatabase
    access: Access
    service: Service

    def caller(self, key: str) -> Caller:
        """As a request begins."""
        return self.access.authenticator.authenticate(f"Bearer {key}", Credentials())


class Cluster:
    def __init__(self, folder: Path, url: str, store: ReferenceStore) -> None:
        self._folder, self._url, self._store = folder, url, store
        self._stack = ExitStack()
        self._count = 0

    def start(self, **settings: Any) -> OneServer:
        self._count += 1
        folder = self._folder / str(self._count)
        given = {"db_users_enabled": True, "rbac_enabled": True, "rbac_root_users": "root", "apikey_enabled": True}
        given |= {"apikey_allowed_keys": "root-key", "apikey_users": "root"}
        loaded = load_settings({"data_path": folder, **given, **settings}, {})
        catalog, members = open_shared(self._url)
        database = SharedDatabase(FolderLock(folder), catalog, members, RemoteDriver(self._store), parse)
        self._stack.callback(database.close)
        access = Access(loaded.access, folder, store=SharedAccessStore(database))
        self._stack.callback(access.close)
        registry = build_registry()
        self._stack.callback(registry.close)
        service = Service(loaded, database, registry, access)
        self._stack.callback(service.close)
        return OneServer(database, access, service)

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def cluster(tmp_path: Path, catalog_url: str) -> Iterator[Cluster]:
    made = Cluster(tmp_path, catalog_url, ReferenceStore())
    yield made
    made.close()


@pytest.fixture
def two(cluster: Cluster) -> tuple[OneServer, OneServer]:
    return cluster.start(), cluster.start()


def thing(number: int) -> IncomingObject:
    return IncomingObject("Thing", IDS[number], {"text": f"thing {number}", "n": number})


def test_a_schema_is_that_of_all_servers(two: tuple[OneServer, OneServer]) -> None:
    one, other = two
    one.service.collections.create({"class": "Thing", "vectorizer": "none"})
    other.caller("root-key")
    assert other.service.collections.document("Thing")["class"] == "Thing"
    other.service.collections.add_property("Thing", {"name": "text", "dataType": ["text"]})
    other.service.aliases.create("Alias", "Thing")
    one.caller("root-key")
    assert [found["name"] for found in one.service.collections.document("Thing")["properties"]] == ["text"]
    assert one.service.collections.get("Alias").name == "Thing"
    one.service.collections.delete("Thing")
    other.caller("root-key")
    with pytest.raises(CollectionNotFound, match="to which the alias Alias points"):
        other.service.collections.get("Alias")
    one.service.collections.create({"class": "Thing", "description": "another"})
    other.caller("root-key")
    assert other.service.collections.document("Alias")["description"] == "another"


def test_objects_that_one_writes_the_other_has(two: tuple[OneServer, OneServer]) -> None:
    """The collection and its properties are made by the import, by both at once."""
    with ThreadPoolExecutor(2) as pool:
        batches = [[thing(n) for n in range(5)], [thing(n) for n in range(5, 10)]]
        done = [
            pool.submit(server.service.objects.batch, batch, CALLER) for server, batch in zip(two, batches, strict=True)
        ]
        assert [error for each in done for error in each.result()] == [None] * 10
    for server in two:
        server.database.follow()
        with server.service.collections.use(server.service.collections.open("Thing"), None) as part:
            assert part.count == 10
            view = part.view()
            doc_ids = [one for one in view.find([parse_uuid(one) for one in IDS]) if one is not None]
            found = [record.properties for record in view.records(doc_ids)]
            assert found == [{"text": f"thing {n}", "n": n} for n in range(10)]


def test_of_two_that_create_at_once_one_is_refused(two: tuple[OneServer, OneServer]) -> None:
    def create(server: OneServer) -> Conflict | None:
        try:
            server.service.collections.create({"class": "Thing"})
        except Conflict as error:
            return error
        return None

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(create, two))
    assert sorted(error is None for error in found) == [False, True]
    (refused,) = [error.message for error in found if error is not None]
    assert "class name Thing already exists" in refused


def test_no_change_of_a_schema_is_lost(two: tuple[OneServer, OneServer]) -> None:
    two[0].service.collections.create({"class": "Thing"})

    def add(number: int) -> None:
        two[number % 2].service.collections.add_property("Thing", {"name": f"p{number}", "dataType": ["int"]})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(12)))
    for server in two:
        server.database.follow()
        names = {found["name"] for found in server.service.collections.document("Thing")["properties"]}
        assert names == {f"p{number}" for number in range(12)}


def test_tenants(two: tuple[OneServer, OneServer]) -> None:
    one, other = two
    one.service.collections.create({"class": "Thing", "multiTenancyConfig": {"enabled": True}})
    other.database.follow()
    other.service.tenants.create("Thing", [Tenant("a", TenantStatus.ACTIVE), Tenant("b", TenantStatus.ACTIVE)])
    one.database.follow()
    one.service.tenants.update("Thing", [Tenant("a", TenantStatus.INACTIVE)])
    one.service.tenants.delete("Thing", ["b"])
    other.database.follow()
    assert other.service.tenants.all("Thing") == [Tenant("a", TenantStatus.INACTIVE)]


def test_users_keys_and_roles(two: tuple[OneServer, OneServer]) -> None:
    one, other = two
    root = one.caller("root-key")
    key = one.service.access.users.create("ada", caller=root)
    assert other.caller(key).user == "ada"
    new = other.service.access.users.rotate("ada")
    with pytest.raises(Unauthenticated):
        one.caller(key)
    caller = one.caller(new)
    other.service.access.users.deactivate("ada", revoke_key=True, caller=root)
    with pytest.raises(Unauthenticated):
        one.access.authenticator.check_still(caller, f"Bearer {new}")

    def create(number: int) -> str:
        return two[number % 2].service.access.users.create(f"user-{number}", caller=root)

    with ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(create, range(8)))
    assert [two[(n + 1) % 2].caller(one).user for n, one in enumerate(keys)] == [f"user-{n}" for n in range(8)]


def test_a_server_that_starts_has_everything(cluster: Cluster, two: tuple[OneServer, OneServer]) -> None:
    assert two[0].service.objects.batch([thing(1)], CALLER) == [None]
    key = two[1].service.access.users.create("ada", caller=two[1].caller("root-key"))
    third = cluster.start()
    assert third.caller(key).user == "ada"
    with third.service.collections.use(third.service.collections.open("Thing"), None) as part:
        assert part.count == 1


def test_an_index_is_changed_by_a_server_that_is_alone(cluster: Cluster) -> None:
    """The others would write as before."""
    one = cluster.start()
    one.service.collections.create({"class": "Thing", "properties": [{"name": "text", "dataType": ["text"]}]})
    other = cluster.start()
    wanted = WantedIndex(tokenization="field")
    while len(other.database.servers()) < 2:
        time.sleep(0.05)
    with pytest.raises(Conflict, match="stop them until the task has ended"):
        other.service.indexes.put("Thing", "text", "searchable", wanted, ())


def test_nodes_are_all_servers(two: tuple[OneServer, OneServer]) -> None:
    for number, server in enumerate(two):
        server.database.announce([f"http://host-{number}"], f"node-{number}")
    for server, names in zip(two, (["node-0", "node-1"], ["node-1", "node-0"]), strict=True):
        while (found := [node.name for node in server.service.nodes(None, verbose=True)]) != names:
            assert len(found) < 3
            time.sleep(0.05)
        assert server.service.statistics() == ["node-0", "node-1"]
