"""What a stranger's tool finds who tests the server by the OpenAPI document that it publishes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from server import Server

SEED = 20_261_121
KEY = "a-key-for-tests"
ENVIRON = {
    "AUTHENTICATION_APIKEY_ENABLED": "true",
    "AUTHENTICATION_APIKEY_ALLOWED_KEYS": KEY,
    "AUTHENTICATION_APIKEY_USERS": "root",
    "AUTHENTICATION_DB_USERS_ENABLED": "true",
    "AUTHORIZATION_RBAC_ENABLED": "true",
    "AUTHORIZATION_RBAC_ROOT_USERS": "root",
    "PROMETHEUS_MONITORING_ENABLED": "true",
    "PROMETHEUS_MONITORING_PORT": "0",
    "EXPORT_ENABLED": "true",
}
UUID = "00000000-0000-4000-8000-00000000000a"
SETTINGS = """
headers = { Authorization = "Bearer %(key)s" }

[dictionaries]
classes = { values = ["Thing", "Crate", "Other"] }
ids = { values = ["%(uuid)s"] }
properties = { values = ["name", "size", "next"] }
beacons = { values = ["weaviate://localhost/Thing/%(uuid)s"] }
tenants = { values = ["one", "two"] }
people = { values = ["jane", "root", "viewer", "helper"] }

[parameters]
"path.name" = { dictionary = "classes", probability = 0.8 }
"path.class" = { dictionary = "classes", probability = 0.8 }
"path.class_name" = { dictionary = "classes", probability = 0.8 }
"path.alias" = { dictionary = "classes", probability = 0.8 }
"path.id" = { dictionary = "ids", probability = 0.8 }
"path.property" = { dictionary = "properties", probability = 0.8 }
"path.tenant" = { dictionary = "tenants", probability = 0.8 }
"path.user" = { dictionary = "people", probability = 0.8 }
"path.role" = { dictionary = "people", probability = 0.8 }
"query.class" = { dictionary = "classes", probability = 0.5 }
"query.tenant" = { dictionary = "tenants", probability = 0.3 }
"body.class" = { dictionary = "classes", probability = 0.8 }
"body.id" = { dictionary = "ids", probability = 0.5 }
"body.beacon" = { dictionary = "beacons", probability = 0.8 }

# A failure in GraphQL is an answer, by its protocol.
[[operations]]
include-path = ["/v1/graphql", "/v1/graphql/batch"]
checks.negative_data_rejection.expected-statuses = ["2xx", "4xx"]
"""


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Server]:
    """A server with something of everything."""
    folders = {"BACKUP_FILESYSTEM_PATH": f"{tmp_path}/backups", "EXPORT_DEFAULT_PATH": f"{tmp_path}/exports"}
    with Server(tmp_path / "data", ENVIRON | folders) as server:
        with httpx.Client(base_url=server.url("/v1"), headers={"Authorization": f"Bearer {KEY}"}) as client:
            properties = [
                {"name": "name", "dataType": ["text"]},
                {"name": "size", "dataType": ["number"]},
                {"name": "next", "dataType": ["Thing"]},
            ]
            for path, body in (
                ("/schema", {"class": "Thing", "vectorizer": "none", "properties": properties}),
                ("/schema", {"class": "Crate", "vectorizer": "none", "multiTenancyConfig": {"enabled": True}}),
                ("/schema/Crate/tenants", [{"name": "one"}]),
                ("/objects", {"class": "Thing", "id": UUID, "properties": {"name": "hello"}, "vector": [1, 2, 3]}),
                ("/aliases", {"alias": "Other", "class": "Thing"}),
                ("/users/db/jane", None),
                ("/authz/roles", {"name": "helper", "permissions": []}),
            ):
                assert client.post(path, json=body).status_code in (200, 201)
        yield server


def test_the_server_keeps_to_its_document(guarded: Server, tmp_path: Path) -> None:
    """Asked for boundary values of every field, at random, and in chains: its answers have the statuses, types and
    shapes of the document, it refuses what does not fit it, and nothing is a failure of its own."""
    (tmp_path / "schemathesis.toml").write_text(SETTINGS % {"key": KEY, "uuid": UUID}, encoding="utf-8")
    checks = (
        "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
        "response_schema_conformance,negative_data_rejection,ignored_auth"
    )
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(tmp_path / "schemathesis.toml")),
            *("run", guarded.url("/v1/.well-known/openapi"), "--url", guarded.url("")),
            *("--checks", checks, "--phases", "coverage,fuzzing,stateful", "--exclude-deprecated", "--no-color"),
            *("--seed", str(SEED), "--max-examples", "3", "--continue-on-failure", "--generation-database", "none"),
        ],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=tmp_path,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"(\d+) generated, \d+ passed", done.stdout)
    assert found is not None and int(found[1]) > 1000, done.stdout
    assert not [line for line in guarded.lines if "unexpected error" in line or "Warning" in line]
    assert guarded.process.poll() is None
