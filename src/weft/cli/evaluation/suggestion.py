"""The best way to search as code for the official Python client, and what has to be configured for it first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson


def suggestion_of(evaluation: Mapping[str, Any]) -> list[str]:
    """Lines of Python; where the best way needs other vectors than the collection has, their configuration above."""
    best = next((one for one in evaluation.get("variants", ()) if one["name"] == evaluation["best"]), None)
    if best is None:
        return ["# nothing to suggest: no way to search could be evaluated"]
    target, lines = _configured(best)
    imports, arguments = [], []
    match best["by"]:
        case "vector":
            verb = "near_text"
        case "keyword":
            verb = "bm25"
        case _:
            verb = "hybrid"
            arguments.append(f"alpha={best['alpha']:g}")
            if best["fusion"] == "rankedFusion":
                imports.append("HybridFusion")
                arguments.append("fusion_type=HybridFusion.RANKED")
    if target and best["by"] != "keyword":
        arguments.append(f'target_vector="{target}"')
    if "reranker" in best:
        lines.append(f"# the collection needs the reranker {best['reranker']!r}")
        imports.append("Rerank")
        arguments.append('rerank=Rerank(prop="…", query="your query")')
    if imports:
        lines.append(f"from weaviate.classes.query import {', '.join(imports)}")
    given = ", ".join([*arguments, "limit=10"])
    collection = evaluation["collection"]
    return [*lines, f'client.collections.use("{collection}").query.{verb}("your query", {given})']


def _configured(best: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The name of the vector to search, and how to get it."""
    name = best.get("vector", "")
    index: dict[str, Any] = {}
    if (quantizer := best.get("quantizer")) and quantizer != "none":
        index[quantizer] = {"enabled": True}
    if "ef" in best:
        index["ef"] = best["ef"]
    if "pooling" in best:
        index["multivector"] = {"enabled": True, "tokenPooling": {"factor": best["pooling"]}}
    if "module" in best:
        name = "better"
        settings = {"model": best["model"]} if best.get("model") else {}
        entry = {"vectorizer": {best["module"]: settings}, "vectorIndexType": "hnsw", "vectorIndexConfig": index}
        flags = f"--module {best['module']}" + (f" --model {best['model']}" if best.get("model") else "")
        added = ["# a vector to add to the collection, under vectorConfig:", f"# {_json({name: entry})}"]
        return name, [*added, f"# or, in place of one that it has: weft reembed COLLECTION VECTOR {flags}"]
    if index:
        return name, [f"# in vectorIndexConfig of vector {name!r}:", f"# {_json(index)}"]
    return name, []


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
