"""Objects: ``/v1/objects``, by class and id, and in the older form by id alone."""

from __future__ import annotations

from collections.abc import Callable

from weft.domain import json_fields
from weft.domain.answer import Hit
from weft.domain.caller import Caller
from weft.domain.errors import Invalid, TenantNotFound, WeftError
from weft.domain.names import property_name
from weft.domain.objects import IncomingObject, Object
from weft.domain.query import Query, Returns, Sort
from weft.domain.schema import CollectionConfig
from weft.imports.record import ImportKind
from weft.wire.json.documents import as_object
from weft.wire.json.objects import decode_object, encode_object, unread_object
from weft.wire.json.words import PROJECTION
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.object_includes import check_possible, encode_read, included, needs_vectors
from weft.wire.rest.openapi.parameters import CONSISTENCY, INCLUDE, PAGE, TENANT
from weft.wire.rest.openapi.shapes import ref

_BY_CLASS = "/v1/objects/{class_name}/{id}"
_BY_ID = "/v1/objects/{id}"
_DEFAULT_LIMIT = 25


def insert(call: Call) -> Reply:
    incoming, stored = _recorded(call, _new, call.service.objects.insert)
    return Reply(_encoded(call.service.collections.get(incoming.collection), stored, incoming.tenant))


def validate(call: Call) -> Reply:
    """Whether the object could be stored; nothing is."""
    call.service.objects.validate(decode_object(call.body))
    return Reply()


def get(call: Call) -> Reply:
    words = included(call)
    config = call.service.collections.to_read(class_of(call), call.path["id"], call.tenant)
    check_possible(words, [config])
    stored = call.service.objects.get(config.name, call.path["id"], call.tenant, vectors=needs_vectors(words))
    return Reply(encode_read(call, config, [stored], words - {PROJECTION})[0])


def exists(call: Call) -> Reply:
    found = call.service.objects.exists(class_of(call), call.path["id"], call.tenant)
    return Reply(status=204 if found else 404)


def replace(call: Call) -> Reply:
    """The body has to repeat the id, so that one that was forgotten replaces nothing."""
    if not as_object(call.body).get("id"):
        raise Invalid("invalid update: field 'id' is immutable; send the id of the path in the body, too")
    incoming, stored = _recorded(call, _incoming, call.service.objects.replace)
    return Reply(_encoded(call.service.collections.get(incoming.collection), stored, incoming.tenant))


def merge(call: Call) -> Reply:
    call.service.objects.merge(_incoming(call), call.caller)
    return Reply(status=204)


def _recorded(
    call: Call, decode: Callable[[Call], IncomingObject], store: Callable[[IncomingObject, Caller], Object]
) -> tuple[IncomingObject, Object]:
    """Stores the object of the body, and records it in the report of those that the caller sends one by one."""
    with call.service.imports.batch(call.caller, "rest", ImportKind.SINGLE) as batch:
        try:
            incoming = decode(call)
        except WeftError as error:
            batch.storing((), [(unread_object(call.body, tenant=call.tenant), error)])
            raise
        batch.storing([incoming])
        stored = store(incoming, call.caller)
        batch.stored([None])
    return incoming, stored


def _new(call: Call) -> IncomingObject:
    return decode_object(call.body, tenant=call.tenant)


def _incoming(call: Call) -> IncomingObject:
    """The object in the body of a change. Raises Invalid when it names another class than the path."""
    incoming = decode_object(
        call.body, collection=call.path.get("class_name"), uuid=call.path["id"], tenant=call.tenant
    )
    named, collections = json_fields.string(as_object(call.body), "class", "object"), call.service.collections
    if named and collections.get(named).name != collections.get(incoming.collection).name:
        raise Invalid(
            f"the class in the body, {named[:80]!r}, is not the one in the path, {incoming.collection[:80]!r}; an "
            "object stays in its class"
        )
    return incoming


def delete(call: Call) -> Reply:
    """An absent object is deleted already. In the older form it goes from every class, and has to be in one."""
    id, name = call.path["id"], call.path.get("class_name")
    for holder in call.service.finder.to_delete(id, call.tenant) if name is None else [name]:
        call.service.objects.delete(holder, id, call.tenant)
    return Reply(status=204)


def list_all(call: Call) -> Reply:
    """A page of a class, or of all classes in the order of their names; with a tenant, of those that have it."""
    name = call.query.get("class")
    after = call.query.get("after")
    if after is not None and not name:
        raise Invalid("after is a cursor within one class; send class as well")
    limit = call.integer("limit", _DEFAULT_LIMIT)
    offset = call.integer("offset", 0)
    collections = call.service.collections
    configs = [collections.to_search(name, call.tenant)] if name else collections.searchable(call.tenant)
    check_possible(included(call), configs)
    found: list[dict[str, object]] = []
    for config in configs:
        if len(found) >= limit:
            break
        if not name and config.tenancy.enabled != (call.tenant is not None):
            continue
        missing = offset + limit - len(found) if not name else limit
        try:
            page = _page(call, config, missing, offset if name else 0, after)
        except TenantNotFound:
            if name:
                raise
            continue
        skipped = 0 if name else min(offset, len(page))
        offset -= skipped if not name else 0
        found.extend(page[skipped : skipped + limit - len(found)])
    total = {"totalResults": len(found)} if found else {}
    return Reply({"deprecations": [] if name else None, "objects": found, **total})


def _page(call: Call, config: CollectionConfig, limit: int, offset: int, after: str | None) -> list[dict[str, object]]:
    if limit == 0:
        return []
    words = included(call)
    query = Query(
        config.name,
        tenant=call.tenant,
        limit=limit,
        offset=offset,
        after=after,
        sort=_sort(call),
        returns=Returns(created=True, updated=True, vector=needs_vectors(words)),
    )
    hits = call.service.search(query, call.caller).hits
    return encode_read(call, config, [_found(hit) for hit in hits], words)


def _found(hit: Hit) -> Object:
    record = hit.record
    return Object(
        record.uuid,
        record.properties,
        hit.vectors,
        record.created_ms,
        record.updated_ms,
        classified=record.classified,
    )


def _sort(call: Call) -> tuple[Sort, ...]:
    """``sort=a,b&order=asc,desc``."""
    paths = [path for path in call.query.get("sort", "").split(",") if path]
    orders = [order for order in call.query.get("order", "").split(",") if order]
    for order in orders:
        if order not in ("asc", "desc"):
            raise Invalid(f"order must be asc or desc, not {order[:40]!r}")
    if len(orders) > len(paths):
        raise Invalid("order has more entries than sort")
    orders += ["asc"] * (len(paths) - len(orders))
    return tuple(Sort(property_name(path), order == "asc") for path, order in zip(paths, orders, strict=True))


def class_of(call: Call) -> str:
    """The class of the path; in the older form, the first that has an object with the id."""
    name = call.path.get("class_name")
    return name if name is not None else str(call.service.finder.to_read(call.path["id"], call.tenant))


def _encoded(config: CollectionConfig, stored: Object, tenant: str | None) -> dict[str, object]:
    times_ms = (stored.created_ms, stored.updated_ms)
    return encode_object(config, stored.uuid, stored.properties, stored.vectors, times_ms, tenant)


_ONE = {200: ref("Object")}
_STORED = (TENANT, CONSISTENCY)
_READ = (INCLUDE, TENANT, CONSISTENCY)

ENDPOINTS = [
    Endpoint(
        "GET", "/v1/objects", list_all, "A page of objects.", answers={200: ref("Objects")}, query=PAGE, is_bare=True
    ),
    Endpoint("POST", "/v1/objects", insert, "Store an object.", ref("NewObject"), _ONE, (404, 429, 502), _STORED),
    Endpoint(
        "POST",
        "/v1/objects/validate",
        validate,
        "Whether an object could be stored.",
        ref("NewObject"),
        unknown_class=422,
        reads=True,
    ),
    *(
        endpoint
        for path, is_older in ((_BY_CLASS, False), (_BY_ID, True))
        for endpoint in (
            Endpoint("GET", path, get, "One object.", None, _ONE, (), _READ, deprecated=is_older, is_bare=True),
            Endpoint(
                "HEAD",
                path,
                exists,
                "Whether an object is there.",
                None,
                {204: None, 404: None},
                (),
                _STORED,
                deprecated=is_older,
            ),
            Endpoint(
                "PUT",
                path,
                replace,
                "Replace an object.",
                ref("ObjectChange"),
                _ONE,
                (502,),
                _STORED,
                deprecated=is_older,
                is_bare=True,
            ),
            Endpoint(
                "PATCH",
                path,
                merge,
                "Change properties and vectors of an object.",
                ref("ObjectChange"),
                {204: None},
                (502,),
                _STORED,
                deprecated=is_older,
                is_bare=True,
            ),
            Endpoint(
                "DELETE",
                path,
                delete,
                "Delete an object.",
                None,
                {204: None},
                (),
                _STORED,
                deprecated=is_older,
                is_bare=True,
            ),
        )
    ),
]
