"""Batch streams of the official client that the server ends: for being idle, and with their key."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from weaviate.auth import Auth

from server import Server
from weft.wire.grpc.wires import installed

KEYS = {
    "AUTHENTICATION_APIKEY_ENABLED": "true",
    "AUTHENTICATION_APIKEY_ALLOWED_KEYS": "root-key",
    "AUTHENTICATION_APIKEY_USERS": "root",
    "AUTHENTICATION_DB_USERS_ENABLED": "true",
    "AUTHORIZATION_RBAC_ENABLED": "true",
    "AUTHORIZATION_RBAC_ROOT_USERS": "root",
}


@pytest.mark.parametrize("wire", installed())
def test_a_client_that_pauses_goes_on(tmp_path: Path, wire: str) -> None:
    with Server(tmp_path, {"WEFT_GRPC_STREAM_IDLE": "1s", "WEFT_GRPC_WIRE": wire}) as server, server.client() as client:
        things = client.collections.create("Thing")
        with client.batch.stream() as batch:
            for number in range(3):
                batch.add_object("Thing", {"number": number})
                time.sleep(3)
        assert client.batch.failed_objects == []
        assert len(things) == 3


@pytest.mark.parametrize("wire", installed())
def test_a_client_whose_key_is_rotated_stores_nothing_more(tmp_path: Path, wire: str) -> None:
    signed_in = Auth.api_key("root-key")
    with (
        Server(tmp_path, {**KEYS, "WEFT_GRPC_WIRE": wire}) as server,
        server.client(auth_credentials=signed_in) as root,
    ):
        things = root.collections.create("Thing")
        key = root.users.db.create(user_id="jane")
        root.users.db.assign_roles(user_id="jane", role_names="admin")
        with (
            server.client(auth_credentials=Auth.api_key(key)) as jane,
            pytest.raises(Exception, match="invalid api key"),
            jane.batch.stream() as batch,
        ):
            batch.add_object("Thing", {"number": 1})
            while len(things) < 1:
                time.sleep(0.1)
            root.users.db.rotate_key(user_id="jane")
            for number in range(100):
                batch.add_object("Thing", {"number": number})
                time.sleep(0.1)
        assert len(things) == 1
