"""``weft collections``: the collections of a server, or all about one of them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from weft.cli.connection import Connection
from weft.cli.parser import nearest
from weft.cli.style import Style
from weft.cli.table import table
from weft.domain.counts import counted
from weft.domain.errors import NotFound
from weft.domain.names import collection_name


def collections(arguments: argparse.Namespace) -> int:
    with Connection(arguments) as server:
        if arguments.collection:
            document = schema_of(server, arguments.collection)
            count = _counts(server, document["class"])
            if arguments.json:
                print(json.dumps({**document, "objectCount": count}, indent=2))
            else:
                print("\n".join(_about(document, count, _aliases(server, document["class"]))))
            return 0
        found = sorted(server.get("/v1/schema").get("classes") or (), key=lambda one: str(one["class"]))
        if arguments.names:
            print("\n".join(one["class"] for one in found))
        elif arguments.json:
            print(json.dumps([{**one, "objectCount": _counts(server, one["class"])} for one in found], indent=2))
        elif found:
            print("\n".join(_listed(server, found)))
        else:
            print("no collections yet; create one with a client, or with: weft import FILE --collection NAME")
    return 0


def schema_of(server: Connection, name: str) -> dict[str, Any]:
    """The collection as REST describes it. Raises NotFound, with the name that was probably meant."""
    name = collection_name(name)
    try:
        return dict(server.get(f"/v1/schema/{quote(name, safe='')}"))
    except NotFound:
        known = [one["class"] for one in server.get("/v1/schema").get("classes") or ()]
        near = nearest(name, known)
        listed = f"there are: {', '.join(sorted(known)[:20])}" if known else "there are no collections"
        meant = f"did you mean {near}?" if near else listed
        raise NotFound(f"no collection {name[:80]!r}; {meant}") from None


def vectors_of(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The configuration of each vector by name; "" is that of a collection with one unnamed vector."""
    if named := document.get("vectorConfig"):
        return dict(named)
    return {"": document} if document.get("vectorIndexType") else {}


def vectorizer_of(vector: Mapping[str, Any]) -> str:
    """The name of its module, or ``none``."""
    found = vector.get("vectorizer") or "none"
    return found if isinstance(found, str) else next(iter(found), "none")


def _counts(server: Connection, name: str) -> int:
    nodes = server.get(f"/v1/nodes/{quote(name, safe='')}?output=verbose")["nodes"]
    return sum(shard.get("objectCount", 0) for node in nodes for shard in node.get("shards") or ())


def _aliases(server: Connection, name: str) -> list[str]:
    try:
        listed = server.get("/v1/aliases").get("aliases") or ()
    except NotFound:  # of a server without aliases
        return []
    return [one["alias"] for one in listed if one["class"] == name]


def _listed(server: Connection, found: list[dict[str, Any]]) -> list[str]:
    rows = [["collection", "objects", "properties", "vectors"]]
    for one in found:
        vectors = ", ".join(
            f"{name or 'unnamed'} ({vectorizer_of(vector)})" for name, vector in vectors_of(one).items()
        )
        count = f"{_counts(server, one['class']):,}"
        rows.append([one["class"], count, str(len(one.get("properties") or ())), vectors or "none"])
    head, *lines = table(rows, left=(0, 3))
    return [Style(sys.stdout).bold(head.rstrip()), *(line.rstrip() for line in lines)]


def _about(document: Mapping[str, Any], count: int, aliases: list[str]) -> list[str]:
    style = Style(sys.stdout)
    lines = [f"{style.bold(document['class'])}: {counted(count, 'object')}"]
    if document.get("description"):
        lines.append(f"  {document['description']}")
    if aliases:
        lines.append(f"  aliases: {', '.join(aliases)}")
    if (document.get("multiTenancyConfig") or {}).get("enabled"):
        lines.append("  with tenants")
    properties = document.get("properties") or ()
    lines.append(style.bold("properties") if properties else "no properties yet")
    rows = [[one["name"], " or ".join(one["dataType"]), _indexes(one)] for one in properties]
    lines += [line.rstrip() for line in table(rows, left=(0, 1, 2))]
    vectors = vectors_of(document)
    lines.append(style.bold("vectors") if vectors else "no vectors")
    rows = [[name or "unnamed", vectorizer_of(one), _model(one), _index(one)] for name, one in vectors.items()]
    lines += [line.rstrip() for line in table(rows, left=(0, 1, 2, 3))]
    modules = document.get("moduleConfig") or {}
    if others := [name for name in modules if name not in {vectorizer_of(one) for one in vectors.values()}]:
        lines.append(f"other modules: {', '.join(sorted(others))}")
    return lines


def _indexes(property: Mapping[str, Any]) -> str:
    """By which indexes a property is found."""
    words = [
        word
        for key, word in (
            ("indexFilterable", "filter"),
            ("indexSearchable", "keyword"),
            ("indexRangeFilters", "range"),
        )
        if property.get(key)
    ]
    tokenization = f" ({property['tokenization']})" if property.get("indexSearchable") else ""
    return ", ".join(words) + tokenization


def _model(vector: Mapping[str, Any]) -> str:
    name, given = vectorizer_of(vector), vector.get("vectorizer")
    settings = given.get(name) if isinstance(given, dict) else (vector.get("moduleConfig") or {}).get(name)
    return str((settings or {}).get("model") or "")


def _index(vector: Mapping[str, Any]) -> str:
    config = vector.get("vectorIndexConfig") or {}
    words = [str(vector.get("vectorIndexType", "")), str(config.get("distance", ""))]
    words += [
        name for name in ("pq", "bq", "sq", "rq") if isinstance(config.get(name), dict) and config[name].get("enabled")
    ]
    words += ["multi-vector"] if (config.get("multivector") or {}).get("enabled") else []
    return ", ".join(word for word in words if word)
