"""The fields of a Milvus collection: its key, its vectors, and what becomes properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from weft.cli.move.objects import Notes
from weft.domain.json_values import JsonValue

_METRICS: Final = {"COSINE": "cosine", "L2": "l2-squared", "IP": "dot"}
_FLAT: Final = ("FLAT", "BIN_FLAT")


class MilvusFields:
    """``key``: the primary key; ``scalars``: fields of the schema that are no vectors; ``hints``: see ``PayloadMap``;
    ``vectors``: the documents of the target's vectors, by name; ``metrics``: as Milvus names them; ``keeps_ids``:
    whether the keys become properties, too."""

    def __init__(self, described: Mapping[str, Any], indexes: Sequence[Mapping[str, Any]], notes: Notes) -> None:
        self.key = ""
        self.has_texts_as_ids = False
        self.keeps_ids = False
        self.scalars: list[str] = []
        self.hints: dict[str, str] = {}
        self.vectors: dict[str, JsonValue] = {}
        self.metrics: dict[str, str] = {}
        self._skipped: set[str] = set()
        self._is_dynamic = bool(described.get("enable_dynamic_field"))
        by_field = {str(one.get("field_name")): one for one in indexes}
        for one in described["fields"]:
            name, kind = str(one["name"]), str(getattr(one["type"], "name", one["type"]))
            if one.get("is_primary"):
                self.key, self.has_texts_as_ids = name, kind == "VARCHAR"
            elif kind == "FLOAT_VECTOR":
                self._add_vector(name, by_field.get(name, {}), notes)
            elif kind.endswith("VECTOR"):
                self._skipped.add(name)
                notes.lost.append(f"the vector {name!r}, of the type {kind}")
            else:
                self.scalars.append(name)
                if kind == "VARCHAR":
                    self.hints[name] = "keyword"
            if one.get("is_partition_key"):
                notes.mapped.append(f"the partition key {name} stays a property; tenants are not made of it")

    def _add_vector(self, name: str, index: Mapping[str, Any], notes: Notes) -> None:
        metric, kind = str(index.get("metric_type") or "COSINE"), str(index.get("index_type") or "AUTOINDEX")
        settings: dict[str, JsonValue] = {"distance": _METRICS.get(metric, "cosine")}
        if kind == "HNSW":
            settings |= {
                to: int(index[key])
                for key, to in (("M", "maxConnections"), ("efConstruction", "efConstruction"))
                if key in index
            }
        elif kind not in _FLAT:
            notes.mapped.append(f"the index {kind} of the vector {name!r} becomes hnsw, with the target's own settings")
        self.metrics[name] = metric
        self.vectors[name] = {
            "vectorizer": {"none": {}},
            "vectorIndexType": "flat" if kind in _FLAT else "hnsw",
            "vectorIndexConfig": settings,
        }

    def output(self, *, vectors: bool) -> list[str]:
        """The fields of a query; keys beyond the schema too, where the collection has such."""
        names = [self.key, *self.scalars, *(self.vectors if vectors else ())]
        return [*names, "$meta"] if self._is_dynamic else names

    def payload(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: _plain(value)
            for name, value in row.items()
            if name != self.key and name not in self.vectors and name not in self._skipped
        }


def _plain(value: Any) -> Any:
    """Arrays as lists, and numpy's numbers as Python's."""
    if isinstance(value, str | bytes | dict):
        return value
    if hasattr(value, "tolist"):
        return value.tolist()
    return list(value) if hasattr(value, "__iter__") else value
