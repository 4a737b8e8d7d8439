"""Backups, restores and exports: of which collections callers begin and see them."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from unit.access.world import World, data, give, message
from weft.access.permissions import Permission, everything


def ended(world: World, key: str, path: str) -> dict[str, Any]:
    """The status of a backup, restore or export, once it has ended."""
    for _ in range(3000):
        found: dict[str, Any] = world.ask(key, "GET", path).json()
        if found["status"] in ("SUCCESS", "FAILED"):
            return found
        time.sleep(0.01)
    raise AssertionError(found)


def test_a_backup_or_restore_without_names_is_of_what_the_caller_may_archive(world: World) -> None:
    backups = "/v1/backups/filesystem"
    assert world.ask("root-key", "POST", backups, {"id": "both"}).json()["classes"] == ["Movies", "Shops"]
    assert ended(world, "root-key", f"{backups}/both")["status"] == "SUCCESS"
    key = give(world, Permission("manage_backups", ("Shops",)))
    for id, body in (("mine", {}), ("rest", {"exclude": ["Movies"]}), ("same", {"include": ["Shops"]})):
        made = world.ask(key, "POST", backups, {"id": id} | body)
        assert (made.status_code, made.json().get("classes")) == (200, ["Shops"]), made.text
        assert ended(world, key, f"{backups}/{id}")["status"] == "SUCCESS"
    restored = world.ask(key, "POST", f"{backups}/both/restore", {})
    assert restored.json()["classes"] == ["Shops"]  # which exists, so the restore will fail
    assert ended(world, key, f"{backups}/both/restore")["status"] == "FAILED"
    assert world.ask(key, "POST", f"{backups}/absent/restore", {}).status_code == 404
    for path in (backups, f"{backups}/both/restore"):
        assert world.ask(key, "POST", path, {"id": "no", "include": ["Movies"]}).status_code == 403
        assert world.ask(key, "POST", path, {"id": "no", "exclude": ["shops"]}).status_code == 403
        both = world.ask(key, "POST", path, {"id": "no", "include": ["Shops"], "exclude": ["Movies"]})
        assert both.status_code == 422
        other = world.user("joe", [Permission("manage_backups", ("Others",))])
        assert world.ask(other, "POST", path, {"id": "no"}).status_code == 403
        absent = world.ask(other, "POST", path, {"id": "no", "include": ["Others"]})
        assert absent.status_code == 422
        assert "Movies" not in absent.text


def test_only_root_users_see_on_which_backup_another_one_builds(world: World) -> None:
    path = "/v1/backups/filesystem"
    for id, base in (("base", None), ("next", "base")):
        body = {"id": id, "include": ["Shops"], "incremental_base_backup_id": base}
        assert world.ask("root-key", "POST", path, body).status_code == 200
        assert ended(world, "root-key", f"{path}/{id}")["status"] == "SUCCESS"
    world.user("jane", roles=["admin"])
    for key, seen in (("root-key", "base"), ("key-of-jane", None)):
        assert world.ask(key, "GET", f"{path}/next").json().get("incremental_base_backup_id") == seen
        listed = {one["id"]: one for one in world.ask(key, "GET", path).json()}
        assert listed["next"].get("incremental_base_backup_id") == seen


def test_an_export_is_of_what_the_caller_may_archive(tmp_path: Path) -> None:
    with closing(World(tmp_path, export_enabled=True, export_default_path=str(tmp_path / "exports"))) as world:
        key = give(world, Permission("manage_backups", ("Shops",)))
        path, body = "/v1/export/filesystem", {"file_format": "parquet"}
        for id, include in (("all", None), ("named", ["Movies", "Shops", "Unknown"])):
            made = world.ask(key, "POST", path, body | {"id": id, "include": include})
            assert (made.status_code, made.json().get("classes")) == (200, ["Shops"]), made.text
            assert ended(world, key, f"{path}/{id}")["status"] == "SUCCESS"
        for who, include in ((key, ["Movies"]), (key, ["Unknown"]), (world.user("joe"), None)):
            refused = world.ask(who, "POST", path, body | {"id": "no", "include": include})
            assert refused.status_code == 422
            assert "no exportable collections" in refused.text
            assert "Movies" not in refused.text
        assert world.ask("root-key", "POST", path, body | {"id": "no", "include": ["Unknown"]}).status_code == 422


def test_patterns_in_backups_mean_the_collections_that_they_choose(world: World) -> None:
    key = give(world, Permission("manage_backups", ("[^M].*",)))
    for include in (["*"], ["M*"], ["Movies"]):
        response = world.ask(key, "POST", "/v1/backups/filesystem", {"id": "mine", "include": include})
        assert "Collection: Movies" in message(response) or "Collection: *" in message(response)
    assert world.ask(key, "POST", "/v1/backups/filesystem", {"id": "mine", "include": ["S*"]}).status_code == 200


def test_a_role_for_the_backups_of_a_collection_may_know_that_there_is_none(world: World) -> None:
    shops, absent = "/v1/backups/filesystem/shops", "/v1/backups/filesystem/absent"
    made = world.ask("root-key", "POST", "/v1/backups/filesystem", {"id": "shops", "include": ["Shops"]})
    assert made.status_code == 200
    for held, missing in (
        (data("read", "Movies"), 403),
        (Permission("manage_backups", ("Movies",)), 404),
    ):
        key = give(world, held)
        assert {world.ask(key, "GET", path).status_code for path in (absent, f"{absent}/restore")} == {missing}
        assert world.ask(key, "DELETE", absent).status_code == 403
        assert world.ask(key, "GET", shops).status_code == 403


@pytest.mark.parametrize("key", ["rolesOptions", "usersoptions"])
def test_bringing_roles_or_users_back_is_for_those_who_manage_all_backups(world: World, key: str) -> None:
    mine, all_of_them = Permission("manage_backups", ("Movies",)), everything("manage_backups")
    body = {"include": ["Movies"], "config": {key: "all"}}
    path = "/v1/backups/filesystem/none/restore"
    assert world.ask(give(world, mine), "POST", path, body).status_code == 403
    assert world.ask(give(world, all_of_them), "POST", path, body).status_code == 404
