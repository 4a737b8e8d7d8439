"""What is to be embedded, how, and where it is written to; plain values, which go to other machines as they are."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from weft.cli.imports.identity import mended
from weft.domain.errors import Invalid
from weft.domain.query import MediaKind

DEFAULT_ROWS = 5_000
_KINDS = (MediaKind.IMAGE, MediaKind.AUDIO, MediaKind.VIDEO)


@dataclass(frozen=True)
class EmbedRequest:
    """``texts``: fields whose texts are embedded together, in alphabetical order, as a server does it. ``media``:
    fields by kind. ``rows``: of one file of the result. ``limit``: of all rows, None for no limit."""

    texts: Sequence[str]
    media: Mapping[MediaKind, Sequence[str]]
    module: str
    model: str
    id_field: str
    vector: str
    out: str
    rows: int = DEFAULT_ROWS
    limit: int | None = None
    models_folder: str = ""
    fields: frozenset[str] = field(default=frozenset(), init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", frozenset([*self.texts, *(n for of in self.media.values() for n in of)]))

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> EmbedRequest:
        """What the command line asks for. Raises Invalid."""
        media = {kind: names for kind in _KINDS if (names := _names(getattr(arguments, kind.value)))}
        texts = sorted(_names(arguments.text))
        if not texts and not media:
            raise Invalid("say which fields to embed, with --text title,body or --image FIELD")
        if arguments.rows_per_file < 1 or (arguments.limit is not None and arguments.limit < 1):
            raise Invalid("--rows-per-file and --limit must be 1 or more")
        module = arguments.module or ("multi2vec-bind" if media else "text2vec-transformers")
        return cls(
            texts,
            media,
            module,
            arguments.model or "",
            arguments.id or "",
            arguments.vector_column,
            (arguments.out or "").rstrip("/"),
            arguments.rows_per_file,
            arguments.limit,
            arguments.models_path,
        )

    def settings(self, *, text_only: bool) -> dict[str, Any]:
        """Those of the module, as in a collection whose properties are called as the fields."""
        found: dict[str, Any] = {"model": self.model} if self.model else {}
        if text_only:
            return found | {"vectorizeClassName": False, "properties": [mended(name, ()) for name in self.texts]}
        if self.texts:
            found["textFields"] = [mended(name, ()) for name in self.texts]
        return found | {f"{kind}Fields": [mended(name, ()) for name in of] for kind, of in self.media.items()}

    def key(self) -> dict[str, Any]:
        """What has to be the same for a run to continue another one."""
        media = {kind.value: list(of) for kind, of in self.media.items()}
        found: dict[str, Any] = {"text": list(self.texts), "media": media, "id": self.id_field, "limit": self.limit}
        return found | {"module": self.module, "model": self.model, "vector": self.vector, "rows": self.rows}


def _names(given: str | None) -> list[str]:
    return [name for name in (given or "").split(",") if name]
