"""Reports of imports, Weft's own: ``/v1/weft/imports``."""

from __future__ import annotations

from typing import Final

from weft.domain.clock import time_text
from weft.service.imports import KnownImport
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.shapes import TEXT, ref

_ALL: Final = "/v1/weft/imports"
_ONE: Final = "/v1/weft/imports/{id}"
_JSON_LINES: Final = "application/x-ndjson"


def list_all(call: Call) -> Reply:
    return Reply({"imports": [_report(one) for one in call.service.imports.list()]})


def get(call: Call) -> Reply:
    return Reply(_report(call.service.imports.get(call.path["id"])))


def rejected(call: Call) -> Reply:
    return Reply(call.service.imports.rejected(call.path["id"]), media_type=_JSON_LINES)


def delete(call: Call) -> Reply:
    call.service.imports.delete(call.path["id"])
    return Reply(status=204)


def _report(known: KnownImport) -> dict[str, object]:
    one = known.record
    return {
        "id": one.id,
        "collection": one.collection,
        "kind": one.kind,
        "wire": one.wire,
        **({"user": one.user} if one.user is not None else {}),
        "status": known.status.value,
        "startedAt": time_text(one.started_ms),
        "activeAt": time_text(one.active_ms),
        **({"endedAt": time_text(one.ended_ms)} if one.ended_ms else {}),
        "batches": one.batches,
        "tookMs": round(one.storing_ms),
        "objects": {"stored": one.stored, "refused": one.refused},
        "references": {"stored": one.references_stored, "refused": one.references_refused},
        "errors": [
            {
                "type": errors.type,
                "count": errors.count,
                "examples": [{"id": id, "message": message} for id, message in errors.examples],
            }
            for errors in sorted(one.errors.values(), key=lambda errors: -errors.count)
        ],
        "rejected": {"kept": one.kept, "omitted": one.omitted, "bytes": one.kept_bytes},
        "vectors": {
            "providerCalls": one.calls,
            "retries": one.retries,
            "tokens": one.tokens,
            "truncatedTexts": one.truncated,
        },
    }


ENDPOINTS = [
    Endpoint("GET", _ALL, list_all, "Reports of imports, the latest first.", answers={200: ref("Imports")}),
    Endpoint("GET", _ONE, get, "The report of one import.", answers={200: ref("ImportReport")}, refuses=(404,)),
    Endpoint("DELETE", _ONE, delete, "Forget the report of an import.", answers={204: None}, refuses=(404,)),
    Endpoint(
        "GET",
        f"{_ONE}/rejected",
        rejected,
        "The refused objects, as lines that can be imported again.",
        answers={200: TEXT},
        refuses=(404,),
        media_type=_JSON_LINES,
    ),
]
