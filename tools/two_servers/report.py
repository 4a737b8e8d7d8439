"""Counts by kind of question, and the shortest question of each kind on which two servers differ."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from random import Random
from typing import Any, TextIO

from two_servers import boosts, figures, graphql, requests, searches
from two_servers.answers import Difference, Document, Refusal, Row, Rows, Unread, compare
from two_servers.known import known
from two_servers.question import Question, answer
from two_servers.server import Server

ROOMS = {"search": searches, "boost": boosts, "aggregate": figures, "graphql": graphql, "rest": requests}
_MAX_CHARS = 600


@dataclass
class Kind:
    asked: int = 0
    refused: int = 0
    known: Counter[str] = field(default_factory=Counter)
    found: list[tuple[Question, Difference]] = field(default_factory=list)


class Report:
    """``kinds`` by name; each difference is written to ``log`` at once.

    ``strict``: no difference is known. ``changed``: objects were replaced or deleted before.
    """

    def __init__(
        self, servers: Sequence[Server], log: TextIO | None = None, *, strict: bool = False, changed: bool = False
    ) -> None:
        self.kinds: dict[str, Kind] = defaultdict(Kind)
        self._servers = servers
        self._log = log
        self._strict = strict
        self._changed = changed

    def ask(self, questions: Iterable[Question]) -> None:
        for question in questions:
            self._changed |= question.kind.startswith("write: ")
            kind = self.kinds[question.kind]
            kind.asked += 1
            a, b = (answer(question, server) for server in self._servers)
            kind.refused += isinstance(a, Refusal) or (isinstance(a, Document) and a.refused)
            if (difference := compare(a, b)) is None:
                continue
            if not self._strict and (reason := known(question, difference, changed=self._changed)) is not None:
                kind.known[reason.row] += 1
                continue
            kind.found.append((question, difference))
            if self._log is not None:
                self._log.write("\n".join(_words(question, difference)) + "\n\n")

    @property
    def differences(self) -> int:
        return sum(len(kind.found) for kind in self.kinds.values())

    def lines(self) -> Iterator[str]:
        for _, kind in sorted(self.kinds.items()):
            if kind.found:
                question, difference = min(kind.found, key=lambda one: len(one[0].text))
                yield from _words(question, difference)
                yield ""
        yield f"{'kind of question':40}{'asked':>7}{'refused':>9}{'known':>7}{'differ':>8}"
        for name, kind in sorted(self.kinds.items()):
            yield f"{name:40}{kind.asked:7}{kind.refused:9}{kind.known.total():7}{len(kind.found):8}"
        for row, count in sum((kind.known for kind in self.kinds.values()), Counter[str]()).most_common():
            yield f"known: {count} × {row}"
        yield f"{self.differences} of {sum(kind.asked for kind in self.kinds.values())} answers differ"


def draw(rng: Random, count: int, rooms: Sequence[str]) -> Iterator[Question]:
    """``count`` questions of ``rooms``; each depends on its place only."""
    draws = list(chain.from_iterable(ROOMS[room].DRAWS for room in rooms))
    makes, weights = [one for one, _ in draws], [weight for _, weight in draws]
    for _ in range(count):
        own = Random(rng.getrandbits(64))
        yield own.choices(makes, weights)[0](own)


def _words(question: Question, difference: Difference) -> Iterator[str]:
    yield f"{question.kind}: {difference.place}"
    yield from (f"    {_short(line.strip())}" for line in question.text.splitlines())
    yield f"    A: {_short(_plain(difference.a))}"
    yield f"    B: {_short(_plain(difference.b))}"


def _plain(value: Any) -> str:
    match value:
        case Refusal(message=message):
            return f"refused: {message}"
        case Unread(message=message):
            return f"cannot be read: {message}"
        case Document(status=status, body=body):
            return f"{status} {json.dumps(body, ensure_ascii=False)}"
        case Rows(rows=rows):
            return f"{len(rows)} rows: {', '.join(_plain(row) for row in rows[:8])}"
        case Row(text=text, numbers=numbers):
            return f"{text} {numbers}"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _short(text: str) -> str:
    return text if len(text) <= _MAX_CHARS else f"{text[:_MAX_CHARS]}…"
