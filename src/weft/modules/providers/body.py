"""The body of a request to a provider: JSON, or a form where the provider takes files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import uuid4

Sign = Callable[[str, bytes, Mapping[str, str]], Mapping[str, str]]
"""More headers of one try, from its URL, its body and its other headers. Equal ones have the same key."""


@dataclass(frozen=True, slots=True)
class MultipartForm:
    """``multipart/form-data``: texts and files by the names of their fields, which are plain words."""

    texts: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


def encoded(body: Mapping[str, object] | MultipartForm) -> tuple[bytes, str]:
    """The bytes and their content type. A lone surrogate in a text is replaced."""
    if not isinstance(body, MultipartForm):
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"), "application/json"
    boundary = uuid4().hex
    parts = [(f'name="{name}"', text.encode("utf-8", "replace")) for name, text in body.texts.items()]
    parts += [(f'name="{name}"; filename="{name}"', data) for name, data in body.files.items()]
    lines = [
        line
        for about, data in parts
        for line in (f"--{boundary}".encode(), f"Content-Disposition: form-data; {about}".encode(), b"", data)
    ]
    content = b"\r\n".join([*lines, f"--{boundary}--".encode(), b""])
    return content, f"multipart/form-data; boundary={boundary}"
