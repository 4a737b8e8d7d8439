"""Judged queries of files: JSON Lines, TREC, BEIR; as ``/v1/weft/evaluations`` takes them."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from weft.cli.imports.identity import uuid_of
from weft.domain.errors import Invalid

_MEDIA: Final = ("image", "audio", "video")
_IDS: Final = ("id", "_id", "query_id")
_TEXTS: Final = ("text", "query")
_RELEVANT: Final = ("relevant", "qrels")


def of_jsonl(place: str) -> list[dict[str, Any]]:
    """Media are files, named from where the file is, or base64. ``-``: standard input."""
    folder = Path() if place == "-" else Path(place).parent
    found = []
    for number, row in _rows(place):
        where = f"{place}, line {number}"
        relevant = next((row[key] for key in _RELEVANT if row.get(key)), None)
        query = {
            "id": _first(row, _IDS) or str(number),
            "text": _first(row, _TEXTS),
            "relevant": _grades(relevant, where),
        }
        for kind in _MEDIA:
            if row.get(kind):
                query[kind] = _media(str(row[kind]), folder)
        if row.get("vector") is not None:
            query["vector"] = row["vector"]
        found.append(query)
    return found


def of_trec(qrels: str, queries: str) -> list[dict[str, Any]]:
    """``qrels``: lines of query id, anything, object id, grade; ``queries``: of query id, tab, text, or JSON Lines."""
    judged = _judgments(qrels, _fields(qrels, None, 4), (0, 2, 3))
    if queries.endswith((".jsonl", ".json")):
        texts = {_first(row, _IDS): _first(row, _TEXTS) for _, row in _rows(queries)}
    else:
        texts = {fields[0]: fields[1] for _, fields in _fields(queries, "\t", 2)}
    return _joined(texts, judged, queries)


def of_beir(folder: str, split: str) -> list[dict[str, Any]]:
    """``queries.jsonl`` and ``qrels/SPLIT.tsv`` of ``folder``."""
    path = Path(folder)
    qrels = path / "qrels" / f"{split}.tsv"
    if not qrels.is_file():
        there = ", ".join(sorted(one.stem for one in (path / "qrels").glob("*.tsv"))) or "none"
        raise Invalid(f"{qrels} is not there; the splits are {there} (--split)")
    lines = (line for line in _fields(str(qrels), "\t", 3) if line[1][2].strip().lstrip("-").isdigit())
    judged = _judgments(str(qrels), lines, (0, 1, 2))
    texts = {_first(row, _IDS): _first(row, _TEXTS) for _, row in _rows(str(path / "queries.jsonl"))}
    return _joined(texts, judged, str(path / "queries.jsonl"))


def _joined(texts: Mapping[str, str], judged: Mapping[str, Mapping[str, float]], queries: str) -> list[dict[str, Any]]:
    """The queries with a text and a relevant object."""
    found = [
        {"id": id, "text": texts[id], "relevant": grades}
        for id, grades in judged.items()
        if texts.get(id) and any(grade > 0 for grade in grades.values())
    ]
    if not found:
        raise Invalid(f"no query of {queries} has a relevant object; do the ids of the queries agree?")
    return found


def _judgments(
    place: str, lines: Iterable[tuple[int, list[str]]], at: tuple[int, int, int]
) -> dict[str, dict[str, float]]:
    """Grades by the uuid that an import makes of an id, by query."""
    query, document, grade = at
    found: dict[str, dict[str, float]] = {}
    for number, fields in lines:
        try:
            found.setdefault(fields[query], {})[uuid_of(fields[document]) or ""] = float(fields[grade])
        except ValueError:
            raise Invalid(f"{place}, line {number}: {fields[grade][:40]!r} is no grade; a number is") from None
    return found


def _grades(given: Any, where: str) -> dict[str, float]:
    """As an import makes uuids of ids."""
    grades = dict.fromkeys(given, 1.0) if isinstance(given, list) else given
    if not isinstance(grades, dict) or not grades:
        raise Invalid(f'{where}: name the objects to find, as "relevant": [ID, …] or {{ID: GRADE}}')
    found = {}
    for id, grade in grades.items():
        uuid = uuid_of(id)
        if uuid is None or isinstance(grade, bool) or not isinstance(grade, int | float):
            raise Invalid(f"{where}: {id!r}: {grade!r} is no id with a grade")
        found[uuid] = float(grade)
    return found


def _media(given: str, folder: Path) -> str:
    """Base64 of the file of that name, if there is one."""
    try:
        path = folder / given
        if len(given) < 1_000 and path.is_file():
            return base64.b64encode(path.read_bytes()).decode()
    except (OSError, ValueError):
        pass
    return given


def _first(row: Mapping[str, Any], keys: Iterable[str]) -> str:
    return next((str(row[key]) for key in keys if row.get(key) is not None), "")


def _rows(place: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in _lines(place):
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise Invalid(f"{place}, line {number} is not JSON: {error}") from None
        if not isinstance(row, dict):
            raise Invalid(f"{place}, line {number} is no JSON object")
        yield number, row


def _fields(place: str, separator: str | None, least: int) -> Iterator[tuple[int, list[str]]]:
    for number, line in _lines(place):
        fields = line.split(separator)
        if len(fields) < least:
            raise Invalid(f"{place}, line {number} has {len(fields)} fields; {least} are expected")
        yield number, fields


def _lines(place: str) -> Iterator[tuple[int, str]]:
    """Those that are not empty, with their numbers."""
    try:
        text = sys.stdin.read() if place == "-" else Path(place).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(f"{place} is not UTF-8") from None
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield number, line
