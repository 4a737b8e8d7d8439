"""Journal: how far a move is, in a file that is whole at any moment.

It is written after the target has acknowledged what it says, so a move that was killed does at most its last pages
again, which changes nothing. The file of rejected objects is cut to the length that the journal states, so it has none
twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from weft.cli.move.objects import Cursor
from weft.domain.errors import Invalid, OperatorError

_VERSION = 1


@dataclass(slots=True)
class PartProgress:
    """Of a collection without tenants, or of one tenant. ``after``: the cursor behind what is stored."""

    after: Cursor = None
    stored: int = 0
    rejected: int = 0
    done: bool = False


@dataclass(slots=True)
class CollectionProgress:
    """``parts`` by tenant, "" without tenants; ``linked``: the same for objects that were sent again with their
    references."""

    parts: dict[str, PartProgress] = field(default_factory=dict)
    linked: dict[str, PartProgress] = field(default_factory=dict)

    def part(self, tenant: str | None, *, linking: bool = False) -> PartProgress:
        return (self.linked if linking else self.parts).setdefault(tenant or "", PartProgress())


class Journal:
    """Of one move. Raises Invalid for a file that is none, or of another move."""

    def __init__(self, path: Path, source: str, target: str) -> None:
        self.path = path
        self._places = {"source": source, "target": target}
        self.collections: dict[str, CollectionProgress] = {}
        self.rejected_bytes = 0
        if path.exists():
            self._read()

    @property
    def is_new(self) -> bool:
        return not self.path.exists()

    def of(self, collection: str) -> CollectionProgress:
        return self.collections.setdefault(collection, CollectionProgress())

    def forget(self, collection: str) -> None:
        self.collections.pop(collection, None)

    def save(self) -> None:
        content = {
            "version": _VERSION,
            **self._places,
            "rejectedBytes": self.rejected_bytes,
            "collections": self.collections,
        }
        fresh = self.path.with_name(f"{self.path.name}.new")
        try:
            fresh.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
            fresh.replace(self.path)
        except OSError as error:
            raise OperatorError(
                f"cannot write {self.path}: {error.strerror}; name another file with --state"
            ) from error

    def _read(self) -> None:
        try:
            content = orjson.loads(self.path.read_bytes())
            places = {key: content[key] for key in self._places}
            if content["version"] != _VERSION:
                raise Invalid(f"{self.path} is of another version of Weft; remove it to begin again")
            self.rejected_bytes = int(content["rejectedBytes"])
            self.collections = {name: _collection(one) for name, one in content["collections"].items()}
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise Invalid(f"{self.path} is not the state of a move; remove it, or name another with --state") from error
        if places != self._places:
            raise Invalid(
                f"{self.path} is of the move from {places['source']} to {places['target']}; name another with --state"
            )


def _collection(given: dict[str, Any]) -> CollectionProgress:
    parts, linked = ({name: PartProgress(**one) for name, one in given[key].items()} for key in ("parts", "linked"))
    return CollectionProgress(parts, linked)
