"""Differences that Weft has on purpose: each is a row of docs/differences.md, recognised by a rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from two_servers.answers import Answer
from two_servers.question import Question


@dataclass(frozen=True)
class Known:
    """``row`` begins a row of the page. Of ``a`` and ``b``, ``b`` is Weft's answer."""

    row: str
    applies: Callable[[Question, Answer, Answer], bool]


KNOWN: tuple[Known, ...] = ()


def known(question: Question, a: Answer, b: Answer) -> Known | None:
    return next((one for one in KNOWN if one.applies(question, a, b)), None)
