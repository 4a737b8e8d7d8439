"""References in process: edits that meet other writers, what is written, shared and refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reference.driver import ReferenceDriver
from weft.access.access import Access
from weft.catalog.lmdb import LmdbCatalog
from weft.config import Settings
from weft.domain.caller import Caller
from weft.domain.errors import CollectionNotFound, Conflict, Inapplicable, Invalid, NotFound
from weft.domain.filters import Condition, Operator, PropertyTarget, ReferenceTarget, Target
from weft.domain.objects import IncomingObject, IncomingReference, Object, format_uuid
from weft.domain.query import Query, ReferenceSelection, Returns
from weft.domain.tenants import Tenant
from weft.engine.changes import Edit
from weft.engine.database import Database
from weft.engine.drivers import open_database
from weft.engine.part import Part
from weft.files.folder_lock import FolderLock
from weft.modules import build_registry
from weft.service import filtering
from weft.service.schema.document import parse
from weft.service.search import linked
from weft.service.service import Service

CALLER = Caller()
KEYS = [bytes(15) + bytes([n + 1]) for n in range(40)]
IDS = [format_uuid(key) for key in KEYS]


@pytest.fixture(params=["embedded", "reference"])
def service(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Service]:
    """With a class Node: a name, and references ``next`` to other nodes."""
    settings = Settings()
    if request.param == "embedded":
        database = open_database(tmp_path, parse, durable=False, write_queue=100_000)
    else:
        database = Database(FolderLock(tmp_path), LmdbCatalog(tmp_path, sync=False), ReferenceDriver(), parse)
    registry = build_registry()
    made = Service(settings, database, registry, Access(settings.access, database.folder, durable=False))
    made.collections.create({"class": "Node", "properties": [{"name": "name", "dataType": ["text"]}]})
    made.collections.add_property("Node", {"name": "next", "dataType": ["Node"]})
    yield made
    registry.close()
    database.close()


def insert(service: Service, *names: str) -> None:
    """Objects under the first of ``IDS``."""
    objects = [IncomingObject("Node", id_, {"name": name}) for id_, name in zip(IDS, names, strict=False)]
    assert service.objects.batch(objects, CALLER) == [None] * len(names)


def link(service: Service, *pairs: tuple[int, int], **options: Any) -> list[Any]:
    given = [IncomingReference("Node", IDS[a], "next", "", IDS[b]) for a, b in pairs]
    return service.references.link(given, **options)


def part_of(service: Service) -> Part:
    with service.collections.open("Node").use(None) as part:
        return part


def doc_ids(service: Service, count: int) -> list[int | None]:
    """Of the first of ``IDS``; another one after each write of an object."""
    return part_of(service).view().find(KEYS[:count])


def following(depth: int) -> Returns:
    """``depth`` references deep."""
    references = (ReferenceSelection("next", following(depth - 1)),) if depth else ()
    return Returns(("name",), references=references)


def named(hits: list[Any]) -> list[str]:
    return [hit.record.properties["name"] for hit in hits]


# -- edits of stored objects


class Intruder:
    """An edit that another request beats to the object, the first ``times`` times."""

    def __init__(self, service: Service, times: int) -> None:
        self._service = service
        self._times = times
        self.calls = 0

    def __call__(self, obj: Object) -> Object:
        self.calls += 1
        if self.calls <= self._times:
            patch = IncomingObject("Node", IDS[0], {"name": f"changed {self.calls}"})
            self._service.objects.merge(patch, CALLER)
        obj.properties["next"] = []
        return obj


def named_done(obj: Object) -> Object:
    obj.properties["name"] = "done"
    return obj


def test_an_edit_is_made_again_on_what_another_request_left(service: Service) -> None:
    insert(service, "one")
    edit = Intruder(service, times=5)
    assert part_of(service).edit({KEYS[0]: edit}) == {}
    assert edit.calls == 6
    assert service.objects.get("Node", IDS[0], None, vectors=False).properties == {"name": "changed 5", "next": []}


def test_an_edit_that_never_gets_through_is_a_conflict(service: Service) -> None:
    insert(service, "one", "two")
    edits: dict[bytes, Edit] = {KEYS[0]: Intruder(service, times=1000), KEYS[1]: named_done}
    errors = part_of(service).edit(edits)
    assert set(errors) == {KEYS[0]}
    assert isinstance(errors[KEYS[0]], Conflict)
    assert service.objects.get("Node", IDS[1], None, vectors=False).properties == {"name": "done"}


def test_an_edit_that_changes_nothing_writes_nothing(service: Service) -> None:
    insert(service, "one")
    before = doc_ids(service, 2)
    errors = part_of(service).edit({key: lambda obj: None for key in KEYS[:2]})
    assert doc_ids(service, 2) == before == [0, None]
    assert set(errors) == {KEYS[1]}
    assert isinstance(errors[KEYS[1]], NotFound)


# -- links


def test_all_links_of_an_object_are_one_write(service: Service) -> None:
    insert(service, *(str(n) for n in range(40)))
    assert link(service, *((0, n) for n in range(40)), *((1, n) for n in range(3))) == [None] * 43
    assert doc_ids(service, 3) == [40, 41, 2]
    answer = service.search(Query("Node", limit=2, returns=following(1)), CALLER)
    assert named(answer.hits[0].references["next"]) == [str(n) for n in range(40)]
    assert named(answer.hits[1].references["next"]) == ["0", "1", "2"]


def test_each_bad_link_fails_alone(service: Service) -> None:
    insert(service, "one", "two")
    bad = [
        IncomingReference("Nowhere", IDS[0], "next", "", IDS[1]),
        IncomingReference("Node", "x", "next", "", IDS[1]),
        IncomingReference("Node", IDS[0], "next", "", "x"),
        IncomingReference("Node", IDS[0], "name", "", IDS[1]),
        IncomingReference("Node", IDS[0], "", "", IDS[1]),
        IncomingReference("Node", IDS[0], "next", "Nowhere", IDS[1]),
        IncomingReference("Node", IDS[0], "next", "", IDS[1], tenant="t"),
        IncomingReference("Node", IDS[9], "next", "", IDS[1]),
    ]
    good = IncomingReference("node", IDS[0].upper(), "Next", "node", IDS[1].upper())
    errors = service.references.link([*bad, good])
    assert [type(error) for error in errors] == [CollectionNotFound, *[Invalid] * 5, Inapplicable, NotFound, type(None)]
    answer = service.search(Query("Node", returns=following(1)), CALLER)
    assert [named(hit.references.get("next", [])) for hit in answer.hits] == [["two"], []]


def test_a_target_must_exist_only_where_asked(service: Service) -> None:
    insert(service, "one")
    (error,) = link(service, (0, 9), must_exist=True)
    assert isinstance(error, Invalid)
    assert link(service, (0, 9)) == [None]


def test_an_alias_names_the_target_too(service: Service) -> None:
    insert(service, "one", "two")
    service.aliases.create("Knot", "Node")
    given = IncomingReference("Knot", IDS[0], "next", "Knot", IDS[1])
    assert service.references.link([given]) == [None]
    (reference,) = service.objects.get("Node", IDS[0], None, vectors=False).properties["next"]
    assert (reference.collection, reference.uuid) == ("Node", KEYS[1])


# -- what references lead to


def test_a_target_is_read_once_and_shared(service: Service) -> None:
    insert(service, "hub", "a", "b", "c")
    link(service, (1, 0), (2, 0), (3, 0), (3, 0), (0, 1))
    hits = service.search(Query("Node", returns=following(2)), CALLER).hits
    hubs = [target for hit in hits if named([hit]) != ["hub"] for target in hit.references["next"]]
    assert len(hubs) == 4
    assert len({id(hub) for hub in hubs}) == 1
    assert named(hubs[0].references["next"]) == ["a"]


def test_cycles_end_where_the_question_does(service: Service) -> None:
    insert(service, "a", "b")
    link(service, (0, 1), (1, 0))
    (hit, _) = service.search(Query("Node", returns=following(5)), CALLER).hits
    seen = []
    while "next" in hit.references:
        (hit,) = hit.references["next"]
        seen += named([hit])
    assert seen == ["b", "a", "b", "a", "b"]
    with pytest.raises(Invalid, match="5 levels"):
        service.search(Query("Node", returns=following(6)), CALLER)


def test_an_answer_that_would_explode_is_refused(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    insert(service, *(str(n) for n in range(20)))
    link(service, *((a, b) for a in range(20) for b in range(20)))
    monkeypatch.setattr(linked, "MOST_LINKED", 20 * (20 + 20 * 20))
    assert len(service.search(Query("Node", limit=20, returns=following(2)), CALLER).hits) == 20
    with pytest.raises(Invalid, match=f"{20 * (20 + 20**2 + 20**3 + 20**4 + 20**5)} referenced objects"):
        service.search(Query("Node", limit=20, returns=following(5)), CALLER)


def test_an_answer_whose_references_would_take_too_much_is_refused(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few large objects, to which many hits point. Properties that are not chosen do not count."""
    insert(service, *(str(n) for n in range(20)), "x" * 1_000)
    link(service, *((n, 20) for n in range(20)))
    monkeypatch.setattr(linked, "MOST_LINKED_BYTES", 15_000)
    with pytest.raises(Invalid, match=r"would take 20\d{3} bytes, more than 15000"):
        service.search(Query("Node", limit=20, returns=following(1)), CALLER)
    assert service.search(Query("Node", limit=10, returns=following(1)), CALLER).hits
    without = Returns(references=(ReferenceSelection("next", Returns(properties=())),))
    assert len(service.search(Query("Node", limit=20, returns=without), CALLER).hits) == 20


@pytest.mark.parametrize(
    "selection",
    [
        ReferenceSelection("nothing", Returns()),
        ReferenceSelection("name", Returns()),
        ReferenceSelection("next", Returns(), "Nowhere"),
        ReferenceSelection("next", Returns(("nothing",))),
        ReferenceSelection("next", Returns(vectors=("nothing",))),
        ReferenceSelection("next", Returns(references=(ReferenceSelection("name", Returns()),))),
    ],
)
def test_a_selection_at_fault_is_refused_whatever_is_stored(service: Service, selection: ReferenceSelection) -> None:
    with pytest.raises(Invalid):
        service.search(Query("Node", returns=Returns(references=(selection,))), CALLER)


# -- filters


def test_a_filter_follows_references_hop_by_hop(service: Service) -> None:
    count = filtering.MAX_HOPS + 2
    insert(service, *(str(n) for n in range(count)))
    link(service, *((n, n + 1) for n in range(count - 1)))

    def at(hops: int, name: str) -> Condition:
        target: Target = PropertyTarget("name")
        for _ in range(hops):
            target = ReferenceTarget("next", target)
        return Condition(Operator.EQUAL, target, name)

    for hops in (1, 2, filtering.MAX_HOPS):
        assert named(service.search(Query("Node", filter=at(hops, str(hops + 1))), CALLER).hits) == ["1"], hops
        assert named(service.search(Query("Node", filter=at(hops, "0")), CALLER).hits) == []
    for hops in (filtering.MAX_HOPS + 1, 3_000):
        with pytest.raises(Invalid, match="references in a row"):
            service.search(Query("Node", filter=at(hops, "0")), CALLER)


def test_a_tenant_is_not_reached_from_a_collection_without_tenants(service: Service) -> None:
    """In the tenant that the request names, which is the target's."""
    insert(service, "one")
    service.collections.create({"class": "Shared", "multiTenancyConfig": {"enabled": True}})
    service.tenants.create("Shared", [Tenant("a")])
    service.collections.add_property("Node", {"name": "shared", "dataType": ["Shared"]})
    asked = [IncomingReference("Node", IDS[0], "shared", "Shared", IDS[1], "a")]
    (error,) = service.references.link(asked)
    assert "cannot reference a multi-tenant enabled class from a non multi-tenant enabled class" in str(error)
    (error,) = service.references.link(asked, must_exist=True)
    assert "class Node has multi-tenancy disabled, but request was with tenant" in str(error), "one reference by itself"
