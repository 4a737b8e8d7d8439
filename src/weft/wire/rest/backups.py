"""Backups and restores: ``/v1/backups/{backend}``."""

from __future__ import annotations

from weft.domain.caller import Caller
from weft.wire.json.documents import as_object
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.parameters import PLACE, Parameter
from weft.wire.rest.openapi.shapes import array, choice, ref

_ALL = "/v1/backups/{backend}"
_ONE = "/v1/backups/{backend}/{id}"
_RESTORE = "/v1/backups/{backend}/{id}/restore"
_ORDER = Parameter("order", "By their start: `desc` if not said.", choice("", "asc", "desc"))


def list_all(call: Call) -> Reply:
    return Reply(call.service.archives.backups.list(call.path["backend"], call.query.get("order"), call.caller))


def create(call: Call) -> Reply:
    return Reply(call.service.archives.backups.create(call.path["backend"], as_object(call.body), call.caller))


def status(call: Call) -> Reply:
    return Reply(call.service.archives.backups.status(*_named(call)))


def cancel(call: Call) -> Reply:
    call.service.archives.backups.cancel(*_named(call))
    return Reply(status=204)


def restore(call: Call) -> Reply:
    backend, id = call.path["backend"], call.path["id"]
    return Reply(call.service.archives.restores.create(backend, id, as_object(call.body), call.caller))


def restore_status(call: Call) -> Reply:
    return Reply(call.service.archives.restores.status(*_named(call)))


def cancel_restore(call: Call) -> Reply:
    call.service.archives.restores.cancel(*_named(call))
    return Reply(status=204)


def _named(call: Call) -> tuple[str, str, dict[str, str], Caller]:
    """Backend, id, the place that the query names, and who asks."""
    return call.path["backend"], call.path["id"], dict(call.query), call.caller


ENDPOINTS = [
    Endpoint("GET", _ALL, list_all, "All backups.", answers={200: array(ref("Job"))}, query=(_ORDER,)),
    Endpoint("POST", _ALL, create, "Begin a backup.", ref("Backup"), {200: ref("Job")}),
    Endpoint("GET", _ONE, status, "How far a backup is.", answers={200: ref("Job")}, query=PLACE),
    Endpoint("DELETE", _ONE, cancel, "Cancel a backup.", answers={204: None}, query=PLACE),
    Endpoint("GET", _RESTORE, restore_status, "How far a restore is.", answers={200: ref("Job")}, query=PLACE),
    Endpoint("POST", _RESTORE, restore, "Begin a restore.", ref("Restore"), {200: ref("Job")}),
    Endpoint("DELETE", _RESTORE, cancel_restore, "Cancel a restore.", answers={204: None}, query=PLACE),
]
