"""Which rights it takes to begin a classification and to watch it, one after the other."""

from __future__ import annotations

from unit.access.world import World, data, give, message
from weft.access.permissions import Permission


def test_the_rights_to_classify_and_to_watch(world: World) -> None:
    world.service.collections.create({"class": "Genres", "properties": [{"name": "name", "dataType": ["text"]}]})
    world.service.collections.add_property("Movies", {"name": "ofGenre", "dataType": ["Genres"]})
    body = {"class": "Movies", "classifyProperties": ["ofGenre"], "basedOnProperties": ["title"]}

    def collections(verb: str, name: str) -> Permission:
        return Permission(f"{verb}_collections", (name,))

    needed = (
        collections("update", "Movies"),
        data("read", "Movies"),
        collections("read", "Movies"),
        data("read", "Genres"),
        collections("read", "Genres"),
    )
    for count, missing in enumerate(needed):
        refused = message(world.ask(give(world, *needed[:count]), "POST", "/v1/classifications", body))
        assert missing.action in refused and missing.names[0] in refused
    begun = world.ask(give(world, *needed), "POST", "/v1/classifications", body)
    assert begun.status_code == 201
    path = f"/v1/classifications/{begun.json()['id']}"
    absent = world.ask(give(world), "GET", f"{path[:-4]}0000")
    hidden = world.ask(give(world, collections("read", "Genres")), "GET", path)
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert hidden.text.replace(path[-4:], "0000") == absent.text
    assert world.ask(give(world, collections("read", "Movies")), "GET", path).status_code == 200


def test_filters_through_references_take_the_right_to_read_their_target(world: World) -> None:
    world.service.collections.create({"class": "Genres", "properties": [{"name": "name", "dataType": ["text"]}]})
    world.service.collections.add_property("Movies", {"name": "ofGenre", "dataType": ["Genres"]})
    where = {"path": ["ofGenre", "Genres", "name"], "operator": "Equal", "valueText": "comedy"}
    body = {"class": "Movies", "classifyProperties": ["next"], "basedOnProperties": ["title"]}
    body |= {"filters": {"sourceWhere": where}}  # type: ignore[dict-item]
    own = [Permission(f"{verb}_collections", ("Movies",)) for verb in ("update", "read")]
    key = give(world, *own, data("read", "Movies"))
    assert "read_data" in message(world.ask(key, "POST", "/v1/classifications", body))
    key = give(world, *own, data("read", "Movies"), data("read", "Genres"))
    assert world.ask(key, "POST", "/v1/classifications", body).status_code == 201
