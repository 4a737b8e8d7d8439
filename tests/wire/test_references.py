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
from weaviate.classes.aggregate import GroupByAggregate
from weaviate.classes.config import Configure, DataType, Property, ReferenceProperty
from weaviate.classes.data import DataObject, DataReference
from weaviate.classes.query import Filter, GroupBy, MetadataQuery, QueryReference
from weaviate.classes.tenants import Tenant
from weaviate.collections.classes.internal import ReferenceToMulti
from weaviate.exceptions import UnexpectedStatusCodeError, WeaviateQueryError

from server import Server

Make = Callable[..., Any]
NO_VECTOR = Configure.Vectors.self_provided()
NAME = [Property(name="name", data_type=DataType.TEXT)]


@pytest.fixture
def authors(make: Make) -> Any:
    return make(vector_config=NO_VECTOR, properties=[*NAME, Property(name="born", data_type=DataType.INT)])


@pytest.fixture
def books(make: Make, authors: Any) -> Any:
    """Books point to authors, and to books that they cite."""
    made = make(
        vector_config=NO_VECTOR,
        properties=NAME,
        references=[ReferenceProperty(name="author", target_collection=authors.name)],
    )
    made.config.add_reference(ReferenceProperty(name="cites", target_collection=made.name))
    return made


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
        assert httpx.post(path, json=bad).status_code == 422, bad
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


def test_return_through_references(authors: Any, books: Any) -> None:
    ada = authors.data.insert({"name": "ada", "born": 1815}, vector=[1, 0])
    old = books.data.insert({"name": "old"}, references={"author": ada})
    new = books.data.insert({"name": "new"}, references={"cites": [old], "author": ada})
    books.data.insert({"name": "alone"})
    answer = books.query.fetch_objects(
        return_properties=["name"],
        return_references=[
            QueryReference(
                link_on="cites",
                return_properties=["name"],
                return_references=QueryReference(
                    link_on="author",
                    return_properties=["born"],
                    return_metadata=MetadataQuery(creation_time=True),
                    include_vector=True,
                ),
            ),
            QueryReference(link_on="author"),
        ],
    )
    by_name = {one.properties["name"]: one for one in answer.objects}
    assert by_name["alone"].references == {}
    assert set(by_name["old"].references) == {"author"}
    (cited,) = by_name["new"].references["cites"].objects
    assert (cited.uuid, cited.collection, cited.properties) == (old, books.name, {"name": "old"})
    (author,) = cited.references["author"].objects
    assert (author.uuid, author.collection, author.properties) == (ada, authors.name, {"born": 1815})
    assert author.vector == {"default": [1.0, 0.0]}
    assert author.metadata.creation_time is not None
    (plain,) = by_name["new"].references["author"].objects
    assert plain.properties == {"name": "ada", "born": 1815}
    assert plain.vector == {}
    assert plain.references is None
    assert by_name["new"].uuid == new


def test_references_of_a_search_its_groups_and_the_iterator(authors: Any, books: Any) -> None:
    people = [authors.data.insert({"name": f"author {n}"}) for n in range(3)]
    books.data.insert_many(
        [
            DataObject({"name": f"book {n}"}, vector=[1.0, n / 10], references={"author": people[n % 3]})
            for n in range(30)
        ]
    )
    asked = QueryReference(link_on="author")
    near = books.query.near_vector([1, 0], limit=4, return_references=asked).objects
    assert [names(o.references["author"]) for o in near] == [[f"author {n % 3}"] for n in range(4)]
    words = books.query.bm25("book", limit=3, return_references=asked).objects
    assert all(names(o.references["author"]) for o in words)
    groups = books.query.near_vector(
        [1, 0],
        limit=9,
        group_by=GroupBy(prop="author", number_of_groups=2, objects_per_group=2),
        return_references=asked,
    )
    assert list(groups.groups) == [f"weaviate://localhost/{authors.name}/{people[n]}" for n in range(2)]
    assert [names(o.references["author"]) for o in groups.objects] == [["author 0"]] * 2 + [["author 1"]] * 2
    everything = list(books.iterator(return_references=asked, cache_size=7))
    assert len(everything) == 30
    for one in everything:
        assert names(one.references["author"]) == [f"author {int(one.properties['name'].split()[1]) % 3}"]
    counted = books.aggregate.over_all(group_by=GroupByAggregate(prop="author"))
    assert {g.grouped_by.value: g.total_count for g in counted.groups} == {
        f"weaviate://localhost/{authors.name}/{person}": 10 for person in people
    }


def test_what_cannot_be_returned(authors: Any, books: Any) -> None:
    books.data.insert({"name": "book"})
    deep = QueryReference(link_on="author")
    for _ in range(6):
        deep = QueryReference(link_on="cites", return_references=deep)
    for asked in (
        QueryReference(link_on="nothing"),
        QueryReference(link_on="name"),
        QueryReference(link_on="author", return_properties=["nothing"]),
        QueryReference(link_on="author", include_vector=["nothing"]),
        QueryReference(link_on="cites", return_references=QueryReference(link_on="nothing")),
        deep,
    ):
        with pytest.raises(WeaviateQueryError):
            books.query.fetch_objects(return_references=asked)


def test_filters_through_references(authors: Any, books: Any) -> None:
    ada = authors.data.insert({"name": "Ada Lovelace", "born": 1815})
    bob = authors.data.insert({"name": "Bob", "born": 1950})
    one = books.data.insert({"name": "one"}, references={"author": ada})
    two = books.data.insert({"name": "two"}, references={"author": [ada, bob], "cites": one})
    books.data.insert({"name": "three"}, references={"cites": [one, two]})
    author = Filter.by_ref("author")
    assert found(books, author.by_property("born").less_than(1900)) == {"one", "two"}
    assert found(books, author.by_property("born").greater_than(1900)) == {"two"}
    assert found(books, author.by_property("name").equal("lovelace")) == {"one", "two"}
    assert found(books, author.by_id().equal(bob)) == {"two"}
    assert found(books, author.by_property("born").equal(3)) == set()
    assert found(books, Filter.not_(author.by_property("born").greater_than(1900))) == {"one", "three"}
    through = Filter.by_ref("cites").by_ref("author").by_property("born")
    assert found(books, through.equal(1950)) == {"three"}
    assert found(books, through.equal(1815)) == {"two", "three"}
    assert found(books, through.equal(1815) & author.by_id().equal(bob)) == {"two"}
    assert found(books, Filter.by_ref("cites").by_ref_count("author").equal(2)) == {"three"}

    assert found(books, Filter.by_ref_count("author").equal(0)) == {"three"}
    assert found(books, Filter.by_ref_count("author").greater_or_equal(1)) == {"one", "two"}
    assert found(books, Filter.by_ref_count("cites").less_than(2)) == {"one", "two"}

    authors.data.update(ada, properties={"born": 2000})
    assert found(books, author.by_property("born").less_than(1900)) == set(), "the target changed"
    books.data.reference_delete(two, "author", ada)
    assert found(books, author.by_property("born").equal(2000)) == {"one"}, "the reference went"
    assert books.aggregate.over_all(filters=author.by_property("born").equal(1950)).total_count == 1
    deleted = books.data.delete_many(where=author.by_property("born").equal(1950))
    assert (deleted.matches, deleted.successful) == (1, 1)
    assert found(books, Filter.by_ref_count("name" and "cites").greater_or_equal(0)) == {"one", "three"}
    for bad in (
        author.by_property("nothing").equal(1),
        Filter.by_ref("nothing").by_property("name").equal("x"),
        Filter.by_ref("name").by_property("name").equal("x"),
        author.by_property("born").equal("text"),
        Filter.by_ref_multi_target("author", books.name).by_property("name").equal("one"),
        Filter.by_ref_multi_target("author", "Nowhere").by_property("name").equal("one"),
        Filter.by_ref_count("name").equal(1),
    ):
        with pytest.raises(WeaviateQueryError):
            books.query.fetch_objects(filters=bad)


def test_several_targets(make: Make, authors: Any) -> None:
    things = make(vector_config=NO_VECTOR, properties=NAME)
    things.config.add_reference(
        ReferenceProperty.MultiTarget(name="about", target_collections=[authors.name, things.name])
    )
    same = uuid.uuid4()
    authors.data.insert({"name": "ada", "born": 1}, uuid=same)
    things.data.insert({"name": "thing"}, uuid=same)

    def to(target: Any, *ids: Any) -> ReferenceToMulti:
        return ReferenceToMulti(target_collection=target.name, uuids=list(ids))

    a = things.data.insert({"name": "a"}, references={"about": to(authors, same)})
    b = things.data.insert({"name": "b"})
    things.data.reference_add(b, "about", ReferenceToMulti(target_collection=things.name, uuids=same))
    c = things.data.insert({"name": "c"})
    result = things.data.reference_add_many(
        [
            DataReference.MultiTarget(from_uuid=c, from_property="about", to_uuid=[same], target_collection=target.name)
            for target in (things, authors)
        ]
    )
    assert not result.has_errors

    def linked(*targets: Any) -> dict[str, list[str]]:
        asked = [QueryReference.MultiTarget(link_on="about", target_collection=t.name) for t in targets]
        objects = things.query.fetch_objects(return_references=asked).objects
        return {o.properties["name"]: names(o.references["about"]) for o in objects if o.references}

    assert linked(authors) == {"a": ["ada"], "b": [], "c": ["ada"]}
    assert linked(things) == {"a": [], "b": ["thing"], "c": ["thing"]}
    assert linked(authors, things) == {"a": ["ada"], "b": ["thing"], "c": ["thing", "ada"]}
    assert found(things, Filter.by_ref_multi_target("about", authors.name).by_property("born").equal(1)) == {"a", "c"}
    assert found(things, Filter.by_ref_multi_target("about", things.name).by_id().equal(same)) == {"b", "c"}
    with pytest.raises(UnexpectedStatusCodeError, match="multi-target"):
        things.data.reference_add(a, "about", same)
    with pytest.raises(WeaviateQueryError, match="explicit"):
        things.query.fetch_objects(return_references=QueryReference(link_on="about"))
    things.data.reference_delete(c, "about", ReferenceToMulti(target_collection=things.name, uuids=same))
    assert linked(authors, things)["c"] == ["ada"], "the object of the same id in the other class stays"


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
