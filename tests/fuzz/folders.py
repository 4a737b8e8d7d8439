"""A data folder with one damaged file: opened, read, searched and written to in a process of its own.

What comes of it is as it was before the damage, or is refused with a sentence.
"""

from __future__ import annotations

import os
import pickle
import random
import resource
import shutil
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np

from fuzz.mutating import damaged
from in_process import InProcess
from soak.eager import EAGER
from weft.access.store import AccessStore
from weft.domain.errors import WeftError
from weft.domain.filters import Condition, Operator, PropertyTarget
from weft.domain.objects import Object
from weft.domain.query import Keyword
from weft.engine.changes import Remove, Upsert
from weft.engine.database import Database
from weft.engine.drivers import open_database
from weft.service.schema.document import parse

TESTS = Path(__file__).parents[1]
OBJECTS = 160
_DIMS = 8
_OWN: dict[str, Any] = {"vectorizer": {"none": {}}}
_PROPERTIES = [{"name": "n", "dataType": ["int"], "indexRangeFilters": True}, {"name": "word", "dataType": ["text"]}]
_VECTORS = {"one": _OWN, "many": {**_OWN, "vectorIndexConfig": {"multivector": {"enabled": True}}}}
THING = {"class": "Thing", "properties": _PROPERTIES, "vectorConfig": _VECTORS}
CRATE = {"class": "Crate", "properties": _PROPERTIES, "vectorConfig": _VECTORS, "multiTenancyConfig": {"enabled": True}}
PLACES: tuple[tuple[str, str | None], ...] = (("Thing", None), ("Crate", "one"), ("Crate", "two"))
_MOST_CPU_S, _LONGEST_S = 300, 1200
_MOST_BYTES = 4 << 30

State = dict[Any, Any]


class Silent(AssertionError):
    """Damage was answered as data."""


def object_of(n: int) -> Object:
    rng = np.random.default_rng(n)
    one = rng.normal(size=_DIMS).astype(np.float32)
    many = rng.normal(size=(1 + n % 3, _DIMS)).astype(np.float32)
    return Object((n + 1).to_bytes(16), {"n": n, "word": f"word{n} common"}, {"one": one, "many": many}, 1, 1)


def build(folder: Path) -> None:
    world = InProcess(folder)
    for document in (THING, CRATE):
        world.service.collections.create(document)
    world.rest.post("/v1/schema/Crate/tenants", json=[{"name": "one"}, {"name": "two"}]).raise_for_status()
    world.rest.post("/v1/aliases", json={"alias": "Other", "class": "Thing"}).raise_for_status()
    for collection, tenant in PLACES:
        with world.database.get(collection).use(tenant) as part:
            for first in range(0, OBJECTS, 40):
                part.write([Upsert(object_of(n)) for n in range(first, first + 40)])
                part.maintain()  # type: ignore[attr-defined]  # of the embedded engine
            part.write([Remove(object_of(n).uuid) for n in range(0, OBJECTS, 10)])
            part.maintain()  # type: ignore[attr-defined]
    world.rest.post("/v1/backups/filesystem", json={"id": "whole"}).raise_for_status()
    while world.rest.get("/v1/backups/filesystem/whole").json()["status"] not in ("SUCCESS", "FAILED"):
        pass
    world.close()
    shutil.copy(TESTS / "formats/access-v1.json", folder / "data/access.json")


def state(folder: Path, *, writes: bool = False) -> State:
    """What there is, by place; a refusal where that is refused."""
    found: State = {}
    database = open_database(folder, parse, durable=False, write_queue=1000)
    try:
        found["names"] = sorted(one.config.name for one in database.collections())
        for place in PLACES:
            try:
                found[place] = held(database, *place)
                if writes:
                    _write(database, *place)
            except (WeftError, OSError) as error:
                found[place] = f"refused: {error}"
    finally:
        database.close()
    try:
        store = AccessStore(folder)
        found["access"] = repr(store.state)
    except WeftError as error:
        found["access"] = f"refused: {error}"
    return found


def held(database: Database, collection: str, tenant: str | None) -> dict[bytes, Any]:
    """All objects, and that every index has them; raises Silent where it has not."""
    with database.get(collection).use(tenant) as part:
        view = part.view()
        doc_ids = view.page(None, 10 * OBJECTS).tolist()
        records = view.records(doc_ids)
        uuids = [bytes(one) for one in view.uuids(doc_ids)]
        vectors: dict[str, Any] = {name: view.vectors(name, doc_ids) for name in _VECTORS}
        objects = {
            uuid: (one.properties["n"], one.properties["word"], *(vectors[name][at].tolist() for name in _VECTORS))
            for at, (uuid, one) in enumerate(zip(uuids, records, strict=True))
        }
        if part.count != len(objects):
            raise Silent(f"it counts {part.count} objects of {len(objects)}")
        for at in range(0, len(doc_ids), 23):
            doc_id, n = doc_ids[at], records[at].properties["n"]
            for name in _VECTORS:
                nearest = view.nearest(name, vectors[name][at], 1, None, None).doc_ids.tolist()
                if nearest != [doc_id]:
                    raise Silent(f"{doc_id} is not nearest to its own vector {name}, but {nearest}")
            if (words := view.keyword(Keyword(f"word{n}"), 10, None).doc_ids.tolist()) != [doc_id]:
                raise Silent(f"word{n} is in {words}, and not in {doc_id}")
            if (equal := view.select(Condition(Operator.EQUAL, PropertyTarget("n"), n)).first(10).tolist()) != [doc_id]:
                raise Silent(f"{n} is of {equal}, and not of {doc_id}")
        common = view.keyword(Keyword("common"), 10 * OBJECTS, None).doc_ids
        if sorted(common.tolist()) != sorted(doc_ids):
            raise Silent(f"a word of all objects is in {len(common)} of {len(doc_ids)}")
        return objects


def _write(database: Database, collection: str, tenant: str | None) -> None:
    more = range(OBJECTS, OBJECTS + 40)
    before = held(database, collection, tenant)
    with database.get(collection).use(tenant) as part:
        part.write([Upsert(object_of(n)) for n in more])
        part.maintain()  # type: ignore[attr-defined]
        if len(held(database, collection, tenant)) != len(before) + len(more):
            raise Silent("what was written is not there")
        part.write([Remove(object_of(n).uuid) for n in more])


def judge(good: State, found: State) -> str:
    """What is wrong, or nothing."""
    for key, expected in good.items():
        now = found.get(key)
        if now != expected and not (isinstance(now, str) and now.startswith("refused: ")):
            if isinstance(now, dict) and isinstance(expected, dict):
                gone, new = expected.keys() - now.keys(), now.keys() - expected.keys()
                other = [uuid for uuid in expected.keys() & now.keys() if expected[uuid] != now[uuid]]
                return f"{key}: {len(gone)} objects are gone, {len(new)} are new, {len(other)} are others"
            return f"{key}: {now} and not {expected}"
    return ""


def damage_one(folder: Path, rng: random.Random) -> str:
    """Of the files in it, every kind equally often; its name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.endswith("lock"))
    kinds: dict[str, list[Path]] = {}
    for path in files:
        kinds.setdefault(f"{path.parent.name}/{path.suffix or path.name}", []).append(path)
    path = rng.choice(kinds[rng.choice(sorted(kinds))])
    other = rng.choice(files).read_bytes()
    path.write_bytes(damaged(path.read_bytes(), other, rng))
    return str(path.relative_to(folder))


class Folders:
    """``once`` tries one damage; it returns its outcome, and raises AssertionError for what may not be."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._whole = folder / "whole"
        _apart(lambda: build(self._whole))
        self._good: State = _apart(lambda: state(self._copy()))
        assert len(self._good[PLACES[0]]) == OBJECTS - OBJECTS // 10, self._good

    def once(self, rng: random.Random) -> str:
        trial = self._copy()
        name = damage_one(trial, rng)

        def read() -> str:
            try:
                found = state(trial, writes=True)
            except (WeftError, OSError) as error:
                return f"refused: {error}"
            return judge(self._good, found) or ("refused" if "refused" in str(found) else "as before")

        found: str = _apart(read, name)
        assert found == "as before" or found.startswith("refused"), f"{name}: {found}"
        return found.split(":")[0]

    def end(self) -> None:
        """Nothing is left to be looked at."""

    def close(self) -> None:
        """Its folder is the caller's."""

    def _copy(self) -> Path:
        trial = self._folder / "trial"
        shutil.rmtree(trial, ignore_errors=True)
        shutil.copytree(self._whole / "data", trial)
        return trial


class Backups(Folders):
    """The same with a file of a backup, which is restored to an empty server."""

    def once(self, rng: random.Random) -> str:
        server = self._folder / "server"
        shutil.rmtree(server, ignore_errors=True)
        shutil.copytree(self._whole / "backups", server / "backups")
        name = damage_one(server / "backups", rng)
        found: str = _apart(lambda: self._restored(server), name)
        assert found == "as before" or found.startswith("refused"), f"{name}: {found}"
        return found.split(":")[0]

    def _restored(self, server: Path) -> str:
        world = InProcess(server)
        path = "/v1/backups/filesystem/whole"
        seen = world.rest.get(path)
        begun = world.rest.post(f"{path}/restore", json={})
        for reply in (seen, begun):
            assert reply.status_code < 500 or "damaged" in reply.text, reply.text
        status = "FAILED"
        if begun.status_code == 200:
            while (status := world.rest.get(f"{path}/restore").json()["status"]) not in ("SUCCESS", "FAILED"):
                time.sleep(0.01)
        left = [one.config.name for one in world.database.collections()]
        world.close()
        if status == "FAILED":
            assert not left, f"{left} are left of a restore that failed"
            return "refused"
        good = {key: value for key, value in self._good.items() if key != "access"}
        return judge(good, state(server / "data")) or "as before"


def _apart(work: Callable[[], Any], about: str = "") -> Any:
    """What ``work`` returns in a process of its own, with little memory and time. Raises AssertionError where it raises
    anything, or ends its process."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        status = 1
        try:
            signal.alarm(_LONGEST_S)
            resource.setrlimit(resource.RLIMIT_CPU, (_MOST_CPU_S, _MOST_CPU_S))
            resource.setrlimit(resource.RLIMIT_DATA, (_MOST_BYTES, _MOST_BYTES))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            for name, value in EAGER.items():
                module, _, attribute = name.rpartition(".")
                vars(resolve_name(f"weft.engine.embedded.{module}"))[attribute] = value
            answer = pickle.dumps((True, work()))
            status = 0
        except BaseException:
            answer = pickle.dumps((False, traceback.format_exc()))
        with os.fdopen(writing, "wb") as file:
            file.write(answer)
        os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        answered = file.read()
    _, status = os.waitpid(pid, 0)
    assert answered, f"{about}: the process ended with {os.waitstatus_to_exitcode(status)}"
    well, found = pickle.loads(answered)
    assert well, f"{about}: {found}"
    return found
