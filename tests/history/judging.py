"""Questions, their answers, and what is wrong with an answer, given the history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from history.history import History
from history.things import GROUPS, JOINT, LINKS, NUMBER_OF, STEADY, Torn, version_of


@dataclass(frozen=True)
class Row:
    """An object of an answer, with the parts that it has there."""

    uuid: str
    properties: Mapping[str, Any]
    vectors: Mapping[str, Any] = field(default_factory=dict)
    links: Sequence[Row] | None = None
    """The objects that it points to; None: not requested."""


@dataclass(frozen=True)
class Rows:
    """``among``: the objects that can be an answer; all of them that exist are there, or ``limit`` of them."""

    rows: Sequence[Row]
    among: frozenset[int]
    limit: int | None = None
    by: str | None = None
    """The property that they ascend by."""


@dataclass(frozen=True)
class Figures:
    """Of the objects of one group, or of all that are ``among``."""

    among: frozenset[int]
    count: int
    twice: float
    versions: float
    """The sums of both properties."""
    least: float | None
    greatest: float | None
    """Versions; None: not requested."""
    words: Mapping[str, int] | None = None
    """How often each word occurs, or the most frequent ones do."""


@dataclass(frozen=True)
class Presence:
    """Whether one object exists."""

    number: int
    there: bool


Answer: TypeAlias = Rows | Sequence[Figures] | Presence


@dataclass(frozen=True)
class Question:
    name: str
    ask: Callable[[], Answer]


def wrong_with(question: Question, history: History) -> list[str]:
    """Asks, and judges the answer."""
    with history.asking() as asked:
        answer = question.ask()
        answered = history.now()
        try:
            match answer:
                case Rows():
                    found = _judge_rows(answer, history, asked, answered)
                case Presence():
                    found = _judge_presence(answer, history, asked, answered)
                case _:
                    found = [one for figures in answer for one in _judge_figures(figures, history, asked, answered)]
        except Torn as torn:
            found = [str(torn)]
    return [f"{question.name}: {one}" for one in found]


def _judge_rows(answer: Rows, history: History, asked: float, answered: float) -> list[str]:
    seen = [(NUMBER_OF[row.uuid], version_of(row.uuid, row.properties, row.vectors)) for row in answer.rows]
    wrong = history.judge(asked, answered, seen)
    numbers = [number for number, _ in seen]
    if len(set(numbers)) < len(numbers):
        wrong.append(f"some objects are there twice: {sorted(numbers)}")
    if strangers := set(numbers) - answer.among:
        wrong.append(f"objects {sorted(strangers)} are no answer")
    there = history.surely_there(asked, answered) & answer.among
    if answer.limit is None and (missing := there - set(numbers)):
        wrong.append(f"objects {sorted(missing)} are missing, of {len(there)} that exist all the time")
    if answer.limit is not None and not min(answer.limit, len(there)) <= len(numbers) <= answer.limit:
        wrong.append(f"{len(numbers)} objects instead of {answer.limit}")
    joint = {version for number, version in seen if number in JOINT}
    if len(joint) > 1:
        wrong.append(f"joint objects of versions {sorted(joint)} in one answer")
    if answer.by is not None:
        values = [row.properties[answer.by] for row in answer.rows]
        if values != sorted(values):
            wrong.append(f"they are not in order of {answer.by}: {values}")
    for row in answer.rows:
        if row.links is not None:
            wrong += _judge_links(row, history, asked, answered)
    return wrong


def _judge_links(row: Row, history: History, asked: float, answered: float) -> list[str]:
    assert row.links is not None
    seen = [(NUMBER_OF[one.uuid], version_of(one.uuid, one.properties, one.vectors)) for one in row.links]
    wrong = history.judge(asked, answered, seen)
    if len(seen) != LINKS or not {number for number, _ in seen} <= set(STEADY):
        wrong.append(f"object {NUMBER_OF[row.uuid]} points to {seen} and not to {LINKS} steady ones")
    return wrong


def _judge_presence(answer: Presence, history: History, asked: float, answered: float) -> list[str]:
    possible = history.possible(answer.number, asked, answered)
    if answer.there in {version is not None for version in possible}:
        return []
    return [f"object {answer.number} is there: {answer.there}; possible are the versions {sorted(map(str, possible))}"]


def _judge_figures(answer: Figures, history: History, asked: float, answered: float) -> list[str]:
    wrong: list[str] = []
    there = history.surely_there(asked, answered) & answer.among
    if not len(there) <= answer.count <= len(answer.among):
        wrong.append(f"a count of {answer.count}, where {len(there)} to {len(answer.among)} objects are")
    if answer.twice != 2 * answer.versions:
        wrong.append(f"sums {answer.versions} and {answer.twice} of different moments")
    if answer.words is not None and sum(answer.words.values()) != answer.count:
        wrong.append(f"{answer.count} objects with the words {dict(answer.words)}")
    possible = [history.possible(number, asked, answered) for number in answer.among]
    known = {version for versions in possible for version in versions if version is not None}
    if answer.count and answer.least is not None and not {answer.least, answer.greatest} <= known:
        wrong.append(f"versions from {answer.least} to {answer.greatest}, which are not among {sorted(known)}")
    if answer.count and answer.among == frozenset(GROUPS["joint"]) and answer.least != answer.greatest:
        wrong.append(f"joint objects of the versions {answer.least} and {answer.greatest} at one moment")
    return wrong
