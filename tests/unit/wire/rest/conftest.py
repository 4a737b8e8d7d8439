"""The REST application over a service that keeps everything in dictionaries."""

from __future__ import annotations

import dataclasses
import uuid as uuid_module
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient

from weft.domain.answer import Answer, Hit
from weft.domain.caller import Caller
from weft.domain.cluster import Node, ServerFacts, ShardFacts
from weft.domain.errors import Conflict, Invalid, NotFound, Unauthenticated, WeftError
from weft.domain.filters import Filter
from weft.domain.names import Alias, collection_name
from weft.domain.objects import IncomingObject, IncomingReference, Object, Reference, parse_uuid
from weft.domain.query import Query
from weft.domain.schema import LEGACY_VECTOR, CollectionConfig
from weft.domain.tenants import Tenant
from weft.service.schema.defaults import Defaults, complete, complete_property
from weft.service.schema.document import parse
from weft.service.schema.update import update
from weft.service.schema.validate import validate
from weft.service.tenants import statuses
from weft.service.tokens import Tokens, tokens_of_property
from weft.service.values import coerce
from weft.settings.server import RestSettings
from weft.wire.rest.app import build_app


class NoModules:
    def knows(self, name: str) -> bool:
        return False

    def is_vectorizer(self, name: str) -> bool:
        return False

    def is_multi_vector(self, name: str) -> bool:
        return False

    def defaults(self, name: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        return settings

    def property_defaults(self, name: str, data_type: str) -> Mapping[str, Any]:
        return {}

    def validate(self, name: str, settings: Mapping[str, Any], document: Mapping[str, Any]) -> None: ...


class Collections:
    def __init__(self) -> None:
        self.configs: dict[str, CollectionConfig] = {}

    def all(self) -> list[CollectionConfig]:
        return sorted(self.configs.values(), key=lambda config: config.name)

    def get(self, name: str) -> CollectionConfig:
        found = self.configs.get(collection_name(name))
        if found is None:
            raise NotFound(f"could not find class {name} in schema")
        return found

    def _set(self, document: Mapping[str, Any]) -> CollectionConfig:
        validate(document, NoModules(), async_indexing=False)
        config = parse(document)
        self.configs[config.name] = config
        return config

    def document(self, name: str) -> Mapping[str, Any]:
        return self.get(name).document

    def documents(self) -> list[Mapping[str, Any]]:
        return [one.document for one in self.all()]

    def searchable(self) -> list[CollectionConfig]:
        return self.all()

    def create(self, document: Mapping[str, Any]) -> CollectionConfig:
        completed = complete(document, NoModules())
        if completed["class"] in self.configs:
            raise Conflict(f"class name {completed['class']} already exists")
        return self._set(completed)

    def update(self, name: str, document: Mapping[str, Any]) -> CollectionConfig:
        old = self.get(name).document
        return self._set(update(old, complete(document, NoModules(), existing=old)))

    def delete(self, name: str) -> None:
        self.configs.pop(name, None)

    def add_property(self, name: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
        old = self.get(name).document
        added = complete_property(document, old, NoModules(), Defaults())
        self._set({**old, "properties": [*old["properties"], added]})
        return added

    def drop_property_index(self, name: str, property: str, index: str) -> None:
        if property not in self.get(name).by_name:
            raise Invalid(f"class {name} has no property {property!r}")

    def drop_vector_index(self, name: str, vector: str) -> None:
        if vector not in self.get(name).vectors:
            raise Invalid(f"class {name} has no named vector {vector!r}")

    def shards(self, name: str, tenant: str | None = None) -> list[ShardFacts]:
        return [ShardFacts(self.get(name).name, tenant or "main", 0)]

    def set_read_only(self, name: str, shard: str, *, read_only: bool) -> None: ...

    def tokens(self, name: str, property: str, text: str) -> Tokens:
        return tokens_of_property(self.get(name), property, text)


class Tenants:
    def __init__(self, collections: Collections) -> None:
        self._collections = collections
        self._known: dict[str, dict[str, Tenant]] = {}

    def _of(self, name: str) -> dict[str, Tenant]:
        return self._known.setdefault(self._collections.get(name).name, {})

    def get(self, name: str, tenant: str) -> Tenant:
        found = self._of(name).get(tenant)
        if found is None:
            raise NotFound(f'tenant not found: "{tenant}"')
        return found

    def all(self, name: str, names: Sequence[str] | None = None) -> list[Tenant]:
        return [one for one in self._of(name).values() if names is None or one.name in names]

    def create(self, name: str, given: Sequence[Tenant]) -> list[Tenant]:
        statuses(given)
        return [self._of(name).setdefault(one.name, one) for one in given]

    def update(self, name: str, given: Sequence[Tenant]) -> list[Tenant]:
        self._of(name).update({one.name: one for one in given})
        return list(given)

    def delete(self, name: str, names: Sequence[str]) -> None:
        for one in names:
            self._of(name).pop(one, None)


class Aliases:
    def __init__(self, collections: Collections) -> None:
        self._collections = collections
        self._known: dict[str, Alias] = {}

    def all(self, name: str | None = None) -> list[Alias]:
        return [one for one in self._known.values() if name in (None, one.collection)]

    def get(self, alias: str) -> Alias:
        found = self._known.get(collection_name(alias))
        if found is None:
            raise NotFound(f"there is no alias {alias!r}")
        return found

    def create(self, alias: str, name: str) -> Alias:
        return self._known.setdefault(alias, Alias(alias, self._collections.get(name).name))

    def update(self, alias: str, name: str) -> Alias:
        self.get(alias)
        self._known[alias] = Alias(alias, self._collections.get(name).name)
        return self._known[alias]

    def delete(self, alias: str) -> None:
        self.get(alias)
        del self._known[alias]


@dataclass
class Deleted:
    matches: int = 0
    successful: int = 0
    failed: int = 0
    objects: list[tuple[bytes, str | None]] = field(default_factory=list)


class Objects:
    def __init__(self, collections: Collections) -> None:
        self._collections = collections
        self.stored: dict[tuple[str, bytes], Object] = {}
        self.callers: list[Caller] = []
        self.links: list[IncomingReference] = []

    def _checked(self, incoming: IncomingObject) -> tuple[tuple[str, bytes], Object]:
        config = self._collections.get(incoming.collection)
        id_ = uuid_module.uuid4().bytes if incoming.uuid is None else parse_uuid(incoming.uuid)
        vectors = dict(incoming.vectors)
        if LEGACY_VECTOR in vectors and LEGACY_VECTOR not in config.vectors:
            raise Invalid("no such vector")
        return (config.name, id_), Object(id_, coerce(config, incoming.properties), vectors, 1, 2)

    def validate(self, incoming: IncomingObject) -> None:
        if incoming.uuid is not None:
            parse_uuid(incoming.uuid)
        coerce(self._collections.get(incoming.collection), incoming.properties)

    def insert(self, incoming: IncomingObject, caller: Caller) -> Object:
        self.callers.append(caller)
        key, obj = self._checked(incoming)
        if key in self.stored:
            raise Conflict(f"id '{incoming.uuid}' already exists")
        self.stored[key] = obj
        return obj

    def replace(self, incoming: IncomingObject, caller: Caller) -> Object:
        key, obj = self._checked(incoming)
        self.stored[key] = obj
        return obj

    def merge(self, incoming: IncomingObject, caller: Caller) -> Object:
        key, patch = self._checked(incoming)
        if key not in self.stored:
            raise NotFound(f"no object with id '{incoming.uuid}'")
        merged = self.stored[key]
        merged.properties |= patch.properties
        for name, value in incoming.properties.items():
            if value is None:
                merged.properties.pop(name, None)
        return merged

    def delete(self, collection: str, uuid: str, tenant: str | None) -> None:
        if self.stored.pop((self._collections.get(collection).name, parse_uuid(uuid)), None) is None:
            raise NotFound(f"no object with id '{uuid}'")

    def exists(self, collection: str, uuid: str, tenant: str | None) -> bool:
        return (self._collections.get(collection).name, parse_uuid(uuid)) in self.stored

    def get(self, collection: str, uuid: str, tenant: str | None, *, vectors: bool) -> Object:
        found = self.stored.get((self._collections.get(collection).name, parse_uuid(uuid)))
        if found is None:
            raise NotFound(f"no object with id '{uuid}'")
        return found if vectors else dataclasses.replace(found, vectors={})

    def batch(self, incoming: Sequence[IncomingObject], caller: Caller) -> list[WeftError | None]:
        errors: list[WeftError | None] = []
        for one in incoming:
            try:
                self.replace(one, caller)
                errors.append(None)
            except WeftError as error:
                errors.append(error)
        return errors

    def delete_many(
        self, collection: str, tenant: str | None, filter: Filter, *, dry_run: bool, verbose: bool
    ) -> Deleted:
        name = self._collections.get(collection).name
        keys = [key for key in self.stored if key[0] == name]
        if not dry_run:
            for key in keys:
                del self.stored[key]
        objects: list[tuple[bytes, str | None]] = [(key[1], None) for key in keys] if verbose else []
        return Deleted(len(keys), len(keys), 0, objects)

    def link(
        self, references: Sequence[IncomingReference], caller: Caller, *, must_exist: bool = False
    ) -> list[WeftError | None]:
        self.links += references
        return [None if one.property == "ref" else Invalid(f"no property {one.property}") for one in references]

    def unlink(self, reference: IncomingReference, caller: Caller) -> None:
        self.links.remove(reference)

    def relink(self, collection: str, uuid: str, property: str, targets: list[Reference], tenant: str | None) -> None:
        self.merge(IncomingObject(collection, uuid, {property: targets}, tenant=tenant), Caller())


class MemoryService:
    def __init__(self) -> None:
        self.collections = Collections()
        self.tenants = Tenants(self.collections)
        self.aliases = Aliases(self.collections)
        self.objects = Objects(self.collections)
        self.access = SimpleNamespace(openid=lambda: None)

    def admit(self, caller: Caller) -> Any:
        return self

    def search(self, query: Query, caller: Caller) -> Answer:
        config = self.collections.get(query.collection)
        found = sorted((o for (n, _), o in self.objects.stored.items() if n == config.name), key=lambda o: o.uuid)
        if query.after:
            found = [one for one in found if one.uuid > parse_uuid(query.after)]
        page = found[query.offset : query.offset + query.limit]
        shown: Any = [Hit(one, 0, vectors=one.vectors if query.returns.vector else {}) for one in page]  # type: ignore[arg-type]
        return Answer(hits=shown)

    def nodes(self, collection: str | None, verbose: bool) -> list[Node]:
        if collection is not None:
            self.collections.get(collection)
        return [Node("weft", False, () if verbose else None)]

    def models(self) -> list[Any]:
        return []

    def metrics(self) -> bytes:
        return b""

    def statistics(self) -> list[str]:
        return ["weft"]

    def meta(self) -> ServerFacts:
        return ServerFacts("http://[::]:8080", 1000, {})


class Auth:
    """The key «secret» is alice's; without a header everyone is anonymous unless ``closed``."""

    closed = False

    def recognise(self, authorization: str | None, headers: Mapping[str, str]) -> Caller | None:
        """A token is known to nobody before it was looked at."""
        return None if authorization == "Bearer token" else self.authenticate(authorization, headers)

    def authenticate(self, authorization: str | None, headers: Mapping[str, str]) -> Caller:
        if authorization == "Bearer token":
            return Caller("bob", headers=headers, user_type="oidc")
        if authorization == "Bearer secret":
            return Caller("alice", headers=headers)
        if authorization is not None or self.closed:
            raise Unauthenticated("anonymous access not enabled. Please authenticate")
        return Caller(headers=headers)


@pytest.fixture
def service() -> MemoryService:
    return MemoryService()


@pytest.fixture
def auth() -> Auth:
    return Auth()


@pytest.fixture
def rest(service: MemoryService, auth: Auth) -> Iterator[TestClient]:
    app = build_app(service, auth, RestSettings(workers=4), body_limit_bytes=12_000_000)
    with TestClient(app, raise_server_exceptions=True) as client:
        yield client


@pytest.fixture
def thing(rest: TestClient) -> Callable[..., dict[str, Any]]:
    """Makes the class Thing."""

    def make(**keys: Any) -> dict[str, Any]:
        given = {"properties": [{"name": "name", "dataType": ["text"]}, {"name": "size", "dataType": ["int"]}], **keys}
        reply = rest.post("/v1/schema", json={"class": "Thing", **given})
        assert reply.status_code == 200, reply.text
        made: dict[str, Any] = reply.json()
        return made

    return make
