"""What was answered about roles and users survives ``kill -9`` at any moment, and nothing is there by half."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import httpx
import pytest

from server import Server

KILLS = 3
ENVIRONMENT = {
    "AUTHENTICATION_APIKEY_ENABLED": "true",
    "AUTHENTICATION_APIKEY_ALLOWED_KEYS": "root-key",
    "AUTHENTICATION_APIKEY_USERS": "root-user",
    "AUTHENTICATION_DB_USERS_ENABLED": "true",
    "AUTHORIZATION_RBAC_ENABLED": "true",
    "AUTHORIZATION_RBAC_ROOT_USERS": "root-user",
}
ROOT = {"authorization": "Bearer root-key"}


def make_users(server: Server, made: dict[str, str], roles: set[str], first: int) -> None:
    """Users with a role of their own each, until the server is gone; what was answered is noted."""
    with httpx.Client(base_url=server.url("/v1"), headers=ROOT, timeout=30) as client:
        for i in range(first, first + 100_000):
            name = f"user-{i}"
            permission = {"action": "read_data", "data": {"collection": f"C{i}"}}
            try:
                key = client.post(f"/users/db/{name}").json()["apikey"]
                made[name] = key
                client.post("/authz/roles", json={"name": name, "permissions": [permission]}).raise_for_status()
                body = {"roles": [name], "userType": "db"}
                client.post(f"/authz/users/{name}/assign", json=body).raise_for_status()
                roles.add(name)
            except httpx.TransportError:
                return


@pytest.mark.parametrize("seed", [11])
def test_users_and_roles_survive(tmp_path: Path, seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    made: dict[str, str] = {}
    roles: set[str] = set()
    server = Server(tmp_path, ENVIRONMENT)
    for kill in range(KILLS):
        writer = threading.Thread(target=make_users, args=(server, made, roles, kill * 1_000_000))
        writer.start()
        before = len(roles)
        while len(roles) < before + 5:
            time.sleep(0.01)
        time.sleep(chance.random() * 0.2)
        server.kill()
        writer.join()
        server.start()
        with httpx.Client(base_url=server.url("/v1"), timeout=30) as client:
            for name, key in made.items():
                mine = client.get("/users/own-info", headers={"authorization": f"Bearer {key}"}).json()
                assert mine["username"] == name
                if name in roles:
                    assert [role["name"] for role in mine["roles"]] == [name]
                    assert mine["roles"][0]["permissions"][0]["data"]["collection"] == f"C{name[5:]}"
    assert server.stop() == 0
