"""``weft embed``: the vectors of files, or of lines on standard input, made in this process; no server needed."""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from weft.cli.table import table
from weft.domain.caller import Caller
from weft.domain.counts import counted
from weft.domain.errors import Invalid, Misconfigured, WeftError
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules import build_registry
from weft.modules.base import Media, ModuleConfig, ModuleInput, Vectorizer
from weft.modules.media.likeness import SVG, likeness, media_kind
from weft.settings.modules import ModelSettings

_BATCH_SIZE = 16
_MAX_BYTES = 100 * 1024 * 1024
_ENDINGS = {
    MediaKind.IMAGE: "png jpg jpeg jpe jfif webp gif bmp tif tiff avif heic heif",
    MediaKind.AUDIO: "wav w64 mp3 mp2 flac ogg oga opus m4a m4b aac aif aiff aifc caf au amr wma ac3 wv",
    MediaKind.VIDEO: "mp4 m4v webm mov mkv avi 3gp 3g2 flv mpg mpeg vob wmv asf m2ts mts",
}
"""For files whose bytes do not say what they are, so that the decoder says why it cannot read them."""
_KINDS = {f".{ending}": kind for kind, endings in _ENDINGS.items() for ending in endings.split()}


@dataclass(frozen=True)
class _Input:
    """A file, or a line of standard input (``name`` is ``-:3``)."""

    name: str
    path: Path | None = None
    line: bytes = b""

    @cached_property
    def kind(self) -> MediaKind | None:
        """None: text. By the bytes, and by the name only if they look like nothing known."""
        if self.path is None:
            return None
        named = _KINDS.get(self.path.suffix.lower())
        try:
            data = _content(self.path)
        except Invalid:
            return named
        return named if _is_text(data) else media_kind(data) or named

    def read(self) -> ModuleInput:
        """Raises Invalid for a file that cannot be read, and an empty input."""
        data = self.line if self.path is None else _content(self.path)
        if self.kind is not None:
            return ModuleInput(media=(Media(self.kind, base64.b64encode(data).decode()),))
        try:
            text = data.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise Invalid("it is neither UTF-8 text nor an image, audio or video file") from error
        if likeness(data) == SVG:
            raise Invalid("it is an SVG drawing; convert it to PNG, with a browser or rsvg-convert, and embed that")
        if "\0" in text or text.startswith("%PDF-"):
            raise Invalid("it is not text; extract its text first, or convert its pages to images")
        if not text:
            raise Invalid("it is empty")
        return ModuleInput(texts=(text,))


def _is_text(data: bytes) -> bool:
    """Also of text that begins as a medium does, such as ``BM`` or ``ID3``."""
    try:
        return "\0" not in data.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise Invalid(f"it cannot be read: {error.strerror}") from error
    if len(data) > _MAX_BYTES:
        raise Invalid(f"it has more than {_MAX_BYTES} bytes")
    return data


def embed(arguments: argparse.Namespace) -> int:
    """0 when everything was embedded, otherwise 1."""
    if arguments.out or arguments.dry_run:
        from weft.cli.bulk.command import embed_rows

        return embed_rows(arguments)
    if arguments.text or arguments.image or arguments.audio or arguments.video or arguments.ray:
        raise Invalid("rows of files are written to a folder; name it with --out")
    items = list(_items(arguments.files or ["-"]))
    if not items:
        raise Invalid("nothing to embed; name files, or write lines to standard input")
    has_media = any(item.kind for item in items)
    module = arguments.module or ("multi2vec-bind" if has_media else "text2vec-transformers")
    settings = {"model": arguments.model} if arguments.model else {}
    try:
        found = _embed(items, module, settings, Path(arguments.models_path) if arguments.models_path else None)
    except Misconfigured as lacking:
        if arguments.model or not has_media:
            raise
        raise Misconfigured(
            f"{lacking.message}. For simple inputs use --model tiny-any, which comes with Weft"
        ) from lacking
    failed = [(name, one) for name, one in found if isinstance(one, WeftError)]
    made = [(name, one) for name, one in found if not isinstance(one, WeftError)]
    for name, error in failed:
        print(f"weft: {name}: {error.message}", file=sys.stderr)
    if made:
        _output(made, arguments)
    return 1 if failed else 0


def _items(files: list[str]) -> Iterator[_Input]:
    for name in files:
        if name == "-":
            lines = sys.stdin.buffer.read().splitlines()
            yield from (_Input(f"-:{i}", line=line) for i, line in enumerate(lines, 1) if line.strip())
        else:
            yield _Input(name, Path(name))


def _embed(
    items: list[_Input], module: str, settings: dict[str, str], models_folder: Path | None
) -> list[tuple[str, Vector | WeftError]]:
    from tqdm import tqdm

    found: list[tuple[str, Vector | WeftError]] = []
    registry = build_registry(models=ModelSettings(path=str(models_folder or "")))
    try:
        vectorizer = registry.vectorizer(module)
        named = {f"{kind}Fields": [kind] for kind in vectorizer.kinds} if vectorizer.kinds != {"text"} else {}
        complete = vectorizer.defaults({**named, **settings})
        vectorizer.check_settings(complete)
        with tqdm(total=len(items), unit=" items", desc=module, file=sys.stderr, leave=False, disable=None) as bar:
            for begin in range(0, len(items), _BATCH_SIZE):
                batch = items[begin : begin + _BATCH_SIZE]
                found += _batch(batch, vectorizer, complete)
                bar.update(len(batch))
    finally:
        registry.close()
    return found


def _batch(items: list[_Input], vectorizer: Vectorizer, settings: ModuleConfig) -> list[tuple[str, Vector | WeftError]]:
    read: list[ModuleInput | WeftError] = []
    for item in items:
        try:
            if (kind := item.kind or "text") not in vectorizer.kinds:
                raise Invalid(f"{vectorizer.name} does not embed {kind}; choose another with --module")
            read.append(item.read())
        except WeftError as error:
            read.append(error)
    vectors = iter(vectorizer.embed_objects([one for one in read if isinstance(one, ModuleInput)], settings, Caller()))
    return [
        (item.name, one if isinstance(one, WeftError) else next(vectors)) for item, one in zip(items, read, strict=True)
    ]


def _output(made: list[tuple[str, Vector]], arguments: argparse.Namespace) -> None:
    if arguments.json:
        for name, vector in made:
            print(json.dumps({"name": name, "dims": vector.shape[-1], "vector": vector.tolist()}, ensure_ascii=False))
        return
    if arguments.npy:
        _write(Path(arguments.npy), [vector for _, vector in made])
        dims = made[0][1].shape[-1]
        print(f"{counted(len(made), 'vector')} of {dims} dimensions written to {arguments.npy}")
        return
    rows = [("name", "dimensions", "first numbers")]
    for name, vector in made:
        first = " ".join(f"{number:+.3f}" for number in vector.reshape(-1)[:4])
        rows.append((name, " x ".join(map(str, vector.shape)), f"{first} …"))
    print("\n".join(table(rows)))
    print("The vectors are not saved; use --json or --npy FILE to keep them.")


def _write(path: Path, vectors: list[Vector]) -> None:
    """Writes ``(n, d) f32``, a row for each embedded item, in order. Raises Invalid if the shapes differ."""
    if len({vector.shape for vector in vectors}) > 1:
        raise Invalid("the vectors have different shapes and do not fit in one array; use --json")
    try:
        with path.open("wb") as file:
            np.save(file, np.stack(vectors))
    except OSError as error:
        raise Invalid(f"{path} cannot be written: {error.strerror}") from error
