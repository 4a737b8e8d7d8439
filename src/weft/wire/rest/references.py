"""References: from a property of one object to other objects, one at a time and in batches.

The object is named by class and id, and in the older form by id alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from weft.domain import json_fields
from weft.domain.beacon import parse_beacon
from weft.domain.errors import Invalid, NotFound, WeftError
from weft.domain.json_fields import shorten
from weft.domain.json_values import JsonValue
from weft.domain.objects import IncomingReference, Reference, format_uuid
from weft.wire.json.documents import as_list, as_object
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.failures import Failures
from weft.wire.rest.openapi.parameters import CONSISTENCY, TENANT
from weft.wire.rest.openapi.shapes import array, ref

_BY_CLASS = "/v1/objects/{class_name}/{id}/references/{property}"
_SUCCESS = {"status": "SUCCESS"}
_BY_ID = "/v1/objects/{id}/references/{property}"


def add(call: Call) -> Reply:
    errors = call.service.references.link([_incoming(call, call.body, _existing_source_of(call))], must_exist=True)
    if errors[0] is not None:
        raise errors[0]
    return Reply()


def replace(call: Call) -> Reply:
    targets = [_target(one) for one in as_list(call.body)]
    path = call.path
    call.service.references.relink(_existing_source_of(call), path["id"], path["property"], targets, call.tenant)
    return Reply()


def remove(call: Call) -> Reply:
    call.service.references.unlink(_incoming(call, call.body, _source_of(call)))
    return Reply(status=204)


def add_many(call: Call) -> Reply:
    """One result for each reference, in the order of the request."""
    given = as_list(call.body)
    if not given:
        raise Invalid("invalid params: length cannot be 0, need at least one reference for batching")
    results: list[WeftError | None] = [None] * len(given)
    decoded: list[tuple[int, IncomingReference]] = []
    known: dict[str, WeftError] = {}
    for i, one in enumerate(given):
        try:
            decoded.append((i, _from_beacons(one, call.tenant)))
        except WeftError as error:
            results[i] = known.setdefault(error.message, error)
    if decoded:
        references = [reference for _, reference in decoded]
        with call.service.imports.batch(call.caller, "rest") as batch:
            linked = call.service.references.link_together(references)
            batch.linked(references, linked)
        for (i, _), outcome in zip(decoded, linked, strict=True):
            results[i] = outcome
    failures = Failures()
    return Reply([_result(one, error, failures) for one, error in zip(given, results, strict=True)])


def _target(value: JsonValue) -> Reference:
    beacon = json_fields.string(as_object(value, "a reference"), "beacon", "reference")
    if not beacon:
        raise Invalid("a reference must hold the beacon of its target")
    return parse_beacon(beacon)


def _source_of(call: Call) -> str:
    """The class of the object."""
    name = call.path.get("class_name")
    return name if name is not None else str(call.service.finder.to_link(call.path["id"], call.tenant))


def _existing_source_of(call: Call) -> str:
    """In the older form Invalid, not NotFound, without such an object, as in Weaviate."""
    try:
        return _source_of(call)
    except NotFound as error:
        raise Invalid(error.message) from None


def _incoming(call: Call, body: JsonValue, source: str) -> IncomingReference:
    target = _target(body)
    return IncomingReference(
        source,
        call.path["id"],
        call.path["property"],
        target.collection,
        format_uuid(target.uuid),
        call.tenant,
    )


def _from_beacons(value: JsonValue, tenant: str | None) -> IncomingReference:
    given = as_object(value, "a reference")
    origin, target = json_fields.string(given, "from", "reference"), json_fields.string(given, "to", "reference")
    if not origin or not target:
        raise Invalid("a reference must hold the beacons from and to")
    beacon, _, property = origin.rpartition("/")
    if not property:
        raise Invalid(f"from must be weaviate://localhost/<class>/<uuid>/<property>, not {shorten(origin)!r}")
    source, to = parse_beacon(beacon), parse_beacon(target)
    if not source.collection:
        raise Invalid(f"from must name the class: weaviate://localhost/<class>/<uuid>/{shorten(property)}")
    return IncomingReference(
        source.collection,
        format_uuid(source.uuid),
        property,
        to.collection,
        format_uuid(to.uuid),
        json_fields.string(given, "tenant", "reference") or tenant,
    )


def _result(given: JsonValue, error: WeftError | None, failures: Failures) -> dict[str, object]:
    stated = given if isinstance(given, Mapping) else {}
    sent = {key: value for key in ("from", "to") if isinstance(value := stated.get(key), str) and value}
    return {**sent, "result": _SUCCESS if error is None else failures.of(error)}


_WITHIN = (TENANT, CONSISTENCY)

ENDPOINTS = [
    *(
        endpoint
        for path, is_older in ((_BY_CLASS, False), (_BY_ID, True))
        for endpoint in (
            Endpoint(
                "POST",
                path,
                add,
                "Add a reference.",
                ref("Beacon"),
                query=_WITHIN,
                deprecated=is_older,
                unknown_class=422,
            ),
            Endpoint(
                "PUT",
                path,
                replace,
                "Replace all references.",
                array(ref("Beacon")),
                query=_WITHIN,
                deprecated=is_older,
                is_bare=True,
            ),
            Endpoint(
                "DELETE",
                path,
                remove,
                "Delete a reference.",
                ref("Beacon"),
                {204: None},
                query=_WITHIN,
                deprecated=is_older,
                unknown_class=422,
            ),
        )
    ),
    Endpoint(
        "POST",
        "/v1/batch/references",
        add_many,
        "Add references; each has its own result.",
        ref("BatchReferences"),
        {200: ref("BatchReferencesAnswer")},
        query=_WITHIN,
    ),
]
