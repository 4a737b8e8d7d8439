"""``weft search``: one query over gRPC, without loading a whole client."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import grpc

from weft.cli.collections import schema_of, vectorizer_of, vectors_of
from weft.cli.connection import Connection, authorization
from weft.cli.parser import nearest
from weft.cli.server_address import ServerAddress
from weft.cli.style import Style
from weft.cli.values import to_python
from weft.cli.where import where_json, where_message
from weft.domain.errors import Forbidden, Invalid, OperatorError, Unauthenticated
from weft.domain.json_values import JsonValue
from weft.protocol import search_get

_METHOD = "/weaviate.v1.Weaviate/Search"
_GRPC_PORT = 50051
"""Of a server that does not say which it is, as Weaviate."""
_TIMEOUT_S = 120
_MAX_REPLY_BYTES = 1 << 30
_MAX_HITS = (1 << 31) - 1
_HYBRID_ALPHA = 0.7
"""The official client's default weight of meaning against keywords."""


def search(arguments: argparse.Namespace) -> int:
    if not 1 <= arguments.limit <= _MAX_HITS:
        raise Invalid(f"--limit must be from 1 to {_MAX_HITS}, not {arguments.limit}")
    with Connection(arguments) as server:
        port = arguments.grpc_port or server.grpc_port or _GRPC_PORT
        try:
            document: dict[str, Any] | None = schema_of(server, arguments.collection)
        except Forbidden:  # those who may read objects may still search
            document = None
    found = _ask(arguments, port, _request(arguments, document)).results
    for rank, hit in enumerate(found, 1):
        print(_as_json(hit) if arguments.json else _as_text(rank, hit, arguments.fields))
    if not found:
        print(f"nothing found in {arguments.collection}", file=sys.stderr)
    return 0


def _request(arguments: argparse.Namespace, document: Mapping[str, Any] | None) -> search_get.SearchRequest:
    """``document``: the collection's schema, None where it may not be read."""
    request = search_get.SearchRequest(
        collection=arguments.collection, tenant=arguments.tenant or "", limit=arguments.limit, uses_127_api=True
    )
    _choose_fields(request, arguments.fields, document)
    request.metadata.uuid = True
    request.metadata.explain_score = arguments.explain
    by = _by(arguments, document)
    targets = [arguments.target] if arguments.target and by != "keyword" else []
    match by:
        case "meaning":
            request.metadata.distance = True
            request.near_text.query.append(arguments.text)
            request.near_text.targets.target_vectors.extend(targets)
        case "keyword":
            request.metadata.score = True
            request.bm25_search.query = arguments.text
        case _:
            request.metadata.score = True
            hybrid = request.hybrid_search
            hybrid.query = arguments.text
            hybrid.alpha_param, hybrid.use_alpha_param = _HYBRID_ALPHA, True
            hybrid.fusion_type = hybrid.FUSION_TYPE_RELATIVE_SCORE
            hybrid.targets.target_vectors.extend(targets)
    if (where := where_json(arguments.where or (), document)) is not None:
        request.filters.CopyFrom(where_message(where))
    if arguments.rerank:
        request.rerank.property, request.rerank.query = arguments.rerank, arguments.text
    return request


def _choose_fields(
    request: search_get.SearchRequest, fields: Sequence[str] | None, document: Mapping[str, Any] | None
) -> None:
    """All, where one of ``fields`` is an object: which of them are printed is chosen when they are here."""
    properties = {one["name"]: one["dataType"][0] for one in (document or {}).get("properties") or ()}
    for name in fields or ():
        if document is not None and name not in properties:
            near = nearest(name, properties)
            meant = f"did you mean {near}?" if near else f"it has {', '.join(properties) or 'none'}"
            raise Invalid(f"{document['class']} has no property {name!r} (--fields); {meant}")
    if fields and all(properties.get(name, "object").removesuffix("[]") != "object" for name in fields):
        request.properties.non_ref_properties.extend(fields)
    else:
        request.properties.return_all_nonref_properties = True


def _by(arguments: argparse.Namespace, document: Mapping[str, Any] | None) -> str:
    """Meaning, keyword or both: unless it is said, by keyword where the collection cannot embed a text.

    Raises Invalid, with the vectors that there are, where one has to be chosen."""
    if document is None or arguments.by == "keyword":
        return str(arguments.by or "both")
    vectors = vectors_of(document)
    listed = ", ".join(f"{name} ({vectorizer_of(one)})" for name, one in vectors.items()) or "none"
    if arguments.target and arguments.target not in vectors:
        raise Invalid(f"{document['class']} has no vector {arguments.target!r}; its vectors: {listed}")
    embedding = [name for name, one in vectors.items() if vectorizer_of(one) != "none"]
    if arguments.target:
        embedding = [name for name in embedding if name == arguments.target]
    if not embedding:
        if arguments.by:
            raise Invalid(
                f"{document['class']} has no vectorizer that embeds the text (vectors: {listed}); search with "
                "--by keyword"
            )
        print(f"by keyword, because {document['class']} has no vectorizer that embeds the text", file=sys.stderr)
        return "keyword"
    if len(vectors) > 1 and not arguments.target:
        raise Invalid(f"{document['class']} has several vectors; choose one with --target, or --by keyword: {listed}")
    return str(arguments.by or "both")


def _ask(arguments: argparse.Namespace, port: int, request: search_get.SearchRequest) -> search_get.SearchReply:
    address = ServerAddress.of(arguments)
    where = f"{address.host}:{port}"
    options = [("grpc.max_receive_message_length", _MAX_REPLY_BYTES), ("grpc.enable_http_proxy", 0)]
    metadata = (("authorization", allowed),) if (allowed := authorization(arguments)) else ()
    with address.channel(port, options) as channel:
        call = channel.unary_unary(
            _METHOD,
            request_serializer=search_get.SearchRequest.SerializeToString,
            response_deserializer=search_get.SearchReply.FromString,
        )
        try:
            return call(request, timeout=_TIMEOUT_S, metadata=metadata)
        except grpc.RpcError as error:
            match error.code():
                case grpc.StatusCode.UNAVAILABLE:
                    if address.tls:
                        raise OperatorError(
                            f"no server answers gRPC over TLS at {where}; check the port (--grpc-port) and the "
                            f"certificates: {error.details()}"
                        ) from error
                    raise OperatorError(
                        f"no server answers gRPC at {where}; start one with: weft serve, or pass the port that "
                        "it printed as --grpc-port"
                    ) from error
                case grpc.StatusCode.UNAUTHENTICATED:
                    raise Unauthenticated(
                        f"the server at {where} requires a valid API key; pass it with --api-key"
                    ) from error
                case _:
                    raise Invalid(error.details() or str(error)) from error


def _as_json(hit: search_get.SearchResult) -> str:
    measure, value = _measure(hit)
    found: dict[str, JsonValue] = {"id": hit.metadata.id, measure: value}
    if hit.metadata.rerank_score_present:
        found["rerankScore"] = hit.metadata.rerank_score
    if hit.metadata.explain_score_present:
        found["explainScore"] = hit.metadata.explain_score
    return json.dumps({**found, "properties": to_python(hit.properties.non_ref_props)}, ensure_ascii=False)


def _as_text(rank: int, hit: search_get.SearchResult, fields: Sequence[str] | None) -> str:
    """A line with rank, measure and uuid, and a line for each property, as wide as the terminal; then, if it was asked
    for, where the score is from."""
    style, (measure, value) = Style(sys.stdout), _measure(hit)
    width = shutil.get_terminal_size((110, 24)).columns - 1
    reranked = f"rerank {hit.metadata.rerank_score:.4f}  " if hit.metadata.rerank_score_present else ""
    lines = [f"{style.bold(f'{rank:>3}')}  {reranked}{measure} {value:.4f}  {style.dim(hit.metadata.id)}"]
    properties = to_python(hit.properties.non_ref_props)
    for name in fields or properties:
        if name in properties:
            start = f"     {name}: "
            line = _cut(start + _as_value(properties[name]), width)
            lines.append(line.replace(f"{name}:", style.cyan(f"{name}:"), 1))
    if hit.metadata.explain_score_present:
        for part in hit.metadata.explain_score.splitlines():
            words = " ".join("".join(char if char.isprintable() else " " for char in part).strip(" ,").split())
            lines += [
                f"     {style.dim(line)}" for line in textwrap.wrap(words, max(width - 7, 20), subsequent_indent="  ")
            ]
    return "\n".join(lines)


def _as_value(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _measure(hit: search_get.SearchResult) -> tuple[str, float]:
    if hit.metadata.distance_present:
        return "distance", hit.metadata.distance
    return "score", hit.metadata.score


def _cut(text: str, width: int) -> str:
    indent = len(text) - len(text.lstrip())
    printable = "".join(char if char.isprintable() else " " for char in text)  # nothing stored controls the terminal
    one_line = " " * indent + " ".join(printable.split())
    return one_line if len(one_line) <= width else one_line[: width - 1] + "…"
