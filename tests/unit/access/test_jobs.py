"""Jobs are seen and steered by callers that may manage backups of all collections that the jobs are about."""

from __future__ import annotations

import time

from unit.access.world import World
from weft.access.permissions import Permission

JOBS = "/v1/weft/jobs"


def until_ended(world: World, count: int) -> dict[str, str]:
    """The ids of so many jobs by their names, once all have ended."""
    for _ in range(3000):
        found = world.ask("root-key", "GET", JOBS).json()["jobs"]
        if len(found) == count and all(one["status"] == "SUCCESS" for one in found):
            return {one["name"]: one["id"] for one in found}
        time.sleep(0.01)
    raise AssertionError(found)


def test_jobs_of_some_collections(world: World) -> None:
    for name, collection in (("one", "Movies"), ("two", "Shops")):
        body = {"id": name, "include": [collection]}
        assert world.ask("root-key", "POST", "/v1/backups/filesystem", body).status_code == 200
    ids = until_ended(world, 2)
    key = world.user("jane", [Permission("manage_backups", ("Movies",))])
    assert [one["name"] for one in world.ask(key, "GET", JOBS).json()["jobs"]] == ["one"]
    job = world.ask(key, "GET", f"{JOBS}/{ids['one']}").json()
    assert (job["kind"], job["collections"], job["pausable"]) == ("backup", ["Movies"], False)
    assert job["progress"]["unit"] == "bytes"
    assert job["progress"]["done"] > 0
    assert job["endedAt"] >= job["startedAt"]
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume")):
        assert world.ask(key, method, f"{JOBS}/{ids['two']}{path}").status_code == 403
        assert world.ask(key, method, f"{JOBS}/unknown{path}").status_code == 403
        assert world.ask("root-key", method, f"{JOBS}/unknown{path}").status_code == 404
    assert world.ask(key, "POST", f"{JOBS}/{ids['one']}/pause").status_code == 501
    assert world.ask(key, "POST", f"{JOBS}/{ids['one']}/resume").status_code == 422
    assert world.ask(key, "DELETE", f"{JOBS}/{ids['one']}").status_code == 422
    assert world.ask(world.user("joe"), "GET", JOBS).json() == {"jobs": []}
