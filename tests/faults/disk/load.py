"""Operations on a data folder, one after the other, each with what the folder holds afterwards.

Run as a process with the library of ``faults.c`` in LD_PRELOAD:

    python -m faults.disk.load fail FOLDER        reads lines ``at errno half``, and answers each with a line
    python -m faults.disk.load record FOLDER LOG  writes all calls that change the folder, and ``K i`` after operation i
"""

from __future__ import annotations

import ctypes
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from weft.domain.errors import WeftError
from weft.domain.filters import Condition, Operator, PropertyTarget
from weft.domain.objects import Object, Vector
from weft.domain.query import Keyword
from weft.domain.schema import CollectionConfig, DataType, Property, Tokenization, VectorConfig
from weft.engine.changes import Change, Remove, Upsert
from weft.engine.database import Database
from weft.engine.drivers import open_database
from weft.files import disk

NAMES = ("Thing", "Other")
REFUSALS = (WeftError, OSError)
"""A wire makes the second of them a refusal, too."""
State = dict[str, dict[int, int]]
"""The version of each object, by collection."""


def config(name: str) -> CollectionConfig:
    properties = (
        Property("n", DataType.INT),
        Property("version", DataType.INT),
        Property("word", DataType.TEXT, index_searchable=True, tokenization=Tokenization.WORD),
        Property("filling", DataType.TEXT, index_filterable=False),
    )
    return CollectionConfig(name, properties, {"v": VectorConfig("v")}, document={"class": name})


def parse(document: Mapping[str, Any]) -> CollectionConfig:
    return config(document["class"])


def opened(folder: Path, *, durable: bool) -> Database:
    return open_database(folder, parse, durable=durable, write_queue=1000)


def vector(n: int, version: int) -> Vector:
    found: Vector = np.random.default_rng(1000 * version + n).standard_normal(8).astype(np.float32)
    return found


def upsert(n: int, version: int, filling: int = 0) -> Upsert:
    properties = {"n": n, "version": version, "word": f"word{n}", "filling": "x" * filling}
    return Upsert(Object((n + 1).to_bytes(16), properties, {"v": vector(n, version)}, 1, 1))


def remove(n: int) -> Remove:
    return Remove((n + 1).to_bytes(16))


def written(name: str, *changes: Change) -> Callable[[Database], None]:
    def run(database: Database) -> None:
        with database.get(name).use(None) as part:
            part.write(changes)

    return run


def checkpoint(database: Database) -> None:
    with database.get("Thing").use(None) as part:
        part.checkpoint()  # type: ignore[attr-defined]


OPERATIONS: list[tuple[Callable[[Database], object], State]] = [
    (lambda database: database.create(config("Thing")), {"Thing": {}}),
    (written("Thing", *(upsert(n, 0) for n in range(8))), {"Thing": dict.fromkeys(range(8), 0)}),
    (
        written("Thing", *(upsert(n, 1) for n in range(6, 12)), remove(0)),
        {"Thing": dict.fromkeys(range(1, 6), 0) | dict.fromkeys(range(6, 12), 1)},
    ),
    (checkpoint, {"Thing": dict.fromkeys(range(1, 6), 0) | dict.fromkeys(range(6, 12), 1)}),
    (
        lambda database: database.create(config("Other")),
        {"Thing": dict.fromkeys(range(1, 6), 0) | dict.fromkeys(range(6, 12), 1), "Other": {}},
    ),
    (
        written("Thing", *(upsert(n, 2, 40_000) for n in range(30, 60))),  # more than the first map of LMDB takes
        {
            "Thing": dict.fromkeys(range(1, 6), 0) | dict.fromkeys(range(6, 12), 1) | dict.fromkeys(range(30, 60), 2),
            "Other": {},
        },
    ),
    (
        written("Thing", *(remove(n) for n in range(30, 60))),
        {"Thing": dict.fromkeys(range(1, 6), 0) | dict.fromkeys(range(6, 12), 1), "Other": {}},
    ),
    (
        written("Other", upsert(7, 3)),
        {"Thing": dict.fromkeys(range(1, 6), 0) | dict.fromkeys(range(6, 12), 1), "Other": {7: 3}},
    ),
    (checkpoint, {"Thing": dict.fromkeys(range(1, 6), 0) | dict.fromkeys(range(6, 12), 1), "Other": {7: 3}}),
]


def held(database: Database) -> State:
    """What the database holds, and finds in every way; AssertionError where the ways differ."""
    state: State = {}
    for name in NAMES:
        if database.find(name) is None:
            continue
        with database.get(name).use(None) as part:
            view = part.view()
            records = view.records(view.page(None, 1000).tolist())
            state[name] = {one.properties["n"]: one.properties["version"] for one in records}
            assert part.count == len(records)
            for n, version in state[name].items():
                (doc_id,) = view.find([(n + 1).to_bytes(16)])
                assert doc_id is not None
                (stored,) = view.vectors("v", [doc_id])
                assert stored is not None and stored.tolist() == vector(n, version).tolist()
                assert view.nearest("v", vector(n, version), 1, None, None).doc_ids.tolist() == [doc_id]
                assert view.keyword(Keyword(f"word{n}"), 10, None).doc_ids.tolist() == [doc_id]
                chosen = view.select(Condition(Operator.EQUAL, PropertyTarget("n"), n))
                assert chosen.first(10).tolist() == [doc_id]
    return state


def possible(done: int) -> list[State]:
    """What a folder may hold whose first ``done`` operations were acknowledged."""
    before: State = OPERATIONS[done - 1][1] if done else {}
    return [before, *([OPERATIONS[done][1]] if done < len(OPERATIONS) else [])]


def closed(database: Database) -> None:
    with suppress(*REFUSALS):  # of a disk that fails now, or failed before
        database.close()


def run(folder: Path, acknowledge: Callable[[int], object]) -> int:
    """How many operations were acknowledged, up to the first that was refused."""
    done = 0
    try:
        database = opened(folder, durable=True)
    except REFUSALS:
        return done
    try:
        for number, (operate, _) in enumerate(OPERATIONS):
            operate(database)
            done = number + 1
            acknowledge(done)
    except REFUSALS:
        pass
    finally:
        closed(database)
    return done


def fail(folder: Path, faults: ctypes.CDLL) -> None:
    path = os.fsencode(folder)
    for line in sys.stdin:
        at, code, half = map(int, line.split())
        disk.remove_folder(folder)
        faults.arm(path, at, code, half)
        try:
            done = run(folder, lambda number: None)
            calls = faults.count()
            faults.arm(path, 0, 0, 0)
            database = opened(folder, durable=False)
            found = held(database)
            database.close()
            assert found in possible(done), f"after {done} operations it holds {found}"
            print("ok", done, calls, flush=True)
        except BaseException:
            print("failed", traceback.format_exc().replace("\n", " | "), flush=True)
            faults.arm(path, 0, 0, 0)


def main() -> None:
    faults = ctypes.CDLL(None)
    faults.count.restype = ctypes.c_long
    faults.arm.argtypes = [ctypes.c_char_p, ctypes.c_long, ctypes.c_int, ctypes.c_int]
    folder = Path(sys.argv[2])
    if sys.argv[1] == "fail":
        fail(folder, faults)
        return
    log = os.open(sys.argv[3], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    faults.record(log)
    faults.arm(os.fsencode(folder), 0, 0, 0)
    assert run(folder, lambda number: os.write(log, b"K %d\n" % number)) == len(OPERATIONS)


if __name__ == "__main__":
    main()
