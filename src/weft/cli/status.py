"""``weft status``."""

from __future__ import annotations

import argparse
import json
import urllib.request
from typing import Any
from urllib.error import HTTPError, URLError

from weft.domain.errors import NotFound, Unauthenticated


def status(arguments: argparse.Namespace) -> int:
    meta = _get(arguments, "/v1/meta")
    nodes = _get(arguments, "/v1/nodes?output=verbose")
    if arguments.json:
        print(json.dumps({"meta": meta, "nodes": nodes["nodes"]}, indent=2))
        return 0
    for node in nodes["nodes"]:
        print(f"{node['name']}  {node['status']}  speaks version {meta['version']}")
        print(f"  modules  {', '.join(sorted(meta['modules'])) or 'none'}")
        for shard in node.get("shards") or []:
            print(f"  {shard['class']:<30} {shard['objectCount']:>12} objects  {_indexing(shard)}")
    return 0


def _indexing(shard: dict[str, Any]) -> str:
    waiting = shard.get("vectorQueueLength", 0)
    return f"{waiting} vectors wait for the index" if waiting else shard.get("vectorIndexingStatus", "")


def _get(arguments: argparse.Namespace, path: str) -> Any:
    where = f"http://{arguments.host}:{arguments.port}"
    request = urllib.request.Request(where + path)
    if arguments.api_key:
        request.add_header("Authorization", f"Bearer {arguments.api_key}")
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.load(reply)
    except HTTPError as error:
        if error.code == 401:
            raise Unauthenticated(f"the server at {where} wants an API key; give it with --api-key") from error
        raise NotFound(f"{where}{path} answered {error.code}; is this a Weft server?") from error
    except (URLError, TimeoutError) as error:
        raise NotFound(f"no server answers at {where}; start one with: weft serve") from error
