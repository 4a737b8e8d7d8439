"""The document: every endpoint of the application as OpenAPI 3.1, served under ``/v1/.well-known``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Final

import orjson

from weft import __version__
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.components import COMPONENTS
from weft.wire.rest.openapi.parameters import CONSISTENCY, INCLUDE, OBJECT_ID, PATH, Parameter
from weft.wire.rest.openapi.shapes import OBJECT, Schema, maybe, ref

_PATHS: Final = ("/v1/.well-known/openapi", "/v1/.well-known/openapi.json")
_JSON: Final = "application/json"
_NAME: Final = re.compile(r"{(\w+)(?::path)?}")
_MEANINGS: Final[Mapping[int, str]] = {
    200: "Done.",
    201: "Made.",
    202: "It has begun, or there is nothing to do.",
    204: "Done; the answer has no body.",
    400: "The body is missing or not JSON, a query parameter is invalid, or the request cannot be fulfilled.",
    401: "No credentials, or wrong ones.",
    403: "The caller may not do this.",
    404: "What the request names does not exist.",
    409: "It exists already, or is not in the state that this needs.",
    413: "The body is larger than this server takes.",
    415: "The body is not JSON by its content type.",
    422: "A value, name or combination that cannot be accepted.",
    429: "More than the operator lets this server keep, or than it does at once.",
    499: "The client went away before the answer; seen by no client.",
    500: "A failure of the server, its settings or its data.",
    501: "This server does not offer it.",
    502: "A provider of models failed.",
    503: "Too many requests are waiting; try again later.",
    504: "The query took longer than QUERY_TIMEOUT.",
    507: "The disk is full.",
}


def published(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """The endpoints that serve the document of ``endpoints`` and of themselves."""

    @cache
    def document() -> bytes:
        return orjson.dumps(build([*endpoints, *own]))

    def answer(call: Call) -> Reply:
        return Reply(document())

    summary = "This document."
    own = [Endpoint("GET", path, answer, summary, answers={200: OBJECT}, is_open=True) for path in _PATHS]
    return own


def build(endpoints: Iterable[Endpoint]) -> dict[str, object]:
    """The OpenAPI document, as JSON values."""
    paths: dict[str, dict[str, object]] = {}
    for one in endpoints:
        paths.setdefault(_NAME.sub(r"{\1}", one.path), {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Weft",
            "version": __version__,
            "description": "Vector search as Weaviate's clients speak it; gRPC and GraphQL search in more ways.",
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {}],
        "paths": paths,
        "components": {
            "schemas": COMPONENTS,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, or a token of OpenID Connect.",
                }
            },
        },
    }


def _operation(one: Endpoint) -> dict[str, object]:
    noun = one.path.split("/")[2:3]
    operation: dict[str, object] = {
        "operationId": "_".join([one.method.lower(), *re.findall(r"\w+", one.path)[1:]]),
        "summary": one.summary,
        "tags": noun or ["v1"],
        "parameters": [*_path_parameters(one.path), *(_query_parameter(asked) for asked in one.query)],
        "responses": {str(status): _response(one, status) for status in sorted({*one.answers, *_refusals(one)})},
    }
    if one.takes is not None:
        operation["requestBody"] = {"required": not one.may_lack_body, "content": _content(maybe(one.takes))}
    if one.is_open:
        operation["security"] = []
    if one.deprecated:
        operation["deprecated"] = True
    return operation


def _refusals(one: Endpoint) -> set[int]:
    """The statuses of failures that may meet any endpoint of its kind, and its own."""
    statuses = {499, 500, 503, *one.refuses}
    if one.reads or one.method == "GET":
        statuses.add(504)
    if not one.is_open:
        statuses |= {401, 403}
    if "{" in one.path:
        statuses |= {404, 422}
    if one.is_bare:
        statuses.add(404)
    if one.query:
        statuses.add(422)
    if any(asked is CONSISTENCY or asked is INCLUDE for asked in one.query):
        statuses.add(400)
    if one.takes is not None:
        statuses |= {400, 413, 415, 422}
    if one.method not in ("GET", "HEAD"):
        statuses.add(507)
    return statuses


def _response(one: Endpoint, status: int) -> dict[str, object]:
    response: dict[str, object] = {"description": _MEANINGS[status]}
    schema = one.answers.get(status) if status in one.answers else _failure(one, status)
    if schema is not None and one.method != "HEAD":
        response["content"] = _content(schema, _JSON if status >= 400 else one.media_type)
    return response


def _failure(one: Endpoint, status: int) -> Schema | None:
    if status == 404 and one.is_bare:
        return None
    if one.one_shape:
        return ref("Error")
    if status == 429:
        return ref("UsageLimitExceeded")
    if status in (401, 415):
        return ref("Refused")
    return {"anyOf": [ref("Error"), ref("Refused")]} if status in (400, 422) else ref("Error")


def _content(schema: Schema, media_type: str = _JSON) -> dict[str, object]:
    return {media_type: {"schema": schema}}


def _path_parameters(path: str) -> list[dict[str, object]]:
    of_object = path.startswith("/v1/objects/")
    return [
        _parameter(name, "path", *(OBJECT_ID if name == "id" and of_object else PATH[name]), required=True)
        for name in _NAME.findall(path)
    ]


def _query_parameter(asked: Parameter) -> dict[str, object]:
    return _parameter(asked.name, "query", asked.description, asked.schema, required=asked.required)


def _parameter(name: str, place: str, description: str, schema: Schema, *, required: bool) -> dict[str, object]:
    return {"name": name, "in": place, "description": description, "required": required, "schema": schema}
