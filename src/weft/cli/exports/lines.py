"""JSON Lines of an export: first the collection's schema, then an object a line.

{"_weft_collection": {…}}
{"_weft_id": …, "_weft_tenant": …, "_weft_vectors": {…}, "_weft_models": {…}, "title": …, …}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, Any

import orjson

from weft.cli.exports.written import written_vectors
from weft.cli.move.objects import MovedObject
from weft.cli.sources.row import COLLECTION_FIELD, ID_FIELD, MODELS_FIELD, TENANT_FIELD, VECTORS_FIELD
from weft.domain.json_values import JsonObject


class LinesWriter:
    def __init__(self, file: IO[bytes], document: JsonObject) -> None:
        self._file = file
        self._file.write(orjson.dumps({COLLECTION_FIELD: document}) + b"\n")

    def write(self, tenant: str | None, objects: Sequence[MovedObject], models: Mapping[str, str]) -> None:
        self._file.writelines(orjson.dumps(_row(one, tenant, models)) + b"\n" for one in objects)

    def finish(self) -> None:
        self._file.flush()


def _row(one: MovedObject, tenant: str | None, models: Mapping[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {ID_FIELD: one.uuid}
    if tenant is not None:
        row[TENANT_FIELD] = tenant
    if vectors := written_vectors(one):
        row[VECTORS_FIELD] = vectors
        if known := {name: models[name] for name in vectors if name in models}:
            row[MODELS_FIELD] = known
    return row | one.properties
