"""Exports: ``/v1/export/{backend}``."""

from __future__ import annotations

from weft.domain.errors import Conflict
from weft.wire.json.documents import as_object
from weft.wire.rest.endpoint import Call, Endpoint, Reply, failure
from weft.wire.rest.openapi.shapes import ref

_ALL = "/v1/export/{backend}"
_ONE = "/v1/export/{backend}/{id}"
_CONFLICT = 409
"""Other nouns answer 422 to what exists already."""


def create(call: Call) -> Reply:
    try:
        return Reply(call.service.archives.exports.create(call.path["backend"], as_object(call.body), call.caller))
    except Conflict as error:
        return Reply(failure(error.message), _CONFLICT)


def status(call: Call) -> Reply:
    return Reply(call.service.archives.exports.status(call.path["backend"], call.path["id"], call.caller))


def cancel(call: Call) -> Reply:
    try:
        call.service.archives.exports.cancel(call.path["backend"], call.path["id"], call.caller)
    except Conflict as error:
        return Reply(failure(error.message), _CONFLICT)
    return Reply(status=204)


ENDPOINTS = [
    Endpoint("POST", _ALL, create, "Begin an export.", ref("Export"), {200: ref("Job")}, (_CONFLICT,)),
    Endpoint("GET", _ONE, status, "How far an export is.", answers={200: ref("Job")}),
    Endpoint("DELETE", _ONE, cancel, "Cancel an export.", answers={204: None}, refuses=(_CONFLICT,)),
]
