"""Every route and every gRPC method, asked by every role: allowed exactly where the table of the tests says."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from unit.access.walk import GRAPHQL, GRPC, REST, allowed
from unit.access.world import World
from weft.access.permissions import ACTIONS, Permission, everything
from weft.access.rights import ADMIN, VIEWER
from weft.domain.caller import Caller
from weft.domain.errors import Forbidden
from weft.protocol import batch
from weft.service.guard import requirements
from weft.wire.graphql.documents import ROOTS
from weft.wire.grpc.methods import Methods
from weft.wire.grpc.server import DEFAULT_LIMITS
from weft.wire.grpc.stream import BatchStream

READING = {action for action in ACTIONS if action.startswith("read_")} | {"manage_backups"}
"""What viewers have, where a route reads."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"), rbac_readonly_groups=("readers",), export_enabled=True)
    for action in ACTIONS:
        world.user(action, granted(action))
    world.user("without-roles")
    world.user("viewer", roles=[VIEWER])
    world.user("admin", roles=[ADMIN])
    world.access.roles.create("empty", [])
    yield world
    world.close()


INNER_PARTS = {"access.authenticator", "access.rights", "access.store", "searcher"}
INNER_METHODS = {
    "announce_stop",
    "close",
    "access.close",
    "access.parts",
    "archives.classes",
    "classifications.collections_of",
    "evaluations.place",
    "archives.meta",
    "archives.restores.aliases",
    "archives.restores.classes",
    "aliases.by_name",
    "collections.adding",
    "collections.check_new_objects",
    "collections.check_room",
    "collections.check_new_tenants",
    "collections.find",
    "collections.use",
    "collections.locate",
    "collections.plan_import",
    "collections.settle_import",
    "collections.open",
    "collections.on_delete",
    "imports.close",
    "imports.collections",
    "imports.forget_collection",
    "jobs.collections",
    "reembeddings.close",
    "tenants.use",
}
"""What rooms below the wires call of the service and its parts: no verbs, so no caller reaches them."""


def granted(*actions: str) -> list[Permission]:
    """All that the actions can be allowed on. To see nodes briefly is a permission of its own."""
    found = [everything(action) for action in actions]
    return [*found, Permission("read_nodes", ("minimal", "*"))] if "read_nodes" in actions else found


def routes(world: World) -> set[tuple[str, str]]:
    found = set()
    for route in world.app.routes:
        assert isinstance(route, Route), f"{route} is no plain route; say here what it needs"
        methods = set(route.methods or ())
        if "HEAD" in methods and ("HEAD", route.path) not in REST:
            methods.discard("HEAD")  # what Starlette adds to GET
        found |= {(method, route.path) for method in methods}
    return found


def test_no_route_is_missing_here(world: World) -> None:
    assert routes(world) == set(REST)


def test_no_published_operation_is_missing_here(world: World) -> None:
    """By the OpenAPI document, which names paths without converters."""
    paths = world.ask(None, "GET", "/v1/.well-known/openapi").json()["paths"]
    methods = {"get", "head", "post", "put", "patch", "delete"}
    published = {(method.upper(), path) for path, operations in paths.items() for method in methods & set(operations)}
    assert published == {(method, path.replace(":path}", "}")) for method, path in REST}


def test_no_method_of_the_protocol_is_missing_here() -> None:
    (service,) = batch.DESCRIPTOR.pool.FindFileByName("v1/weaviate.proto").services_by_name.values()
    assert {one.name for one in service.methods} == set(GRPC)


def test_no_method_is_missing_here(world: World) -> None:
    table = Methods(world.door, world.access.authenticator, None, DEFAULT_LIMITS).table
    paths = [*table.short, *table.long, *table.streams]
    assert {path.rpartition("/")[2] for path in paths if path.startswith("/weaviate.v1")} == set(GRPC)


def roles_to_try(needs: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """(name, actions): each action alone, all that are needed, and all but one of them."""
    found: list[tuple[str, tuple[str, ...]]] = [(action, (action,)) for action in ACTIONS]
    if len(needs) > 1:
        found.append(("+".join(needs), needs))
        found += [("+".join(rest), rest) for n in needs if (rest := tuple(one for one in needs if one != n))]
    return found


def refused(response: Any) -> bool:
    """Whether the answer, or what it says of its one item, is that the caller may not."""
    assert response.status_code not in (401, 500) or "damaged" in response.text, response.text
    return response.status_code == 403 or "forbidden action" in response.text


@pytest.mark.parametrize(("method", "route"), sorted(REST))
def test_rest(world: World, method: str, route: str) -> None:
    step = REST[method, route]
    world.fill()
    assert world.ask(None, method, step.path, step.body).status_code == (200 if is_open(route) else 401) or (
        route.endswith("openid-configuration")
    )
    for name, actions in roles_to_try(step.needs):
        key = world.user(name, granted(*actions))
        lets_in = step.open or allowed(step.needs, actions)
        assert refused(world.ask(key, method, step.path, step.body)) is not lets_in, f"{name}: {method} {route}"
        if lets_in and not step.open:
            world.fill()
    reads = step.open or (method in ("GET", "HEAD") or set(step.needs) <= READING - {"manage_backups"})
    assert refused(world.ask(world.user("without-roles"), method, step.path, step.body)) is not step.open
    assert refused(world.ask("key-of-viewer", method, step.path, step.body)) is not reads
    for key in ("key-of-admin", "root-key"):
        world.fill()
        assert not refused(world.ask(key, method, step.path, step.body)), key


def is_open(route: str) -> bool:
    return route == "/v1" or route.startswith("/v1/.well-known")


def test_no_field_of_a_graphql_query_is_missing_here() -> None:
    assert set(GRAPHQL) == ROOTS


@pytest.mark.parametrize("root", sorted(GRAPHQL))
def test_graphql(world: World, root: str) -> None:
    needs, question = GRAPHQL[root]
    world.fill()

    def is_refused(key: str) -> bool:
        answered = world.ask(key, "POST", "/v1/graphql", {"query": question}).json()
        found = "forbidden action" in str(answered.get("errors"))
        assert found or "errors" not in answered, answered
        return found

    for name, actions in roles_to_try(needs):
        assert is_refused(world.user(name, granted(*actions))) is not allowed(needs, actions), f"{name}: {root}"
    assert is_refused(world.user("without-roles"))
    assert [is_refused(key) for key in ("key-of-viewer", "key-of-admin", "root-key")] == [False] * 3


@pytest.mark.parametrize("method", sorted(GRPC))
def test_grpc(world: World, method: str) -> None:
    needs, request = GRPC[method]
    world.fill()
    for name, actions in roles_to_try(needs):
        world.user(name, granted(*actions))
        assert forbidden(world, method, request, Caller(name)) is not allowed(needs, actions), f"{name}: {method}"
    reads = allowed(needs, READING)
    assert forbidden(world, method, request, Caller("without-roles"))
    assert forbidden(world, method, request, Caller("viewer")) is not reads
    assert forbidden(world, method, request, Caller("jane", ("readers",), user_type="oidc")) is not reads
    for caller in (Caller("admin"), Caller("root-user")):
        assert not forbidden(world, method, request, caller)


def forbidden(world: World, method: str, request: Any, caller: Caller) -> bool:
    """Whether the call, or the one item of its batch, is refused to the caller."""
    try:
        if method == "BatchStream":
            return b"forbidden action" in b"".join(stream(world, request, caller))
        return b"forbidden action" in world.calls[method](request.SerializeToString(), caller)
    except Forbidden as error:
        assert "forbidden action" in error.message
        return True


def stream(world: World, objects: list[Any], caller: Caller) -> Iterator[bytes]:
    requests = [
        batch.BatchStreamRequest(start=batch.BatchStreamRequest.Start()),
        batch.BatchStreamRequest(
            data=batch.BatchStreamRequest.Data(objects=batch.BatchStreamRequest.Data.Objects(values=objects))
        ),
        batch.BatchStreamRequest(stop=batch.BatchStreamRequest.Stop()),
    ]
    sent = iter([one.SerializeToString() for one in requests])
    return BatchStream(sent, world.door.admit(caller), caller).replies()


def test_each_verb_stands_under_a_requirement(world: World) -> None:
    """A new public method of the service states one, or is on the list of those that wires do not call."""
    assert _methods(world.service) == {path for path, _ in requirements(world.service)} | INNER_METHODS


def _methods(owner: object, path: str = "") -> set[str]:
    """The public methods of the service, its parts and theirs, by path."""
    found = {f"{path}{name}" for name, _ in inspect.getmembers_static(type(owner), inspect.isfunction)}
    for name, part in vars(owner).items():
        if type(part).__module__.startswith(("weft.service", "weft.access")) and f"{path}{name}" not in INNER_PARTS:
            found |= _methods(part, f"{path}{name}.") if not name.startswith("_") else set()
    return {one for one in found if not one.rpartition(".")[2].startswith("_")}


def test_every_rule_takes_what_its_verb_takes(world: World) -> None:
    for path, requirement in requirements(world.service):
        owner: Any = world.service
        for name in path.split("."):
            owner = getattr(owner, name)
        parameters = inspect.signature(owner).parameters.values()
        given = [one.name for one in parameters if one.kind is not one.KEYWORD_ONLY]
        named = {one.name: one.name for one in parameters if one.kind is one.KEYWORD_ONLY}
        for rule, arguments in ((requirement.rights, given), (requirement.redact, ["result", *given])):
            if rule is not None:
                inspect.signature(rule).bind("context", *arguments, **named)
        for rule in (requirement.per_item, requirement.group_by):
            if rule is not None:
                inspect.signature(rule).bind("context", "item")


def test_a_verb_without_a_requirement_is_refused_to_all(world: World) -> None:
    guarded = world.door.admit(Caller("root-user"))
    with pytest.raises(Forbidden, match=r"collections\.open declares no requirement"):
        _ = guarded.collections.open
    with pytest.raises(Forbidden, match="close declares no requirement"):
        _ = guarded.close
    with pytest.raises(Forbidden, match="declares no requirement"):
        _ = guarded.access.store
    with pytest.raises(AttributeError):
        _ = guarded.no_such_verb  # type: ignore[attr-defined]


def test_without_authorization_the_service_itself_answers(tmp_path: Path) -> None:
    world = World(tmp_path, rbac_enabled=False)
    try:
        assert world.door.admit(Caller("anybody")) is world.service
        assert world.ask("list-key", "DELETE", "/v1/schema/Movies").status_code == 200
        assert world.ask("list-key", "GET", "/v1/authz/roles").json() == []
        assert world.ask("list-key", "GET", "/v1/authz/roles/viewer").status_code == 404
        role = {"name": "reader", "permissions": [{"action": "read_cluster"}]}
        assert world.ask("list-key", "POST", "/v1/authz/roles", role).status_code == 501
    finally:
        world.close()
