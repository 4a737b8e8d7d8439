"""What of a row is embedded."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weft.cli.bulk.request import EmbedRequest
from weft.domain.errors import Invalid
from weft.domain.query import MediaKind
from weft.modules.base import Media, ModuleInput

_MAX_BYTES = 100 << 20


def input_of(request: EmbedRequest, fields: Mapping[str, Any], folder: Path | None) -> ModuleInput:
    """``folder``: where a row's files are that it names. Raises Invalid for a row with nothing to embed."""
    texts = tuple(text for name in request.texts for text in _texts(fields.get(name), name))
    media = tuple(
        Media(kind, _base64(value, name, folder))
        for kind, names in request.media.items()
        for name in names
        if (value := fields.get(name)) is not None
    )
    given = ModuleInput(texts, media)
    if given.is_empty:
        raise Invalid(f"there is nothing to embed in {', '.join(sorted(request.fields))}")
    return given


def _texts(value: Any, name: str) -> list[str]:
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one, name)]
    if isinstance(value, int | float):
        return [str(value).lower() if isinstance(value, bool) else str(value)]
    raise Invalid(f"{name!r} is no text")


def _base64(value: Any, name: str, folder: Path | None) -> str:
    """Bytes, base64, a data URL, the name of a file beside the rows, or the form that data sets have."""
    if isinstance(value, dict) and (inner := value.get("bytes") or value.get("path")) is not None:
        value = inner
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if not isinstance(value, str) or not value:
        raise Invalid(f"{name!r} is neither bytes, base64 nor the name of a file")
    if value.startswith("data:"):
        return value.partition(",")[2]
    if folder is not None and len(value) < 1000 and (path := folder / value).is_file():
        if path.stat().st_size > _MAX_BYTES:
            raise Invalid(f"{value} has more than {_MAX_BYTES} bytes")
        return base64.b64encode(path.read_bytes()).decode()
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid(f"{name!r} is neither base64 nor the name of a file here") from error
    return value


def folder_of(name: str, media: Mapping[MediaKind, Any]) -> Path | None:
    """That of a file of rows; None for one in a bucket, and where nothing is read from it."""
    return None if name.startswith("s3://") or name == "-" or not media else Path(name).parent
