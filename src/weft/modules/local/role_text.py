"""RoleText: a text with its role, query or document, which decides the prompt before it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from weft.modules.local.models import ModelSource, cached_folder

_DOCUMENT_PROMPTS = ("document", "passage", "corpus")
"""The names under which models state it. sentence-transformers takes the first, which it adds empty to all models."""


@dataclass(frozen=True, slots=True)
class RoleText:
    """``prompt`` replaces the model's own for that role; None keeps it."""

    text: str
    is_query: bool
    prompt: str | None = None

    def __len__(self) -> int:
        return len(self.text)


def document_prompt(prompts: Mapping[str, str]) -> str:
    """Among a model's prompts by name that of documents; empty if it states none."""
    return next(filter(None, map(prompts.get, _DOCUMENT_PROMPTS)), "")


def stated_document_prompt(source: ModelSource) -> str:
    """The prompt before documents that a model on this machine states; empty if it states none."""
    folder = source.folder or cached_folder(source.name)
    if folder is None:
        return ""
    try:
        own = json.loads((folder / "config_sentence_transformers.json").read_text(encoding="utf-8"))
        return document_prompt(own["prompts"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # no such file, or none that states prompts
        return ""
