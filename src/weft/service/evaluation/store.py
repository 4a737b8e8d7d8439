"""What evaluations leave on disk: their queries and the hits of each variant, in a folder for each, below the server's.

    evaluations/ID/queries.json      [{id, relevant, text, …}]: see ``JudgedQuery``
    evaluations/ID/variant-N.json    {rankings, milliseconds, error}: the hits of the plan's Nth variant
    evaluations/ID/sample            the copy of a part of the collection, while the evaluation runs

The catalog has the job with its summary. Where several servers share a catalog, these files are on the server that ran
the evaluation.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from weft.domain.errors import CorruptData, NotFound
from weft.domain.json_values import JsonValue
from weft.jobs.backends.backend import Location
from weft.jobs.backends.filesystem import FilesystemBackend, FilesystemFolder
from weft.service.evaluation.request import JudgedQuery
from weft.service.evaluation.searching import Answered


@dataclass(slots=True)
class VariantOutcome:
    """``error``: why the variant could not be searched; empty if it was."""

    answered: Answered = field(default_factory=Answered)
    error: str = ""


class EvaluationStore:
    def __init__(self, folder: Path) -> None:
        self._root = folder.absolute() / "evaluations"
        self._backend = FilesystemBackend(self._root)

    def put_queries(self, id: str, queries: Sequence[JudgedQuery]) -> None:
        """Durable at return. Raises StorageFull."""
        self._put(id, "queries", [one.to_json() for one in queries])

    def queries(self, id: str) -> list[JudgedQuery]:
        """None given: an empty list. Raises NotFound, CorruptData."""
        found = self._get(id, "queries")
        return [JudgedQuery.of_json(one) for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def put_outcome(self, id: str, place: int, outcome: VariantOutcome) -> None:
        answered = outcome.answered
        value: dict[str, JsonValue] = {
            "rankings": [list(one) for one in answered.rankings],
            "milliseconds": list(answered.milliseconds),
            "error": outcome.error,
        }
        self._put(id, f"variant-{place}", value)

    def outcome(self, id: str, place: int) -> VariantOutcome:
        """Raises NotFound, CorruptData."""
        found = self._get(id, f"variant-{place}")
        if not isinstance(found, dict):
            raise _damaged(self._root / id)
        return VariantOutcome(Answered(found["rankings"], found["milliseconds"]), found["error"])

    def sample_folder(self, id: str) -> Path:
        return self._root / id / "sample"

    def remove(self, id: str) -> None:
        """Does nothing if it is gone."""
        FilesystemFolder(self._root).clear(id)

    def sweep(self, known: Collection[str]) -> None:
        """Removes what belongs to none of ``known``."""
        for id in self._backend.ids():
            if id not in known:
                self.remove(id)

    def _folder(self, id: str) -> FilesystemFolder:
        return self._backend.folder(id, Location())

    def _put(self, id: str, name: str, value: JsonValue) -> None:
        self._folder(id).put(f"{name}.json", orjson.dumps(value))

    def _get(self, id: str, name: str) -> JsonValue:
        data = self._folder(id).get(f"{name}.json")
        if data is None:
            raise NotFound(f"the files of evaluation {id} are not on this server; ask the one that ran it", id=id)
        try:
            found: JsonValue = orjson.loads(data)
        except orjson.JSONDecodeError:
            raise _damaged(self._root / id) from None
        return found


def _damaged(folder: Path) -> CorruptData:
    return CorruptData(
        f"the files of an evaluation in {folder} are damaged; delete it, and start it again", path=str(folder)
    )
