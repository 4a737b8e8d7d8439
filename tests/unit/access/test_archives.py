"""Backups, restores and exports: of which collections callers begin and see them."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unit.access.world import OBJECT, World, data, give, message
from weft.access.permissions import Permission, everything
from weft.jobs.backends.filesystem import FilesystemFolder
from weft.jobs.backup.descriptor import (
    BackupContents,
    StoredCollection,
    StoredShard,
    read_contents,
    read_state,
    write_contents,
    write_state,
)


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
    named = world.ask(key, "POST", "/v1/backups/filesystem", {"id": "mine", "include": ["Movies"]})
    assert "Collection: Movies" in message(named)
    for pattern in ("M*", "N*"):
        response = world.ask(key, "POST", "/v1/backups/filesystem", {"id": "mine", "include": [pattern]})
        assert response.status_code == 422 and "Movies" not in response.text
    for id, pattern in (("all", "*"), ("some", "S*")):
        made = world.ask(key, "POST", "/v1/backups/filesystem", {"id": id, "include": [pattern]})
        assert made.json()["classes"] == ["Shops"]
        assert ended(world, key, f"/v1/backups/filesystem/{id}")["status"] == "SUCCESS"


@pytest.mark.parametrize("include", [["*"], ["M*", "S*"], ["N*"], []])
def test_without_rights_a_pattern_is_refused_whatever_it_matches(world: World, include: list[str]) -> None:
    assert ended_with(world, "root-key", {"id": "all"}) == "SUCCESS"
    for path in ("/v1/backups/filesystem", "/v1/backups/filesystem/all/restore"):
        refused = world.ask(give(world), "POST", path, {"id": "mine", "include": include})
        assert message(refused).endswith("create_backups [[Domain: backups, Collection: *]]")


def ended_with(world: World, key: str, body: dict[str, Any]) -> str:
    assert world.ask(key, "POST", "/v1/backups/filesystem", body).status_code == 200
    return str(ended(world, key, f"/v1/backups/filesystem/{body['id']}")["status"])


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
        for method in ("GET", "DELETE"):
            for end in ("", "/restore"):
                there = world.ask(key, method, shops + end)
                gone = world.ask(key, method, absent + end)
                assert there.status_code == gone.status_code, (method, end)
                assert there.text.replace("shops", "absent") == gone.text
        assert world.ask(key, "DELETE", absent).status_code == 403


ADMIN = {
    "rolesOptions": {"config": {"rolesOptions": "all"}},
    "usersOptions": {"CONFIG": {"usersoptions": "all"}},
}


@pytest.mark.parametrize("key", ADMIN)
def test_restoring_roles_or_users_is_for_root_users(world: World, key: str) -> None:
    path = "/v1/backups/filesystem/none/restore"
    for who in (
        give(world, Permission("manage_backups", ("Movies",))),
        give(world, everything("manage_backups"), to="joe"),
        world.user("admin", roles=["admin"]),
    ):
        assert "only root users" in message(world.ask(who, "POST", path, {"include": ["Movies"]} | ADMIN[key]))
    assert world.ask("root-key", "POST", path, {"include": ["Movies"]} | ADMIN[key]).status_code == 404
    spoken = {"include": ["Movies"], "config": {"rolesOptions": "noRestore", "usersOptions": "noRestore"}}
    assert world.ask(give(world, Permission("manage_backups", ("Movies",))), "POST", path, spoken).status_code == 404


def parts_of(world: World, id: str) -> dict[str, str]:
    """The roles and users in a backup."""
    folder = FilesystemFolder(Path(ended(world, "root-key", f"/v1/backups/filesystem/{id}")["path"]))
    state = read_state(folder)
    assert state is not None
    return read_contents(folder, state).parts


def test_a_backup_has_accounts_only_if_a_root_user_makes_it(world: World) -> None:
    backups = "/v1/backups/filesystem"
    mine = give(world, Permission("manage_backups", ("Movies",)))
    everywhere = give(world, everything("manage_backups"), to="joe")
    for id, key in (("mine", mine), ("everywhere", everywhere), ("admins", world.user("admin", roles=["admin"]))):
        assert world.ask(key, "POST", backups, {"id": id, "include": ["Movies"]}).status_code == 200
        assert parts_of(world, id) == {}
        for asked in ("includeRoles", "includeUsers"):
            refused = world.ask(key, "POST", backups, {"id": "more", "include": ["Movies"], asked: ["*"]})
            assert "only root users" in message(refused)
    assert world.ask("root-key", "POST", backups, {"id": "whole"}).status_code == 200
    assert set(parts_of(world, "whole")) == {"roles", "users"}


def restored(world: World, key: str, id: str, **asked: Any) -> Any:
    """The answer to a request for a restore, which has ended if it was begun."""
    path = f"/v1/backups/filesystem/{id}/restore"
    response = world.ask(key, "POST", path, asked)
    if response.status_code == 200:
        ended(world, key, path)
    return response


def test_no_account_is_restored_over_an_existing_one(world: World) -> None:
    """Not even one of the settings, nor does anyone get a role by it that they had not."""
    backups = "/v1/backups/filesystem"
    for user in ("jane", "gone"):
        world.user(user, [data("read", "Movies")], roles=["admin"])
    world.ask("root-key", "POST", "/v1/users/db/list-user", {"import": True})
    world.ask("root-key", "POST", backups, {"id": "whole"})
    assert set(parts_of(world, "whole")) == {"roles", "users"}
    key = world.ask("root-key", "POST", "/v1/users/db/jane/rotate-key").json()["apikey"]
    world.ask("root-key", "POST", "/v1/authz/users/jane/revoke", {"roles": ["admin"], "userType": "db"})
    world.ask("root-key", "POST", "/v1/authz/roles/role-jane/add-permissions", {"permissions": [_reads("Shops")]})
    before = world.access.store.state
    for user in ("gone", "list-user"):
        assert world.ask("root-key", "DELETE", f"/v1/users/db/{user}").status_code == 204
    world.access.roles.delete("role-gone")
    world.service.collections.delete("Movies")
    options = {"rolesOptions": "all", "usersOptions": "all"}
    assert restored(world, "root-key", "whole", include=["Movies"], config=options).status_code == 200
    state = world.access.store.state
    assert state.users["jane"].key == before.users["jane"].key
    assert state.roles["role-jane"] == before.roles["role-jane"]
    assert state.assigned["db:jane"] == ("role-jane",)
    assert state.users["gone"] == before.users["gone"] and state.assigned["db:gone"] == ("admin", "role-gone")
    assert "list-user" not in state.users, "it is one of the settings"
    assert world.ask(key, "GET", "/v1/meta").status_code == 200
    assert world.ask("key-of-jane", "GET", "/v1/meta").status_code == 401


def _reads(collection: str) -> dict[str, Any]:
    return {"action": "read_data", "data": {"collection": collection}}


def test_aliases_are_restored_by_those_who_may_make_or_move_them(world: World) -> None:
    backups, archives = "/v1/backups/filesystem", Permission("manage_backups", ("Movies",))
    assert world.ask("root-key", "POST", backups, {"id": "one", "include": ["Movies"]}).status_code == 200
    assert ended(world, "root-key", f"{backups}/one")["status"] == "SUCCESS"
    aliases = world.service.aliases
    world.service.collections.delete("Movies")
    aliases.update("Flicks", "Shops")
    moves = [Permission("update_aliases", (name, "Flicks")) for name in ("Shops", "Movies")]
    for held in ([], moves[:1], moves[1:], [everything("create_aliases")]):
        refused = restored(world, give(world, archives, *held), "one", overwriteAlias=True)
        assert "update_aliases" in message(refused) and "Shops" not in refused.text
    assert restored(world, give(world, archives), "one").status_code == 200
    assert world.service.collections.find("Movies") is not None
    assert aliases.by_name() == {"Flicks": "Shops"}, "it was not asked for"
    world.service.collections.delete("Movies")
    assert restored(world, give(world, archives, *moves), "one", overwriteAlias=True).status_code == 200
    assert aliases.by_name() == {"Flicks": "Movies"}
    aliases.delete("Flicks")
    for held, made in (([], {}), ([Permission("create_aliases", ("Movies", "*"))], {"Flicks": "Movies"})):
        world.service.collections.delete("Movies")
        assert restored(world, give(world, archives, *held), "one").status_code == 200
        assert aliases.by_name() == made


@pytest.mark.parametrize(
    "edit",
    [
        lambda one: replace(one, document={**one.document, "class": "Stranger"}),
        lambda one: replace(one, document={"CLASS": "Stranger", **one.document, "class": "Shops2"}),
        lambda one: replace(one, shards=[StoredShard("other", "HOT", 0, None)]),
        lambda one: replace(one, shards=[StoredShard("../../x", "HOT", 0, None)]),
    ],
)
def test_a_backup_is_restored_only_under_the_names_that_it_states(world: World, edit: Any) -> None:
    """The rights are checked for those."""
    folder = crafted(world, edit)
    before = {one.name for one in world.service.collections.all()}
    answer = restored(world, give(world, Permission("manage_backups", ("Movies",))), folder)
    assert answer.status_code >= 400 and "the backup is damaged" in answer.text
    assert {one.name for one in world.service.collections.all()} == before


@pytest.mark.parametrize("aliases", [["Shops"], ["../x"], ["Movies"], ["flicks"], [""]])
def test_no_alias_of_a_backup_hides_a_collection(world: World, aliases: list[str]) -> None:
    id = crafted(world, lambda one: replace(one, aliases=aliases))
    assert restored(world, "root-key", id, overwriteAlias=True).status_code == 200
    assert world.service.aliases.by_name() == {}
    assert world.service.collections.open("Shops").config.name == "Shops"


def crafted(world: World, edit: Callable[[StoredCollection], StoredCollection]) -> str:
    """The id of a backup whose only collection, Movies, is replaced by what ``edit`` makes of it. There is none now."""
    world.ask("root-key", "POST", "/v1/backups/filesystem", {"id": "one", "include": ["Movies"]})
    folder = FilesystemFolder(Path(ended(world, "root-key", "/v1/backups/filesystem/one")["path"]))
    state = read_state(folder)
    assert state is not None
    contents = read_contents(folder, state)
    digest = write_contents(folder, BackupContents([edit(contents.collections[0])], {}))
    write_state(folder, replace(state, contents=digest))
    world.service.aliases.delete("Flicks")
    world.service.collections.delete("Movies")
    return "one"


def test_a_refusal_names_an_alias_and_not_its_collection(world: World) -> None:
    key = give(world)
    for method, path, body in (
        ("GET", "/v1/schema/{}", None),
        ("GET", f"/v1/objects/{{}}/{OBJECT}", None),
        ("POST", "/v1/search/{}/bm25", {"query": "x"}),
        ("GET", "/v1/aliases/{}", None),
        ("PUT", "/v1/aliases/{}", {"class": "Shops"}),
        ("DELETE", "/v1/aliases/{}", None),
    ):
        for held in ((), (Permission("update_aliases", ("Shops", "*")),)):
            key = give(world, *held)
            there, gone = (world.ask(key, method, path.format(name), body) for name in ("Flicks", "Others"))
            assert "Movies" not in there.text and there.status_code == 403
            assert there.text.replace("Flicks", "Others") == gone.text, path
