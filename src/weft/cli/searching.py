"""``weft search``: one query over gRPC, without loading a whole client."""

from __future__ import annotations

import argparse
import json
import shutil
import sys

import grpc

from weft.cli.connection import authorization
from weft.cli.server_address import ServerAddress
from weft.cli.values import to_python
from weft.domain.errors import Invalid, OperatorError, Unauthenticated
from weft.domain.json_values import JsonValue
from weft.protocol import search_get

_METHOD = "/weaviate.v1.Weaviate/Search"
_TIMEOUT_S = 120
_MAX_REPLY_BYTES = 1 << 30
_MAX_HITS = (1 << 31) - 1
_HYBRID_ALPHA = 0.7
"""The official client's default weight of meaning against keywords."""


def search(arguments: argparse.Namespace) -> int:
    if not 1 <= arguments.limit <= _MAX_HITS:
        raise Invalid(f"--limit must be from 1 to {_MAX_HITS}, not {arguments.limit}")
    found = _ask(arguments, _request(arguments)).results
    for rank, hit in enumerate(found, 1):
        print(_as_json(hit) if arguments.json else _as_text(rank, hit))
    if not found:
        print(f"nothing found in {arguments.collection}", file=sys.stderr)
    return 0


def _request(arguments: argparse.Namespace) -> search_get.SearchRequest:
    request = search_get.SearchRequest(
        collection=arguments.collection, tenant=arguments.tenant or "", limit=arguments.limit, uses_127_api=True
    )
    request.properties.return_all_nonref_properties = True
    request.metadata.uuid = True
    targets = [arguments.target] if arguments.target else []
    match arguments.by:
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
    return request


def _ask(arguments: argparse.Namespace, request: search_get.SearchRequest) -> search_get.SearchReply:
    address = ServerAddress.of(arguments)
    where = f"{address.host}:{arguments.grpc_port}"
    options = [("grpc.max_receive_message_length", _MAX_REPLY_BYTES), ("grpc.enable_http_proxy", 0)]
    metadata = (("authorization", allowed),) if (allowed := authorization(arguments)) else ()
    with address.channel(arguments.grpc_port, options) as channel:
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
    properties = to_python(hit.properties.non_ref_props)
    return json.dumps({"id": hit.metadata.id, measure: value, "properties": properties}, ensure_ascii=False)


def _as_text(rank: int, hit: search_get.SearchResult) -> str:
    """A line with rank, measure and uuid, and a line for each property, as wide as the terminal."""
    measure, value = _measure(hit)
    width = shutil.get_terminal_size((110, 24)).columns - 1
    lines = [f"{rank:>3}  {measure} {value:.4f}  {hit.metadata.id}"]
    for name, content in to_python(hit.properties.non_ref_props).items():
        lines.append(_cut(f"     {name}: {_as_value(content)}", width))
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
