"""The client of the soak that changes schemas and makes backups: indexes of properties and of vectors, new vectors,
collections that are dropped and restored."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from weaviate.classes.config import Configure, Reconfigure
from weaviate.exceptions import UnexpectedStatusCodeError

from soak.ledger import LASTING, Place
from soak.worker import Step, Worker

SHAPED = "Shaped"
_ENDED = ("SUCCESS", "FAILED", "CANCELED")
_WAIT_S = 600
_QUANTIZER = Reconfigure.VectorIndex.Quantizer


class Shaper(Worker):
    """Has the collection ``Shaped`` for itself."""

    def __init__(self, number: int, seed: int, pause_s: float = 0.0) -> None:
        super().__init__(number, seed, pause_s)
        self.backups: dict[str, str] = {}
        """The status of each, as last seen; nothing: not acknowledged."""
        self.kept: tuple[str, dict[Any, int]] | None = None
        """A whole backup of ``Shaped``, and what is in it."""
        self._vectors = 0

    def steps(self) -> Sequence[Step]:
        return (
            (6, self.insert_many),
            (2, self.delete_some),
            (2, self.merge),
            (2, self.search),
            (3, self.change_index),
            (2, self.change_vector),
            (1, self.add_vector),
            (1, self.back_up),
            (1, self.back_up_and_restore),
            (1, self.drop_and_make),
        )

    def place(self) -> Place:
        if not self.ledger.names.get(SHAPED):
            self.make(SHAPED)
        return SHAPED, ""

    def search(self) -> None:
        there = self.ledger.sure[self.place()]
        query = self.objects(self.place()).query
        found = query.near_vector([1.0] * 8, target_vector="default", limit=1000).objects
        assert {one.uuid for one in found} == there.keys(), f"{len(found)} of {len(there)} objects were found"

    def change_index(self) -> None:
        """Of a property: dropped, made, made again, or of another tokenization; it may still be going on at return."""
        self.place()
        index = self.rng.choice(("filterable", "searchable"))
        path = f"/schema/{SHAPED}/properties/{self.rng.choice(('kind', 'text'))}/index/{index}"
        kind = self.rng.randrange(3)
        body = {} if index == "filterable" else {"tokenization": self.rng.choice(("word", "field"))}
        if kind == 0:
            reply = self.rest.delete(path)
        elif kind == 1:
            reply = self.rest.put(path, json=body)
        else:
            reply = self.rest.post(f"{path}/rebuild")
        assert reply.status_code < 500, reply.text  # refused where there is nothing to do, or another is going on

    def change_vector(self) -> None:
        self.place()
        quantizer = self.rng.choice((None, _QUANTIZER.sq(), _QUANTIZER.bq()))
        index = Reconfigure.VectorIndex.hnsw(ef=self.rng.randrange(64, 256), quantizer=quantizer)
        update = Reconfigure.Vectors.update(name="default", vector_index_config=index)
        document = self.client.collections.use(SHAPED).config.get().vector_config
        if document is not None and document["default"].vector_index_config.quantizer is not None:
            index = Reconfigure.VectorIndex.hnsw(ef=self.rng.randrange(64, 256))
            update = Reconfigure.Vectors.update(name="default", vector_index_config=index)
        self._configured(lambda: self.client.collections.use(SHAPED).config.update(vector_config=update))

    def add_vector(self) -> None:
        self.place()
        if sum(name.startswith(f"{SHAPED}.") for name in self.ledger.names) < 4:
            self._vectors += 1
            name = f"more{self._vectors}"
            config = self.client.collections.use(SHAPED).config
            added = Configure.Vectors.self_provided(name=name)
            self.ledger.perhaps_names.add(f"{SHAPED}.{name}")
            self.ledger.names[f"{SHAPED}.{name}"] = self._configured(lambda: config.add_vector(vector_config=added))
            self.ledger.perhaps_names.discard(f"{SHAPED}.{name}")

    def _configured(self, send: Callable[[], object]) -> bool:
        """False if it is refused, because the client sends back all of a collection that it has read, and an index of a
        property was changed meanwhile."""
        try:
            send()
        except UnexpectedStatusCodeError as error:
            if error.status_code != 422 or "property fields other than description" not in str(error):
                raise
            return False
        return True

    def drop_and_make(self) -> None:
        self.place()
        for name in [name for name in self.ledger.names if name.startswith(f"{SHAPED}.")]:
            del self.ledger.names[name]
        self.drop(SHAPED)

    # -- backups

    def back_up(self) -> None:
        """Of some collections, which others change meanwhile; its end is not waited for."""
        self.place()
        chosen = self.rng.sample((*LASTING, SHAPED), 2)
        self._begin(chosen)

    def back_up_and_restore(self) -> None:
        self.place()
        held = dict(self.ledger.sure[SHAPED, ""])
        id_ = self._begin([SHAPED])
        if not id_ or self._ended(f"/backups/filesystem/{id_}")["status"] != "SUCCESS":
            return
        self.kept = id_, held
        self.drop_and_make()
        self.restore()

    def restore(self) -> None:
        """From the last whole backup of ``Shaped``, which is not there."""
        if self.kept is None or self.ledger.names.get(SHAPED):
            return
        id_, held = self.kept

        def send() -> None:
            reply = self.rest.post(f"/backups/filesystem/{id_}/restore", json={})
            assert reply.status_code == 200, reply.text
            status = self._ended(f"/backups/filesystem/{id_}/restore")
            assert status["status"] == "SUCCESS", status

        self.ledger.name(SHAPED, True, lambda: self.ledger.change_jointly((SHAPED, ""), held, send))

    def _begin(self, collections: Sequence[str]) -> str:
        """The id of a backup, or nothing while another is going on."""
        id_ = f"b{self.rng.getrandbits(60)}"
        self.backups[id_] = ""
        reply = self.rest.post("/backups/filesystem", json={"id": id_, "include": list(collections)})
        if reply.status_code == 422:
            del self.backups[id_]
            assert "already" in reply.text or "progress" in reply.text or "running" in reply.text, reply.text
            return ""
        assert reply.status_code == 200, reply.text
        self.backups[id_] = "STARTED"
        return id_

    def _ended(self, path: str) -> dict[str, Any]:
        end = time.monotonic() + _WAIT_S
        while time.monotonic() < end:
            reply = self.rest.get(path)
            assert reply.status_code == 200, reply.text
            status: dict[str, Any] = reply.json()
            if status["status"] in _ENDED:
                return status
            time.sleep(0.01)
        raise AssertionError(f"{path} does not end: {status}")

    def settle_backups(self, status_of: Any) -> None:
        """After a restart: each has ended, well or not; one that was not acknowledged may not be there."""
        for id_, seen in self.backups.items():
            now = status_of(id_)
            assert now in _ENDED or not (seen or now), f"the backup {id_} was {seen or 'sent'} and is {now or 'gone'}"
            self.backups[id_] = now
            if self.kept is not None and self.kept[0] == id_:
                assert now == "SUCCESS", f"the backup {id_} was whole and is {now}"
