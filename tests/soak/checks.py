"""What the server has after a restart, compared with the ledgers, and what it finds, with what it has.

Each function raises AssertionError with what is wrong.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import weaviate
from weaviate.classes.query import QueryReference

from server import Server
from soak.brute import compare
from soak.ledger import LINKED, MEANT, SHARED, Ledger, Place, kind_of, part_of, vectors_of
from soak.shaping import Shaper
from soak.worker import Worker
from weft.catalog.lmdb import LmdbCatalog
from weft.checks import check_folder
from weft.engine.embedded.folders import Folders
from weft.engine.embedded.storage import ShardStore

_AT_A_TIME = 4
"""Places that are looked at at once, so that other processes of the server answer as well."""


def check(server: Server, workers: Sequence[Worker], rng: random.Random) -> int:
    """Compares everything, and settles the ledgers. Returns how many objects there are."""
    with server.client() as client:
        collections = set(client.collections.list_all())
        tenants = set(client.collections.use(SHARED).tenants.get())
        places = sorted({place for worker in workers for place in worker.ledger.places()})
        with ThreadPoolExecutor(_AT_A_TIME) as threads:
            looks = []
            for place in places:
                there = place[0] in collections and (not place[1] or place[1] in tenants)
                ledgers = [worker.ledger for worker in workers]
                looks.append(threads.submit(_place, client, place, ledgers, random.Random(rng.random()), there))
            total = sum(look.result() for look in looks)
        _links(client, workers)
        _names(client, workers, collections)
    with httpx.Client(base_url=server.url("/v1"), timeout=60) as rest:
        for worker in workers:
            if isinstance(worker, Shaper):
                worker.settle_backups(lambda id_: _status(rest, id_))
    return total


def _status(rest: httpx.Client, id_: str) -> str:
    reply = rest.get(f"/backups/filesystem/{id_}")
    return str(reply.json()["status"]) if reply.status_code == 200 else ""


def _place(
    client: weaviate.WeaviateClient, place: Place, ledgers: Sequence[Ledger], rng: random.Random, there: bool
) -> int:
    stored: dict[uuid.UUID, Any] = {}
    if there:
        objects: Any = client.collections.use(place[0])
        objects = objects.with_tenant(place[1]) if place[1] else objects
        stored = {one.uuid: one for one in objects.iterator(include_vector=True)}
        count = objects.aggregate.over_all(total_count=True).total_count
        assert len(objects) == len(stored) == count, f"{place}: {len(objects)}, {len(stored)} and {count} objects"
    known: set[uuid.UUID] = set()
    for ledger in ledgers:
        states = ledger.states(place)
        known |= states.keys()
        for id_, possible in states.items():
            n = stored[id_].properties["n"] if id_ in stored else None
            where = "has" if place[0] in ("", place[0]) and there else "is not there, and"
            assert n in possible, f"{place} {where}: {id_} is {n} and not one of {possible}"
        joint = ledger.joint.get(place, set())
        assert not joint & stored.keys() or joint <= stored.keys(), f"{place}: {len(joint & stored.keys())} of {joint}"
        back = stored.keys() & (ledger.gone[place] - states.keys())
        assert not back, f"{place}: {back} had been deleted"
    assert stored.keys() <= known, f"{place}: no one stored {stored.keys() - known}"
    for one in stored.values():
        _whole(place, one)
    if there:
        compare(place, objects, stored, rng)
    for ledger in ledgers:
        ledger.settle(place, {id_: int(one.properties["n"]) for id_, one in stored.items()})
    return len(stored)


def _whole(place: Place, found: Any) -> None:
    """All parts of an object belong to one version of it."""
    n = int(found.properties["n"])
    texts = {"word": f"word{n}", "kind": kind_of(n), "text": f"common {part_of(n)}"}
    assert texts.items() <= found.properties.items(), f"{place}: {found.properties}"
    given = vectors_of(place[0], n)
    assert found.vector, f"{place}: {found.uuid} has no vector"
    if given is not None:
        whole = given if isinstance(given, dict) else {"default": given}
        assert found.vector == whole, f"{place}: {found.uuid} has {found.vector}, and was given {whole}"


def _links(client: weaviate.WeaviateClient, workers: Sequence[Worker]) -> None:
    objects = client.collections.use(LINKED)
    for worker in workers:
        ledger = worker.ledger
        for from_ in ledger.perhaps_links:
            found = objects.query.fetch_object_by_id(from_, return_references=QueryReference(link_on="to"))
            assert found is not None, from_
            targets = {one.uuid for one in found.references["to"].objects} if found.references else set()
            assert ledger.links[from_] <= targets <= ledger.perhaps_links[from_], (from_, targets, ledger.links[from_])
            ledger.links[from_] = targets
            ledger.perhaps_links[from_] = set(targets)


def _names(client: weaviate.WeaviateClient, workers: Sequence[Worker], collections: set[str]) -> None:
    there = set(collections)
    for name in collections:
        config = client.collections.use(name).config.get()
        there |= {f"{name}.{one.name}" for one in config.properties}
        there |= {f"{name}.{one}" for one in config.vector_config or ()}
    for worker in workers:
        ledger = worker.ledger
        for name, expected in ledger.names.items():
            assert name in ledger.perhaps_names or (name in there) == expected, f"{name} is there: {name in there}"
        ledger.settle_names(there)


# -- of a server that is not running


def check_files(folder: Path) -> None:
    """``weft check`` finds that nothing is lost; a catalog that is a change behind its copy is no damage."""
    found = check_folder(folder)
    damage = [one for one in found.findings if one.what != "it lacks the last changes"]
    assert not damage, "\n".join(found.lines())


def check_models(folder: Path) -> None:
    """What made the vectors is stored with them, in the same commit."""
    catalog, folders = LmdbCatalog(folder), Folders(folder)
    try:
        for name, entry in catalog.read().collections.items():
            for shard in entry.shards.values():
                if (path := folders.shard(entry, shard) / "store").exists():
                    _check_store(path, made=name == MEANT)
    finally:
        catalog.close()


def _check_store(path: Path, *, made: bool) -> None:
    store = ShardStore(path, {}, sync=False)
    try:
        store.verify(full=True)
        lacking = set(store.live) - set(store.vectors(store.vector_names[0]).doc_ids.tolist()) if store.count else set()
        assert not lacking, f"{path} lacks vectors of {lacking}"
        assert bool(store.models) == made or not store.count, path
        assert all("model2vec" in model for model in store.models.values()), path
    finally:
        store.close()
