"""Models that change under a collection: what was made by another one is never compared with what comes now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from weft.access.access import Access
from weft.config import Settings
from weft.domain.caller import Caller
from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import IncomingObject, Vector
from weft.domain.query import Hybrid, Keyword, NearText, NearVector, Query, Search
from weft.engine.drivers import open_database
from weft.modules.base import ModuleInput, Vectorizer
from weft.modules.registry import Registry
from weft.service.fingerprints import may_be_one, spelled
from weft.service.schema.document import parse
from weft.service.service import Service

CALLER = Caller()
IDS = [f"00000000-0000-0000-0000-{n:012}" for n in range(1, 5)]


class Letters(Vectorizer):
    """The frequencies of eight letters, turned by the number of its revision: other revisions, other spaces."""

    name = "text2vec-letters"
    title = "Letters"

    def __init__(self, revision: int) -> None:
        self._revision = revision

    def fingerprint(self, settings: Any) -> str:
        return f"{self.name}|letters|revision {self._revision}"

    def embed_objects(self, inputs: Sequence[ModuleInput], settings: Any, caller: Caller) -> list[Vector | WeftError]:
        return [self.embed_query(one.texts, settings, caller) for one in inputs]

    def embed_query(self, texts: Sequence[str], settings: Any, caller: Caller) -> Vector:
        counts = np.array([" ".join(texts).count(letter) + 0.1 for letter in "abcdefgh"], np.float32)
        return np.roll(counts, self._revision)


@contextmanager
def serving(folder: Path, revision: int) -> Iterator[Service]:
    settings = Settings()
    registry = Registry({Letters.name: lambda: Letters(revision)})
    database = open_database(folder, parse, durable=False, write_queue=1_000)
    try:
        yield Service(settings, database, registry, Access(settings.access, database.folder, durable=False))
    finally:
        database.close()
        registry.close()


def create(service: Service) -> None:
    document = {
        "class": "Note",
        "properties": [{"name": "text", "dataType": ["text"]}],
        "vectorConfig": {
            "default": {"vectorizer": {Letters.name: {"vectorizeClassName": False}}, "vectorIndexType": "hnsw"}
        },
    }
    service.collections.create(document)


def note(n: int, text: str, **more: Any) -> IncomingObject:
    return IncomingObject("Note", IDS[n], {"text": text}, **more)


def found(service: Service, search: Search) -> list[str]:
    answer = service.search(Query("Note", search=search, limit=4), CALLER)
    return [hit.record.properties["text"] for hit in answer.hits]


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A folder of two notes, embedded by revision 1, one of them replaced since."""
    with serving(tmp_path, 1) as service:
        create(service)
        assert service.objects.batch([note(0, "aaa"), note(1, "bbb")], CALLER) == [None, None]
        service.objects.replace(note(1, "bb"), CALLER)
        assert found(service, NearText(texts=("aa",))) == ["aaa", "bb"]
    return tmp_path


def test_the_same_model_goes_on(filled: Path) -> None:
    with serving(filled, 1) as service:
        assert found(service, NearText(texts=("bbbb",))) == ["bb", "aaa"]
        assert service.objects.batch([note(2, "ccc")], CALLER) == [None]


def test_another_model_is_asked_for_nothing(filled: Path) -> None:
    with serving(filled, 2) as service:
        for search in (NearText(texts=("aa",)), Hybrid(Keyword("aaa"), alpha=0.5)):
            with pytest.raises(Invalid) as refused:
                found(service, search)
            assert "were made by text2vec-letters (letters, revision 1)" in refused.value.message
            assert "now uses text2vec-letters (letters, revision 2)" in refused.value.message
        (error,) = service.objects.batch([note(2, "ccc")], CALLER)
        assert isinstance(error, Invalid)
        assert "import into a new collection" in error.message
        with pytest.raises(Invalid, match="revision 1"):
            service.objects.insert(note(2, "ccc"), CALLER)
        assert not service.objects.exists("Note", IDS[2], None)


def test_what_needs_no_model_goes_on(filled: Path) -> None:
    given = np.ones(8, np.float32)
    with serving(filled, 2) as service:
        assert found(service, Keyword("aaa")) == ["aaa"]
        assert len(found(service, NearVector(vectors=(given,)))) == 2
        assert service.objects.batch([note(2, "ccc", vectors={"default": given})], CALLER) == [None]
        # An unchanged object keeps its vector, so nothing is embedded.
        assert service.objects.batch([note(0, "aaa")], CALLER) == [None]
        # Nor is there anything to embed of an empty text.
        assert service.objects.batch([note(3, "")], CALLER) == [None]
    with serving(filled, 1) as service:
        assert found(service, NearText(texts=("aa",)))[0] == "aaa"


def test_an_emptied_collection_takes_the_new_model(filled: Path) -> None:
    with serving(filled, 2) as service:
        for id_ in IDS[:2]:
            service.objects.delete("Note", id_, None)
        assert service.objects.batch([note(3, "ddd")], CALLER) == [None]
        assert found(service, NearText(texts=("d",))) == ["ddd"]
    with serving(filled, 2) as service:
        assert found(service, NearText(texts=("d",))) == ["ddd"]
    with serving(filled, 1) as service, pytest.raises(Invalid, match="revision 2"):
        found(service, NearText(texts=("d",)))


def test_a_fingerprint_does_not_outlive_its_vectors(filled: Path) -> None:
    with serving(filled, 2) as service:
        for id_ in IDS[:2]:
            service.objects.delete("Note", id_, None)
        assert service.objects.batch([note(2, "c", vectors={"default": np.ones(8, np.float32)})], CALLER) == [None]
    with serving(filled, 2) as service:
        assert service.objects.batch([note(3, "d")], CALLER) == [None]
        assert len(found(service, NearText(texts=("d",)))) == 2


def test_vectors_of_users_have_no_model(tmp_path: Path) -> None:
    with serving(tmp_path, 1) as service:
        create(service)
        assert service.objects.batch([note(0, "a", vectors={"default": np.ones(8, np.float32)})], CALLER) == [None]
    with serving(tmp_path, 2) as service:
        assert found(service, NearText(texts=("a",))) == ["a"]
        assert service.objects.batch([note(1, "b")], CALLER) == [None]
    with serving(tmp_path, 1) as service, pytest.raises(Invalid, match="revision 2"):
        found(service, NearText(texts=("a",)))


@pytest.mark.parametrize(
    ("stored", "model", "may"),
    [
        ("a|m|abc|", "a|m|abc|", True),
        ("a|m|?|", "a|m|abc|", True),
        ("a|m|abc|", "a|m|?|", True),
        ("a|m|abc|", "a|m|abd|", False),
        ("a|n|?|", "a|m|abc|", False),
        ("a|m|abc|", "a|m|abc|8", False),
        ("a|m|?", "a|m|abc|8", False),
    ],
)
def test_a_revision_that_is_not_known_yet_may_be_any(stored: str, model: str, may: bool) -> None:
    assert may_be_one(stored, model) is may


def test_what_is_unknown_is_not_spelled() -> None:
    assert spelled("text2vec-x|model|?||8") == "text2vec-x (model, 8)"


def test_a_copy_gets_no_vector_that_it_did_not_have(tmp_path: Path) -> None:
    with serving(tmp_path, 1) as service:
        create(service)
        assert service.objects.batch([note(0, "aaa", stored_ms=(1, 2)), note(1, "aaa")], CALLER) == [None, None]
        assert service.objects.batch([note(2, "aaa", stored_ms=(1, 2))], CALLER) == [None]
        assert found(service, NearText(texts=("aa",))) == ["aaa", "aaa"]


def test_vectors_that_come_with_their_model_are_as_those_it_made(tmp_path: Path) -> None:
    with serving(tmp_path, 1) as service:
        create(service)

        def brought(n: int, revision: int) -> WeftError | None:
            models = {"default": f"{Letters.name}|letters|revision {revision}", "other": "of no vector here"}
            vector = np.ones(8, np.float32)
            (error,) = service.objects.batch([note(n, "aaa", vectors={"default": vector}, models=models)], CALLER)
            return error

        assert brought(0, 2) is None
        with pytest.raises(Invalid, match=r"were made by text2vec-letters \(letters, revision 2\)"):
            found(service, NearText(texts=("aa",)))
        refused = brought(1, 1)
        assert isinstance(refused, Invalid)
        assert "and those of this import by text2vec-letters (letters, revision 1)" in refused.message
        assert brought(1, 2) is None
    with serving(tmp_path, 2) as service:
        assert found(service, NearText(texts=("aa",))) == ["aaa", "aaa"]
