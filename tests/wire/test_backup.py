"""Backups and restores as the official client asks for them, against a real server, on the file system and in S3."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import weaviate
from weaviate.backup.backup import BackupConfigCreate, BackupStatus, BackupStorage
from weaviate.classes.backup import BackupCompressionLevel, BackupLocation
from weaviate.classes.config import Configure, DataType, Property, ReferenceProperty
from weaviate.classes.data import DataObject
from weaviate.classes.init import Auth
from weaviate.classes.query import Filter, QueryReference
from weaviate.classes.rbac import Permissions
from weaviate.classes.tenants import Tenant, TenantActivityStatus
from weaviate.exceptions import BackupFailedException, UnexpectedStatusCodeException

from s3_server import BUCKET, ENVIRON, s3_server
from server import Server

FILES = BackupStorage.FILESYSTEM
WAIT_S = 60


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backups")


@pytest.fixture(scope="module")
def keeping(place: Path) -> Iterator[Server]:
    with Server(place / "data", {"BACKUP_FILESYSTEM_PATH": str(place / "b")}) as running:
        yield running


@pytest.fixture
def client(keeping: Server) -> Iterator[weaviate.WeaviateClient]:
    with keeping.client() as connected:
        connected.collections.delete_all()
        yield connected
        connected.collections.delete_all()


@pytest.fixture
def http(keeping: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=keeping.url("/v1"), timeout=WAIT_S) as one:
        yield one


def vector_of(n: int) -> list[float]:
    vector: list[float] = np.random.default_rng(n).normal(size=16).astype(np.float32).tolist()
    return vector


def fill(things: Any, first: int, last: int) -> None:
    rows = [DataObject({"n": n, "word": f"word{n}"}, vector=vector_of(n)) for n in range(first, last)]
    assert not things.data.insert_many(rows).has_errors


def make(client: weaviate.WeaviateClient, name: str, **options: Any) -> Any:
    properties = [Property(name="n", data_type=DataType.INT), Property(name="word", data_type=DataType.TEXT)]
    vectors = Configure.Vectors.self_provided()
    return client.collections.create(name, properties=properties, vector_config=vectors, **options)


def check(things: Any, numbers: range) -> None:
    """Everything is there, and every kind of search finds it."""
    assert sorted(o.properties["n"] for o in things.iterator()) == list(numbers)
    for n in (numbers[0], numbers[-1]):
        assert things.query.near_vector(vector_of(n), limit=1).objects[0].properties["n"] == n
        assert [o.properties["n"] for o in things.query.bm25(f"word{n}").objects] == [n]
        found = things.query.fetch_objects(filters=Filter.by_property("n").equal(n)).objects
        assert [o.properties["word"] for o in found] == [f"word{n}"]


def ended(http: httpx.Client, path: str) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        status: dict[str, Any] = http.get(path).raise_for_status().json()
        if status["status"] in ("SUCCESS", "FAILED", "CANCELED"):
            return status
        time.sleep(0.01)
    raise AssertionError(status)


def test_everything_comes_back(client: weaviate.WeaviateClient) -> None:
    things = make(client, "Things")
    fill(things, 0, 300)
    notes = make(client, "Notes", references=[ReferenceProperty(name="about", target_collection="Things")])
    uuid = things.query.fetch_objects(limit=1).objects[0].uuid
    notes.data.insert({"n": 1, "word": "note"}, references={"about": uuid})
    settings = things.config.get()
    client.backup.create("everything", FILES, wait_for_completion=True)
    client.collections.delete_all()
    client.backup.restore("everything", FILES, wait_for_completion=True)
    check(things, range(300))
    assert things.config.get() == settings
    (note,) = notes.query.fetch_objects(return_references=QueryReference(link_on="about")).objects
    assert note.references["about"].objects[0].uuid == uuid
    fill(things, 300, 310)
    check(things, range(310))


def test_every_compression(client: weaviate.WeaviateClient, http: httpx.Client, place: Path) -> None:
    fill(things := make(client, "Things"), 0, 50)
    sizes: dict[str, int] = {}
    for level in BackupCompressionLevel:
        id = f"level-{level.value.lower()}"
        config = BackupConfigCreate(compression_level=level, cpu_percentage=80)
        client.backup.create(id, FILES, config=config)
        assert ended(http, f"/backups/filesystem/{id}")["status"] == "SUCCESS"
        sizes[level.value] = sum(p.stat().st_size for p in (place / "b" / id / "packs").iterdir())
        client.collections.delete_all()
        client.backup.restore(id, FILES)
        assert ended(http, f"/backups/filesystem/{id}/restore")["status"] == "SUCCESS"
        check(things, range(50))
    assert max(sizes, key=lambda level: sizes[level]) == "NoCompression"


def test_increments_need_their_bases(client: weaviate.WeaviateClient, http: httpx.Client, place: Path) -> None:
    things = make(client, "Things")
    for n, base in enumerate((None, "step0", "step1")):
        fill(things, 2000 * n, 2000 * n + (2000 if n == 0 else 20))
        body = {"id": f"step{n}", "incremental_base_backup_id": base}
        assert http.post("/backups/filesystem", json=body).status_code == 200
        found = ended(http, f"/backups/filesystem/step{n}")
        assert found.get("incremental_base_backup_id") == base
    stored = [sum(p.stat().st_size for p in (place / f"b/step{n}/packs").iterdir()) for n in range(3)]
    assert stored[1] < stored[0]
    client.collections.delete_all()
    (place / "b/step0").rename(place / "b/away")
    refused = http.post("/backups/filesystem/step2/restore", json={})
    assert refused.status_code == 422
    assert "'step0'" in refused.text
    refused = http.post("/backups/filesystem", json={"id": "step3", "incremental_base_backup_id": "step0"})
    assert refused.status_code == 422
    (place / "b/away").rename(place / "b/step0")
    client.backup.restore("step2", FILES, wait_for_completion=True)
    assert len(things) == 2040


def test_tenants_and_those_that_are_inactive(client: weaviate.WeaviateClient) -> None:
    shared = make(client, "Shared", multi_tenancy_config=Configure.multi_tenancy(enabled=True))
    shared.tenants.create([Tenant(name=f"t{n}") for n in range(6)])
    for n in range(5):
        fill(shared.with_tenant(f"t{n}"), 10 * n, 10 * n + 10)
    cold = [Tenant(name=f"t{n}", activity_status=TenantActivityStatus.INACTIVE) for n in (1, 3)]
    shared.tenants.update(cold)
    client.backup.create("tenants", FILES, wait_for_completion=True)
    client.collections.delete_all()
    client.backup.restore("tenants", FILES, wait_for_completion=True)
    statuses = {name: tenant.activity_status.value for name, tenant in shared.tenants.get().items()}
    assert statuses == {f"t{n}": "INACTIVE" if n in (1, 3) else "ACTIVE" for n in range(6)}
    shared.tenants.update([Tenant(name="t3", activity_status=TenantActivityStatus.ACTIVE)])
    for n in (0, 2, 3, 4):
        check(shared.with_tenant(f"t{n}"), range(10 * n, 10 * n + 10))
    assert len(shared.with_tenant("t5")) == 0


def test_writes_before_the_request_are_in_it(client: weaviate.WeaviateClient, keeping: Server) -> None:
    things = make(client, "Things")
    fill(things, 0, 100)
    stop = threading.Event()
    written = 100

    def write() -> None:
        nonlocal written
        with keeping.client() as other:
            while not stop.is_set():
                fill(other.collections.use("Things"), written, written + 10)
                written += 10

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.1)
    before = written
    client.backup.create("meanwhile", FILES, wait_for_completion=True)
    stop.set()
    writer.join()
    client.collections.delete_all()
    client.backup.restore("meanwhile", FILES, wait_for_completion=True)
    count = len(things)
    assert before <= count <= written + 10
    check(things, range(count))


def test_a_class_that_exists(client: weaviate.WeaviateClient) -> None:
    for name in ("Things", "Others"):
        fill(make(client, name), 0, 5)
    client.backup.create("both", FILES, wait_for_completion=True)
    client.collections.delete("Others")
    with pytest.raises(BackupFailedException, match="Things already exists"):
        client.backup.restore("both", FILES, wait_for_completion=True)
    assert not client.collections.exists("Others")
    assert client.backup.get_restore_status("both", FILES).status is BackupStatus.FAILED
    client.backup.restore("both", FILES, include_collections=["Others"], wait_for_completion=True)
    check(client.collections.use("Others"), range(5))


def test_aliases(client: weaviate.WeaviateClient) -> None:
    make(client, "Things")
    make(client, "Others")
    client.alias.create(alias_name="Stuff", target_collection="Things")
    try:
        client.backup.create("aliases", FILES, include_collections="Things", wait_for_completion=True)
        for overwrite, target in ((False, "Others"), (True, "Things")):
            client.collections.delete("Things")
            client.alias.update(alias_name="Stuff", new_target_collection="Others")
            client.backup.restore("aliases", FILES, wait_for_completion=True, overwrite_alias=overwrite)
            found = client.alias.get(alias_name="Stuff")
            assert found is not None
            assert found.collection == target
    finally:
        client.alias.delete(alias_name="Stuff")


def test_lists(client: weaviate.WeaviateClient, http: httpx.Client) -> None:
    make(client, "Things")
    for id in ("list-a", "list-b"):
        client.backup.create(id, FILES, wait_for_completion=True)
    found = [b.backup_id for b in client.backup.list_backups(FILES) if b.backup_id.startswith("list-")]
    assert found == ["list-b", "list-a"]
    found = [b.backup_id for b in client.backup.list_backups(FILES, sort_by_starting_time_asc=True)]
    assert found.index("list-a") < found.index("list-b")
    assert http.get("/backups/filesystem", params={"order": "up"}).status_code == 422


def test_a_cancelled_backup_leaves_nothing_and_frees_its_id(
    client: weaviate.WeaviateClient, http: httpx.Client, place: Path
) -> None:
    fill(make(client, "Things"), 0, 3000)
    client.backup.create("cancelled", FILES)
    assert client.backup.cancel("cancelled", FILES)
    status = ended(http, "/backups/filesystem/cancelled")
    if status["status"] == "CANCELED":
        assert not (place / "b/cancelled/packs").exists()
        assert http.delete("/backups/filesystem/cancelled").status_code == 204
        client.backup.create("cancelled", FILES, wait_for_completion=True)
    assert http.delete("/backups/filesystem/cancelled").status_code == 422
    assert http.delete("/backups/filesystem/never").status_code == 204
    assert http.delete("/backups/filesystem/never/restore").status_code == 204


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "invalid backup id"),
        ({"id": "Upper"}, "lower-case"),
        ({"id": "../up"}, "lower-case"),
        ({"id": "x", "include": ["Things"], "exclude": ["Things"]}, "not in both"),
        ({"id": "x", "include": ["Missing"]}, "Missing"),
        ({"id": "x", "include": ["Things", "things"]}, "twice"),
        ({"id": "x", "exclude": ["*"]}, "no class is left"),
        ({"id": "x", "config": {"path": "relative"}}, "must be absolute"),
        ({"id": "x", "incremental_base_backup_id": "x"}, "itself"),
        ({"id": "x", "incremental_base_backup_id": "never"}, "does not exist"),
        ({"id": "x", "includeUsers": ["*"]}, "includeUsers"),
    ],
)
def test_requests_that_make_no_sense(
    client: weaviate.WeaviateClient, http: httpx.Client, body: dict[str, Any], said: str, place: Path
) -> None:
    make(client, "Things")
    refused = http.post("/backups/filesystem", json=body)
    assert refused.status_code == 422
    assert said in refused.json()["error"][0]["message"]
    assert not (place / "b/x").exists()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"id": 5}, 400),
        ({"id": "x", "include": "Things"}, 400),
        ({"id": "x", "config": {"CPUPercentage": 90}}, 608),
        ({"id": "x", "config": {"CompressionLevel": "Most"}}, 606),
    ],
)
def test_requests_of_another_form(
    client: weaviate.WeaviateClient, http: httpx.Client, body: dict[str, Any], code: int, place: Path
) -> None:
    make(client, "Things")
    refused = http.post("/backups/filesystem", json=body)
    assert (refused.status_code, refused.json()["code"]) == (400 if code == 400 else 422, code)
    assert not (place / "b/x").exists()


def test_a_bucket_has_no_effect_on_the_file_system(client: weaviate.WeaviateClient, http: httpx.Client) -> None:
    make(client, "Things")
    assert http.post("/backups/filesystem", json={"id": "x", "config": {"Bucket": "b"}}).status_code == 200
    assert ended(http, "/backups/filesystem/x")["status"] == "SUCCESS"


def test_what_is_not_there(client: weaviate.WeaviateClient, http: httpx.Client) -> None:
    make(client, "Things")
    for path in ("never", "never/restore", "UPPER", "%2e%2e", "%2e%2e/restore"):
        assert http.get(f"/backups/filesystem/{path}").status_code == 404
    assert http.post("/backups/filesystem/never/restore", json={}).status_code == 404
    for answer in (
        http.get("/backups/gcs"),
        http.post("/backups/s3", json={"id": "x"}),
        http.get("/backups/azure/x"),
        http.post("/backups/gcs/x/restore", json={}),
    ):
        assert answer.status_code == 422
        assert "this server has filesystem" in answer.text
    client.backup.create("twice", FILES, wait_for_completion=True)
    with pytest.raises(UnexpectedStatusCodeException, match="already exists"):
        client.backup.create("twice", FILES)
    refused = http.post("/backups/filesystem/twice/restore", json={"config": {"rolesOptions": "all"}})
    assert refused.status_code in (200, 422)


def test_a_bucket_of_s3(tmp_path: Path) -> None:
    with s3_server() as address:
        environ = {"BACKUP_S3_BUCKET": BUCKET, "BACKUP_S3_ENDPOINT": address, "BACKUP_S3_USE_SSL": "false"}
        environ |= {"BACKUP_S3_PATH": "of/weft", **ENVIRON}
        with Server(tmp_path / "data", environ) as server, server.client() as client:
            things = make(client, "Things")
            fill(things, 0, 200)
            made = client.backup.create("one", BackupStorage.S3, wait_for_completion=True)
            assert made.path == f"s3://{BUCKET}/of/weft/one"
            fill(things, 200, 210)
            client.backup.create("two", BackupStorage.S3, incremental_base_backup_id="one", wait_for_completion=True)
            elsewhere = BackupLocation.S3(path="else/where", bucket=BUCKET)
            client.backup.create("three", BackupStorage.S3, backup_location=elsewhere, wait_for_completion=True)
            assert [b.backup_id for b in client.backup.list_backups(BackupStorage.S3)] == ["two", "one"]
        with Server(tmp_path / "other", environ) as server, server.client() as client:
            client.backup.restore("two", BackupStorage.S3, wait_for_completion=True)
            check(client.collections.use("Things"), range(210))
            assert client.get_meta()["modules"]["backup-s3"]["bucketName"] == BUCKET
            client.collections.delete_all()
            client.backup.restore("three", BackupStorage.S3, backup_location=elsewhere, wait_for_completion=True)
            check(client.collections.use("Things"), range(210))


def test_a_server_may_keep_backups_in_one_place_only(tmp_path: Path) -> None:
    environ = {"BACKUP_FILESYSTEM_PATH": str(tmp_path / "b"), "WEFT_BACKUP_DYNAMIC_LOCATION": "false"}
    with Server(tmp_path / "data", environ) as server, server.client() as client:
        make(client, "Things")
        body = {"id": "x", "config": {"path": str(tmp_path / "else")}}
        assert httpx.post(server.url("/v1/backups/filesystem"), json=body).status_code == 422
        client.backup.create("x", FILES, wait_for_completion=True)


def test_roles_and_users_come_back_when_asked_for(tmp_path: Path) -> None:
    environ = {
        "BACKUP_FILESYSTEM_PATH": str(tmp_path / "b"),
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
        "AUTHENTICATION_APIKEY_ENABLED": "true",
        "AUTHENTICATION_APIKEY_ALLOWED_KEYS": "root-key",
        "AUTHENTICATION_APIKEY_USERS": "root",
        "AUTHENTICATION_DB_USERS_ENABLED": "true",
        "AUTHORIZATION_RBAC_ENABLED": "true",
        "AUTHORIZATION_RBAC_ROOT_USERS": "root",
    }
    root = Auth.api_key("root-key")
    with Server(tmp_path / "data", environ) as server, server.client(auth_credentials=root) as client:
        fill(make(client, "Things"), 0, 5)
        seeing = Permissions.collections(collection="Things", read_config=True)
        reading = Permissions.data(collection="Things", read=True)
        client.roles.create(role_name="reader", permissions=[reading, seeing])
        key = Auth.api_key(client.users.db.create(user_id="jane"))
        client.users.db.assign_roles(user_id="jane", role_names="reader")
        client.backup.create("one", FILES, wait_for_completion=True)
        with server.client(auth_credentials=key) as jane, pytest.raises(UnexpectedStatusCodeException, match="403"):
            jane.backup.restore("one", FILES)
        client.roles.delete("reader")
        client.users.db.delete(user_id="jane")
        client.collections.delete("Things")
        client.backup.restore("one", FILES, wait_for_completion=True)
        assert client.users.db.get(user_id="jane") is None
        client.collections.delete("Things")
        client.backup.restore("one", FILES, roles_restore="all", users_restore="all", wait_for_completion=True)
        assert client.roles.get("reader") is not None
        with server.client(auth_credentials=key) as jane:
            check(jane.collections.use("Things"), range(5))


def test_a_folder_of_others_is_left_as_it_is(
    http: httpx.Client, client: weaviate.WeaviateClient, tmp_path: Path
) -> None:
    make(client, "Things")
    (tmp_path / "project/packs").mkdir(parents=True)
    (tmp_path / "project/packs/theirs").write_text("precious")
    response = http.post("/backups/filesystem", json={"id": "project", "config": {"path": str(tmp_path)}})
    assert response.status_code == 422
    assert "is not a backup" in response.text
    assert (tmp_path / "project/packs/theirs").read_text() == "precious"
    assert [one.name for one in (tmp_path / "project").iterdir()] == ["packs"]
