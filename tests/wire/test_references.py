"""References through the official client: made, changed, returned, filtered and counted, alone and in batches."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import httpx
import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property, ReferenceProperty
from weaviate.classes.data import DataObject, DataReference
from weaviate.classes.query import Filter, MetadataQuery, QueryReference
from weaviate.classes.tenants import Tenant
from weaviate.collections.classes.internal import ReferenceToMulti
from weaviate.exceptions import UnexpectedStatusCodeError

from server import Server

Make = Callable[..., Any]
NO_VECTOR = Configure.Vectors.self_provided()
NAME = [Property(name="name", data_type=DataType.TEXT)]


def names(references: Any) -> list[str]:
    return [one.properties["name"] for one in references.objects]


def found(collection: Any, where: Any) -> set[str]:
    return {one.properties["name"] for one in collection.query.fetch_objects(filters=where).objects}


def authors_of(books: Any, book: Any) -> list[str] | None:
    """None when the property was never set."""
    got = books.query.fetch_object_by_id(book, return_references=QueryReference(link_on="author"))
    assert got.references is not None
    return names(got.references["author"]) if "author" in got.references else None


def test_add_replace_delete(authors: Any, books: Any) -> None:
    ada, bob = (authors.data.insert({"name": name}) for name in ("ada", "bob"))
    book = books.data.insert({"name": "book"}, vector=[1, 2])
    metadata = MetadataQuery(creation_time=True, last_update_time=True)
    before = books.query.fetch_objects(return_metadata=metadata).objects[0].metadata

    assert authors_of(books, book) is None
    books.data.reference_add(book, "author", ada)
    books.data.reference_add(book, "author", bob)
    books.data.reference_add(book, "author", ada)
    assert authors_of(books, book) == ["ada", "bob", "ada"], "in the order in which they were added"

    books.data.reference_delete(book, "author", ada)
    assert authors_of(books, book) == ["bob"], "every such reference is gone"
    books.data.reference_delete(book, "author", ada)
    assert authors_of(books, book) == ["bob"], "to delete what is not there changes nothing"

    books.data.reference_replace(book, "author", [ada, bob])
    assert authors_of(books, book) == ["ada", "bob"]
    books.data.reference_replace(book, "author", [])
    assert authors_of(books, book) == []
    books.data.update(book, references={"author": bob})
    books.data.update(book, references={"author": [ada]})
    assert authors_of(books, book) == ["bob", "ada"], "an update adds"

    (after,) = books.query.fetch_objects(return_metadata=metadata, include_vector=True).objects
    assert after.vector == {"default": [1.0, 2.0]}
    assert after.properties == {"name": "book"}
    assert after.metadata.creation_time == before.creation_time
    assert after.metadata.last_update_time >= before.last_update_time
    assert [o.uuid for o in books.query.near_vector([1, 2], limit=5).objects] == [book]


def test_vectors_of_every_kind_survive_a_reference(make: Make, authors: Any) -> None:
    books = make(
        properties=NAME,
        vector_config=[
            Configure.Vectors.self_provided(name="one"),
            Configure.Vectors.self_provided(name="two"),
            Configure.MultiVectors.self_provided(name="many"),
        ],
        references=[ReferenceProperty(name="author", target_collection=authors.name)],
    )
    ada = authors.data.insert({"name": "ada"})
    given = {"one": [1.0, 2.0], "many": [[1.0, 0.0, 0.5], [0.0, 1.0, 0.25]]}
    book = books.data.insert({"name": "book"}, vector=given)
    books.data.reference_add(book, "author", ada)
    assert books.query.fetch_object_by_id(book, include_vector=True).vector == given


def test_what_cannot_be_linked(server: Server, authors: Any, books: Any) -> None:
    ada, book, missing = authors.data.insert({"name": "ada"}), books.data.insert({"name": "book"}), uuid.uuid4()
    add = books.data.reference_add
    attempts: list[tuple[Callable[[], object], str]] = [
        (lambda: add(book, "nothing", ada), "no such prop"),
        (lambda: add(book, "name", ada), "is of type text"),
        (lambda: add(missing, "author", ada), str(missing)),
        (lambda: add(book, "author", missing), f"no object with id {missing}"),
        (lambda: add(book, "author", ReferenceToMulti(uuids=book, target_collection=books.name)), "targets"),
        (lambda: books.data.reference_replace(book, "author", [ada, missing]), f"no object with id {missing}"),
        (lambda: books.data.reference_replace(book, "nothing", []), "no such prop"),
        (lambda: books.data.reference_delete(missing, "author", ada), str(missing)),
        (lambda: books.data.reference_delete(book, "nothing", ada), "no such prop"),
    ]
    for attempt, message in attempts:
        with pytest.raises(UnexpectedStatusCodeError, match=message):
            attempt()
    path = server.url(f"/v1/objects/{books.name}/{book}/references/author")
    unusable: list[Any] = [
        {"beacon": "weaviate://localhost/x"},
        {"beacon": 3},
        {},
        [],
        "x",
        {"beacon": f"http://{ada}"},
    ]
    for bad in unusable:
        assert httpx.post(path, json=bad).status_code in (400, 422), bad
    assert authors_of(books, book) is None
    assert {p.name for p in books.config.get().properties} == {"name"}, "auto-schema makes nothing of a bad reference"


def test_insert_with_references(authors: Any, books: Any) -> None:
    ada, bob = (authors.data.insert({"name": name}) for name in ("ada", "bob"))
    one = books.data.insert({"name": "one"}, references={"author": [ada, bob]})
    many = books.data.insert_many(
        [
            DataObject({"name": "two"}, references={"author": ada, "cites": one}),
            DataObject({"name": "three"}, references={"author": [bob]}),
            DataObject({"name": "four"}, references={"name": ada}),
        ]
    )
    assert sorted(many.errors) == [3 - 1]
    assert authors_of(books, one) == ["ada", "bob"]
    assert authors_of(books, many.uuids[0]) == ["ada"]
    assert authors_of(books, many.uuids[1]) == ["bob"]

    books.data.update(one, properties={"name": "uno"})
    assert authors_of(books, one) == ["ada", "bob"], "an update keeps them"
    books.data.update(one, references={"author": bob})
    assert authors_of(books, one) == ["ada", "bob", "bob"], "or adds to them"
    books.data.replace(one, properties={"name": "one"})
    assert authors_of(books, one) is None


def test_what_an_object_brings_must_lead_somewhere(authors: Any, books: Any) -> None:
    author, missing = authors.data.insert({"name": "a"}), uuid.uuid4()
    with pytest.raises(UnexpectedStatusCodeError, match=f"invalid cref: .*:author: no object with id {missing} found"):
        books.data.insert({"name": "lost"}, references={"author": [author, missing]})
    many = [DataObject({"name": str(to)}, references={"author": to}) for to in (author, missing)]
    result = books.data.insert_many(many)
    assert list(result.errors) == [1]
    assert "invalid cref" in result.errors[1].message
    (book,) = books.query.fetch_objects().objects
    with pytest.raises(UnexpectedStatusCodeError, match="invalid cref"):
        books.data.update(book.uuid, references={"author": missing})
    with pytest.raises(UnexpectedStatusCodeError, match="invalid cref"):
        books.data.replace(book.uuid, {"name": "x"}, references={"author": missing})
    assert authors_of(books, book.uuid) == ["a"]


def test_deleted_targets(client: weaviate.WeaviateClient, make: Make, books: Any, authors: Any) -> None:
    ada, bob = (authors.data.insert({"name": name}) for name in ("ada", "bob"))
    book = books.data.insert({"name": "book"}, references={"author": [ada, bob]})
    authors.data.delete_by_id(ada)
    assert authors_of(books, book) == ["bob"]
    assert found(books, Filter.by_ref("author").by_property("name").equal("ada")) == set()
    assert found(books, Filter.by_ref_count("author").equal(2)) == {"book"}, "the reference itself is still there"
    authors.data.insert({"name": "ada again"}, uuid=ada)
    assert authors_of(books, book) == ["ada again", "bob"]
    client.collections.delete(authors.name)
    assert authors_of(books, book) == []


@pytest.mark.parametrize("mode", ["dynamic", "fixed_size", "stream"])
def test_batches(client: weaviate.WeaviateClient, make: Make, authors: Any, books: Any, mode: str) -> None:
    people = [uuid.uuid4() for _ in range(5)]
    works = [uuid.uuid4() for _ in range(40)]
    opened: Any = {
        "dynamic": client.batch.dynamic,
        "fixed_size": lambda: client.batch.fixed_size(batch_size=20, concurrent_requests=2),
        "stream": client.batch.stream,
    }[mode]
    with opened() as batch:
        for n, person in enumerate(people):
            batch.add_object(collection=authors.name, uuid=person, properties={"name": f"author {n}"})
        for n, work in enumerate(works):
            batch.add_object(collection=books.name, uuid=work, properties={"name": f"{n}"}, vector=[n, 1])
            batch.add_reference(
                from_collection=books.name, from_uuid=work, from_property="author", to=[people[n % 5], people[n % 2]]
            )
        hub = works[0]
        for work in works:
            batch.add_reference(from_collection=books.name, from_uuid=hub, from_property="cites", to=work)
        batch.add_reference(from_collection=books.name, from_uuid=hub, from_property="nothing", to=people[0])
        batch.add_reference(from_collection=books.name, from_uuid=uuid.uuid4(), from_property="author", to=people[0])
    assert client.batch.failed_objects == []
    assert len(client.batch.failed_references) == 2
    asked = [QueryReference(link_on="author"), QueryReference(link_on="cites")]
    objects = books.query.fetch_objects(limit=100, return_references=asked, include_vector=True).objects
    assert len(objects) == 40
    for one in objects:
        n = int(one.properties["name"])
        assert sorted(names(one.references["author"])) == sorted([f"author {n % 5}", f"author {n % 2}"])
        assert one.vector == {"default": [float(n), 1.0]}
    (first,) = [one for one in objects if one.uuid == hub]
    assert {cited.uuid for cited in first.references["cites"].objects} == set(works)


def test_add_many_reports_which_failed(authors: Any, books: Any) -> None:
    ada, book, later = authors.data.insert({"name": "ada"}), books.data.insert({"name": "book"}), uuid.uuid4()
    result = books.data.reference_add_many(
        [
            DataReference(from_uuid=book, from_property="author", to_uuid=ada),
            DataReference(from_uuid=book, from_property="nothing", to_uuid=ada),
            DataReference(from_uuid=uuid.uuid4(), from_property="author", to_uuid=ada),
            DataReference(from_uuid=book, from_property="author", to_uuid=later),
        ]
    )
    assert sorted(result.errors) == [1, 2]
    assert authors_of(books, book) == ["ada"]
    authors.data.insert({"name": "later"}, uuid=later)
    assert authors_of(books, book) == ["ada", "later"], "a batch may point to what an import brings later"


def test_references_added_at_once_are_all_kept(authors: Any, books: Any) -> None:
    """Concurrent writers of one object: each reads, appends and writes, and none undoes another."""
    people = authors.data.insert_many([{"name": f"{n}"} for n in range(60)]).uuids
    book = books.data.insert({"name": "book"}, vector=[1, 2])

    def add(n: int) -> None:
        if n % 3:
            books.data.reference_add(book, "author", people[n])
        else:
            books.data.update(book, properties={"name": f"book {n}"})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(60)))
    found = authors_of(books, book)
    assert found is not None
    assert sorted(found, key=int) == [str(n) for n in range(60) if n % 3]
    assert books.query.fetch_object_by_id(book, include_vector=True).vector == {"default": [1.0, 2.0]}


def test_references_within_tenants(make: Make) -> None:
    def tenanted(**more: Any) -> Any:
        made = make(
            vector_config=NO_VECTOR, properties=NAME, multi_tenancy_config=Configure.multi_tenancy(enabled=True), **more
        )
        made.tenants.create([Tenant(name="a"), Tenant(name="b")])
        return made

    shared = make(vector_config=NO_VECTOR, properties=NAME)
    authors = tenanted()
    books = tenanted(
        references=[
            ReferenceProperty(name="author", target_collection=authors.name),
            ReferenceProperty(name="topic", target_collection=shared.name),
        ]
    )
    topic = shared.data.insert({"name": "topic"})
    ada = authors.with_tenant("a").data.insert({"name": "ada"})
    in_a, in_b = books.with_tenant("a"), books.with_tenant("b")
    book = in_a.data.insert({"name": "book"}, references={"topic": topic})
    in_a.data.reference_add(book, "author", ada)
    assert authors_of(in_a, book) == ["ada"]
    linked = in_a.query.fetch_object_by_id(book, return_references=QueryReference(link_on="topic"))
    assert names(linked.references["topic"]) == ["topic"]
    assert found(in_a, Filter.by_ref("author").by_property("name").equal("ada")) == {"book"}
    assert found(in_a, Filter.by_ref("topic").by_property("name").equal("topic")) == {"book"}
    other = in_b.data.insert({"name": "other"})
    with pytest.raises(UnexpectedStatusCodeError, match="tenant"):
        in_b.data.reference_add(other, "author", ada)
    many = in_b.data.reference_add_many([DataReference(from_uuid=other, from_property="author", to_uuid=ada)])
    assert sorted(many.errors) == [0], "the object belongs to another tenant"
    assert found(in_b, Filter.by_ref("author").by_property("name").equal("ada")) == set()
    shared.config.add_reference(ReferenceProperty(name="author", target_collection=authors.name))
    with pytest.raises(UnexpectedStatusCodeError, match="multi-tenant"):
        shared.data.reference_add(topic, "author", ada)
    authors.tenants.remove("a")
    assert authors_of(in_a, book) == [], "the tenant of the target is gone"


def test_references_survive_a_restart(tmp_path: Any) -> None:
    with Server(tmp_path) as server:
        with server.client() as client:
            things = client.collections.create("Thing", vector_config=NO_VECTOR, properties=NAME)
            things.config.add_reference(ReferenceProperty(name="next", target_collection="Thing"))
            ids = [things.data.insert({"name": f"{n}"}) for n in range(4)]
            for here, there in pairwise(ids):
                things.data.reference_add(here, "next", there)
            things.data.reference_replace(ids[0], "next", [])
        server.kill()
        server.start()
        with server.client() as client:
            things = client.collections.use("Thing")
            listed = {o.properties["name"]: o for o in things.query.fetch_objects(
                return_references=QueryReference(link_on="next")
            ).objects}  # fmt: skip
            assert {n: [x.properties["name"] for x in _linked(o)] for n, o in listed.items()} == {
                "0": [], "1": ["2"], "2": ["3"], "3": [],
            }  # fmt: skip
            assert "next" in listed["0"].references
            assert "next" not in listed["3"].references
            assert found(things, Filter.by_ref("next").by_property("name").equal("3")) == {"2"}
            assert found(things, Filter.by_ref_count("next").equal(0)) == {"0", "3"}


def _linked(one: Any) -> Iterable[Any]:
    return one.references["next"].objects if "next" in one.references else ()
