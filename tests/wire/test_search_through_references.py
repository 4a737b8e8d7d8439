"""References in searches through the official client: returned, filtered through, grouped, to several targets."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from weaviate.classes.aggregate import GroupByAggregate
from weaviate.classes.config import Configure, DataType, Property, ReferenceProperty
from weaviate.classes.data import DataObject, DataReference
from weaviate.classes.query import Filter, GroupBy, MetadataQuery, QueryReference
from weaviate.collections.classes.internal import ReferenceToMulti
from weaviate.exceptions import WeaviateQueryError

Make = Callable[..., Any]
NO_VECTOR = Configure.Vectors.self_provided()
NAME = [Property(name="name", data_type=DataType.TEXT)]


def names(references: Any) -> list[str]:
    return [one.properties["name"] for one in references.objects]


def found(collection: Any, where: Any) -> set[str]:
    return {one.properties["name"] for one in collection.query.fetch_objects(filters=where).objects}


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
    things.data.reference_add(a, "about", same)
    assert linked(authors, things)["a"] == ["ada", "ada"], "without a class, of the first that has the object"
    with pytest.raises(WeaviateQueryError, match="explicit"):
        things.query.fetch_objects(return_references=QueryReference(link_on="about"))
    things.data.reference_delete(c, "about", ReferenceToMulti(target_collection=things.name, uuids=same))
    assert linked(authors, things)["c"] == ["ada"], "the object of the same id in the other class stays"
