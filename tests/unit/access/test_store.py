"""The access file: what was answered is there after a restart, and damage is noticed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from unit.access.world import World
from weft.access import keys
from weft.access.parts import RolesPart, UsersPart
from weft.access.permissions import everything
from weft.access.state import AccessState, UserRecord
from weft.access.store import FILE, AccessStore
from weft.domain.errors import CorruptData, Misconfigured


def filled(folder: Path) -> AccessStore:
    store = AccessStore(folder, sync=False)

    def edit(state: AccessState) -> tuple[AccessState, None]:
        jane = UserRecord(keys.digest(state.secrets[0], "jane's key"), "jan", True, 10.0)
        roles = {"reader": (everything("read_data"),), "empty": ()}
        return replace(state, roles=roles, assigned={"db:jane": ("reader",)}, users={"jane": jane}), None

    store.change(edit)
    return store


def test_reopened(tmp_path: Path) -> None:
    store = filled(tmp_path)
    again = AccessStore(tmp_path)
    assert again.state == store.state
    found = again.find("jane's key")
    assert found is not None and found[0] == "jane"
    assert again.find("another key") is None


def test_keys_are_not_in_the_file(tmp_path: Path) -> None:
    filled(tmp_path)
    assert b"jane's key" not in (tmp_path / FILE).read_bytes()
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_nothing_is_written_before_something_changes(tmp_path: Path) -> None:
    AccessStore(tmp_path).close()
    assert not (tmp_path / FILE).exists()


def test_a_change_that_raises_changes_nothing(tmp_path: Path) -> None:
    store = filled(tmp_path)
    before = (store.state, (tmp_path / FILE).read_bytes())

    def edit(state: AccessState) -> tuple[AccessState, None]:
        raise ValueError

    with pytest.raises(ValueError):
        store.change(edit)
    assert (store.state, (tmp_path / FILE).read_bytes()) == before


def test_last_use_is_kept_when_the_server_stops(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.used("jane")
    store.used("a user of the settings")
    store.close()
    assert AccessStore(tmp_path).last_used("jane") == store.last_used("jane") > 0


@pytest.mark.parametrize("how", ["cut", "flipped", "empty", "list"])
def test_damage_is_noticed(tmp_path: Path, how: str) -> None:
    filled(tmp_path)
    path = tmp_path / FILE
    raw = path.read_bytes()
    damaged = {"cut": raw[: len(raw) // 2], "flipped": raw.replace(b"reader", b"raeder"), "empty": b"", "list": b"[]"}
    path.write_bytes(damaged[how])
    with pytest.raises(CorruptData, match=FILE):
        AccessStore(tmp_path)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    filled(tmp_path)
    path = tmp_path / FILE
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | {"format": 2}))
    with pytest.raises(Misconfigured, match="format 2"):
        AccessStore(tmp_path)


def test_parts_bring_back_what_they_wrote(tmp_path: Path) -> None:
    store = filled(tmp_path)
    (tmp_path / "other").mkdir()
    other = AccessStore(tmp_path / "other", sync=False)
    other.change(lambda state: (replace(state, roles={"own": ()}, assigned={"db:jane": ("own",)}), None))
    assert RolesPart(store).names() == ["empty", "reader"]
    RolesPart(other).load(RolesPart(store).dump(["reader"]))
    assert other.state.roles == {"own": (), "reader": (everything("read_data"),)}
    assert other.state.assigned == {"db:jane": ("own", "reader")}
    UsersPart(other).load(UsersPart(store).dump(None))
    found = AccessStore(tmp_path / "other").find("jane's key")
    assert found is not None and found[0] == "jane"


def test_what_a_part_brought_can_be_taken_back(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.change(lambda state: (replace(state, adopted=frozenset({"jane"})), None))
    (tmp_path / "other").mkdir()
    other = AccessStore(tmp_path / "other", sync=False)
    other.change(lambda state: (replace(state, roles={"own": (), "reader": ()}, assigned={"db:jane": ("own",)}), None))
    before = other.state
    back = [part(other).load(part(store).dump(None)) for part in (RolesPart, UsersPart)]
    other.change(lambda state: (replace(state, roles={**state.roles, "later": ()}), None))
    for unload in reversed(back):
        unload()
    after = AccessStore(tmp_path / "other").state
    assert after.roles == {**before.roles, "later": ()}
    assert (after.assigned, after.users, after.adopted) == (before.assigned, before.users, before.adopted)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"roles": 1}', '{"roles": {"r": [{"action": "fly"}]}}', '{"users": {"a": 1}}']
)
def test_parts_refuse_what_they_did_not_write(tmp_path: Path, text: str) -> None:
    store = filled(tmp_path)
    before = store.state
    for part in (RolesPart(store), UsersPart(store)):
        with pytest.raises(CorruptData):
            part.load(text)
    assert store.state == before


def test_backups_take_roles_and_users_along(tmp_path: Path) -> None:
    world = World(tmp_path)
    try:
        assert set(world.access.parts()) == {"roles", "users"}
    finally:
        world.close()
