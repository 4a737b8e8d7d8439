"""The protocol's message classes, taken from the official client's wheel without importing the client.

One process may hold only one copy of these descriptors, and ``weft.connect`` needs the client in the same process, so
Weft uses the client's own. Importing the whole ``weaviate`` package costs over a second of start-up; its message
modules import only each other, so they are loaded under empty stand-ins of their parent packages, which are removed
afterwards. A later ``import weaviate`` then finds the same message modules already loaded. Type checkers read the
stubs in the wheel.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

_MODULES = (
    "base",
    "base_search",
    "batch",
    "batch_delete",
    "aggregate",
    "generative",
    "health_weaviate",
    "properties",
    "search_get",
    "tenants",
    "weaviate",
)
_ROOT = "weaviate.proto.v1.v6300.v1"


def _load() -> dict[str, ModuleType]:
    if "weaviate" in sys.modules:
        return {name: importlib.import_module(f"{_ROOT}.{name}_pb2") for name in _MODULES}
    spec = importlib.util.find_spec("weaviate")
    if spec is None or spec.origin is None:
        raise ImportError("the package weaviate-client is missing; install weft with its dependencies")
    parents: list[str] = []
    folder, name = Path(spec.origin).parent, ""
    for part in _ROOT.split("."):
        name = f"{name}.{part}" if name else part
        if name != "weaviate":
            folder = folder / part
        stand_in = ModuleType(name)
        stand_in.__path__ = [str(folder)]
        sys.modules[name] = stand_in
        parents.append(name)
    try:
        return {name: importlib.import_module(f"{_ROOT}.{name}_pb2") for name in _MODULES}
    finally:
        for name in parents:
            del sys.modules[name]


if TYPE_CHECKING:
    from weaviate.proto.v1.v6300.v1 import aggregate_pb2 as aggregate
    from weaviate.proto.v1.v6300.v1 import base_pb2 as base
    from weaviate.proto.v1.v6300.v1 import base_search_pb2 as base_search
    from weaviate.proto.v1.v6300.v1 import batch_delete_pb2 as batch_delete
    from weaviate.proto.v1.v6300.v1 import batch_pb2 as batch
    from weaviate.proto.v1.v6300.v1 import generative_pb2 as generative
    from weaviate.proto.v1.v6300.v1 import properties_pb2 as properties
    from weaviate.proto.v1.v6300.v1 import search_get_pb2 as search_get
    from weaviate.proto.v1.v6300.v1 import tenants_pb2 as tenants
else:
    _loaded = _load()
    aggregate = _loaded["aggregate"]
    base = _loaded["base"]
    base_search = _loaded["base_search"]
    batch = _loaded["batch"]
    batch_delete = _loaded["batch_delete"]
    generative = _loaded["generative"]
    properties = _loaded["properties"]
    search_get = _loaded["search_get"]
    tenants = _loaded["tenants"]

__all__ = [
    "aggregate",
    "base",
    "base_search",
    "batch",
    "batch_delete",
    "generative",
    "properties",
    "search_get",
    "tenants",
]
