"""A question to a server, with the words that show it in a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from weaviate.exceptions import WeaviateBaseError

from two_servers.answers import Answer, Refusal, Unread
from two_servers.server import INTERNAL_ERROR, Server


@dataclass(frozen=True)
class Question:
    """``kind`` is what a report counts by; ``facts`` are what a known difference is recognised by."""

    kind: str
    text: str
    ask: Callable[[Server], Answer]
    facts: Mapping[str, Any] = field(default_factory=dict)


def answer(question: Question, server: Server) -> Answer:
    """A refusal, by the server or by the client, is an answer too."""
    try:
        return question.ask(server)
    except WeaviateBaseError as error:
        kind = Unread if INTERNAL_ERROR in str(error) else Refusal
        return kind(f"{type(error).__name__}: {error}")
    except Exception as error:
        return Unread(f"{type(error).__name__}: {error}")
