"""``weft search``."""

from __future__ import annotations

import argparse
import json
from typing import Any

from weft.cli.arguments import connected
from weft.domain.errors import Invalid

_SHOWN = 100


def search(arguments: argparse.Namespace) -> int:
    from weaviate.classes.query import MetadataQuery
    from weaviate.exceptions import WeaviateQueryError

    metadata = MetadataQuery(distance=True, score=True)
    with connected(arguments) as client:
        query = client.collections.use(arguments.collection).query
        ask = {"meaning": query.near_text, "keyword": query.bm25, "both": query.hybrid}[arguments.by]
        try:
            found = ask(query=arguments.text, limit=arguments.limit, return_metadata=metadata)
        except WeaviateQueryError as error:
            raise Invalid(str(error.message)) from error
    for hit in found.objects:
        print(_as_json(hit) if arguments.json else _as_text(hit))
    return 0


def _as_json(hit: Any) -> str:
    return json.dumps(
        {"id": str(hit.uuid), **_measure(hit), "properties": hit.properties}, ensure_ascii=False, default=str
    )


def _as_text(hit: Any) -> str:
    name, value = next(iter(_measure(hit).items()), ("", 0.0))
    properties = "  ".join(
        f"{key}: {_short(str(value))}" for key, value in hit.properties.items() if value not in (None, "", [])
    )
    return f"{name} {value:.4f}  {hit.uuid}\n  {properties}"


def _measure(hit: Any) -> dict[str, float]:
    if hit.metadata.distance is not None:
        return {"distance": hit.metadata.distance}
    return {"score": hit.metadata.score or 0.0}


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _SHOWN else one_line[: _SHOWN - 1] + "…"
