"""Centroids where several requests add references to one object."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from in_process import InProcess
from weft.domain.objects import IncomingReference
from weft.service.centroids import Centroids

ONE = str(UUID(int=1000))
WAIT_S = 0.1
"""How long an addition waits for another one that must wait for it."""


class Centred(InProcess):
    modules = ("ref2vec-centroid",)


def key(number: int) -> str:
    return str(UUID(int=number))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Centred]:
    opened = Centred(tmp_path)
    of_books = {"ref2vec-centroid": {"referenceProperties": ["books"]}}
    for made in (
        {"class": "Book", "vectorizer": "none", "properties": []},
        {
            "class": "Reader",
            "vectorizer": "ref2vec-centroid",
            "moduleConfig": of_books,
            "properties": [{"name": "books", "dataType": ["Book"]}],
        },
    ):
        assert opened.rest.post("/v1/schema", json=made).status_code == 200
    books: list[dict[str, Any]] = [{"class": "Book", "id": key(n), "vector": [n, 1]} for n in range(1, 41)]
    assert opened.rest.post("/v1/batch/objects", json={"objects": books}).status_code == 200
    assert opened.rest.post("/v1/objects", json={"class": "Reader", "id": ONE}).status_code == 200
    yield opened
    opened.close()


def test_each_of_many_additions_to_one_object_is_made(server: Centred, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the first is made, another one begins, again and again if it has to be repeated."""
    first, fill = threading.current_thread(), Centroids.fill
    others: list[threading.Thread] = []

    def add(number: int) -> None:
        asked = IncomingReference("Reader", ONE, "books", "Book", key(number))
        assert server.service.references.link([asked]) == [None]

    def intrude(centroids: Centroids, *given: Any) -> Any:
        if threading.current_thread() is first:
            others.append(threading.Thread(target=add, args=(2 + len(others),)))
            others[-1].start()
            others[-1].join(WAIT_S)
        return fill(centroids, *given)

    monkeypatch.setattr(Centroids, "fill", intrude)
    add(1)
    for one in others:
        one.join()
    stored = server.service.objects.get("Reader", ONE, None, vectors=True)
    numbers = [int.from_bytes(one.uuid, "big") for one in stored.properties["books"]]
    assert sorted(numbers) == list(range(1, 2 + len(others)))
    assert stored.vectors["default"].tolist() == [sum(numbers) / len(numbers), 1]
