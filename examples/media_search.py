"""Weft in one minute, with images, audio and video: import a folder, and search it by any of them.

Without a folder it makes one of shapes, tones and moving shapes, which the model tiny-any knows. Everything below is
the official Weaviate client; only one line starts Weft.
"""

from __future__ import annotations

import argparse
import base64
import logging
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from media_made import DrawnImage, DrawnVideo, Tone, make_media, mp4_bytes, png_bytes, wav_bytes
from tqdm import tqdm
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.query import Filter, MetadataQuery, NearMediaType
from weaviate.util import generate_uuid5

import weft

KINDS = {
    "image": (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    "audio": (".wav", ".mp3", ".flac", ".ogg", ".m4a"),
    "video": (".mp4", ".webm", ".mov", ".mkv"),
}
NAMES = {"image": "image", "audio": "audio", "video": "video", "text": "text"}
MOST_BYTES = 20_000_000
BATCH_BYTES = 60_000_000
"""Of files in one request; servers take up to 100 MB, and base64 makes a third more of them."""
HEADER = ("search", "given", "nearest three", "distance", "took")
WIDEST = 42


@dataclass(frozen=True)
class Question:
    """``ask`` searches by the medium or text that ``given`` says; ``wanted`` is the kind of the hits."""

    given: str
    wanted: str
    ask: Callable[..., Any]
    what: str


def main() -> int:
    parser = argparse.ArgumentParser(description="Import a folder of images, audio and video, and search it.")
    parser.add_argument("folder", nargs="?", type=Path, help="what to import (default: one that is made)")
    parser.add_argument("--model", default="tiny-any", help="a model that embeds them all (default: %(default)s)")
    parser.add_argument("--ask", metavar="TEXT", default="a large red circle", help="a text to search by")
    parser.add_argument("--keep", metavar="FOLDER", help="keep the data there, to search it on with: weft serve")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        if arguments.folder is None:
            make_media(Path(made))
            print("No folder is given, so one is created: images of shapes, tones and noises, videos of moving shapes.")
        folder = (arguments.folder or Path(made)).expanduser()
        files = media_in(folder)
        if not files:
            print(f"there is no image, audio or video in {folder}", file=sys.stderr)
            return 1
        started = time.perf_counter()
        with weft.connect(arguments.keep) as client:
            print(f"Weft is ready after {time.perf_counter() - started:.2f} s.", flush=True)
            media = make_collection(client, arguments.model)
            stored = load(media, files, folder)
            if not stored:
                return 1
            asked = questions(media, stored, arguments.ask, is_made=arguments.folder is None)
            show(asked)
    if arguments.folder is None:
        print("\n(*) tiny-any has never learned which video goes with which audio: the nearest, and still far.")
    if arguments.folder is not None and arguments.model == "tiny-any":
        print("\ntiny-any knows shapes, tones and moving shapes only; for photos and speech give --model a larger one.")
    if arguments.keep:
        print(f"\nGo on with: weft serve --data-path {arguments.keep}")
    return 0


def media_in(folder: Path) -> list[tuple[str, Path]]:
    """Kind and file of each that is no larger than 20 MB and not hidden, in the order of their names; larger ones are
    reported."""
    kinds = {ending: kind for kind, endings in KINDS.items() for ending in endings}
    found = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() not in kinds or hidden or not path.is_file():
            continue
        if path.stat().st_size <= MOST_BYTES:
            found.append((kinds[path.suffix.lower()], path))
        else:
            print(f"left out: {path.relative_to(folder)} has more than {MOST_BYTES // 10**6} MB", file=sys.stderr)
    return found


def make_collection(client: Any, model: str) -> Any:
    """Names are kept, not embedded: what is found is found by what is in it."""
    client.collections.delete("Media")
    media = client.collections.create(
        "Media",
        properties=[
            *(Property(name=name, data_type=DataType.TEXT) for name in ("name", "kind")),
            *(Property(name=kind, data_type=DataType.BLOB) for kind in KINDS),
        ],
        vector_config=Configure.Vectors.custom(
            module_name="multi2vec-bind",
            module_config={"model": model, "vectorizeClassName": False, **{f"{kind}Fields": [kind] for kind in KINDS}},
        ),
    )
    started = time.perf_counter()
    media.query.near_text("the first search loads the model", limit=1)
    print(f"The model {model} is loaded after {time.perf_counter() - started:.1f} s.", flush=True)
    return media


def load(media: Any, files: Sequence[tuple[str, Path]], folder: Path) -> list[tuple[str, Path]]:
    """Those that were stored; what cannot be read is reported by its name and left out."""
    logging.getLogger("weaviate-client").setLevel(logging.CRITICAL)  # what failed is reported below, by name
    started = time.perf_counter()
    at_a_time = max(1, min(16, BATCH_BYTES // (1 + max(path.stat().st_size for _, path in files))))
    unread: dict[str, str] = {}
    with media.batch.fixed_size(batch_size=at_a_time, concurrent_requests=2) as batch:
        for kind, path in tqdm(files, unit=" files", file=sys.stdout):
            name = printed_name(path, folder)
            try:
                data = base64.b64encode(path.read_bytes()).decode()
            except OSError as error:
                unread[name] = str(error.strerror)
                continue
            batch.add_object({"name": name, "kind": kind, kind: data}, uuid=generate_uuid5(name))
    failed = unread | {one.object_.properties["name"]: one.message for one in media.batch.failed_objects}
    for name, message in sorted(failed.items()):
        print(f"not stored: {name}: {message}", file=sys.stderr)
    stored = [one for one in files if printed_name(one[1], folder) not in failed]
    print(f"{len(stored)} of {len(files)} files stored in {time.perf_counter() - started:.1f} s.", flush=True)
    return stored


def printed_name(path: Path, folder: Path) -> str:
    """Below the folder, in UTF-8 whatever the file system has."""
    return path.relative_to(folder).as_posix().encode("utf-8", "replace").decode()


def questions(media: Any, files: Sequence[tuple[str, Path]], text: str, *, is_made: bool) -> list[Question]:
    """Those that the folder can answer."""

    def by_text(wanted: str, words: str) -> Question:
        return Question("text", wanted, partial(media.query.near_text, words), words)

    def by_media(given: str, wanted: str, data: bytes, what: str) -> Question:
        encoded = base64.b64encode(data).decode()
        return Question(given, wanted, partial(media.query.near_media, encoded, NearMediaType(given)), what)

    if is_made:
        again = Random(1)
        star = DrawnImage(*named(files, "large-green-star").split("-"))
        tone = Tone("high", "rising", "pure")
        video = DrawnVideo(named(files, "diamond-growing").split("-")[0], "diamond", "growing")
        heard = wav_bytes(tone.play(again))
        return [
            by_text("image", text),
            by_media("image", "image", png_bytes(star.draw(again)), f"another drawing: {star.caption}"),
            by_text("audio", "the sound of a low beeping buzzing tone"),
            by_media("audio", "audio", heard, f"another recording: {tone.caption}"),
            by_text("video", f"a {named(files, 'triangle-moving-left').replace('-', ' ')}"),
            by_media("video", "video", mp4_bytes(video.play(again)), f"another video: {video.caption}"),
            by_media("audio", "video", heard, f"{tone.caption} (*)"),
        ]
    firsts = dict(reversed(files))
    asked = [by_text(kind, text) for kind in firsts]
    for given, path in firsts.items():
        asked += [by_media(given, wanted, path.read_bytes(), path.name) for wanted in KINDS if wanted in firsts]
    return asked


def named(files: Sequence[tuple[str, Path]], part: str) -> str:
    """The name, without its ending, of the first file with ``part`` in it."""
    return next(path.stem for _, path in files if part in path.stem)


def show(asked: Sequence[Question]) -> None:
    """A table of all; distance 0 is the same, 1 has nothing in common."""
    rows = [HEADER, *(row for question in asked for row in answers(question))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print()
    for row in rows:
        if row[0] and row is not HEADER:
            print("  " + "  ".join("-" * width for width in widths))
        cells = [*map(str.ljust, row[:3], widths[:3]), *map(str.rjust, row[3:], widths[3:])]
        print("  " + "  ".join(cells).rstrip())


def answers(question: Question) -> list[tuple[str, ...]]:
    """A row for each hit; the first says what was asked and how long the answer took."""

    def search() -> Any:
        return question.ask(
            limit=3,
            filters=Filter.by_property("kind").equal(question.wanted),
            return_properties=["name"],
            return_metadata=MetadataQuery(distance=True),
        )

    search()  # the first search of a kind loads what it needs
    started = time.perf_counter()
    found = search()
    took_ms = (time.perf_counter() - started) * 1000
    given = textwrap.wrap(question.what, WIDEST)[:3]
    rows: list[tuple[str, ...]] = []
    for i, hit in enumerate(found.objects):
        name = str(hit.properties["name"])
        rows.append(
            (
                "" if i else f"{NAMES[question.given]} -> {NAMES[question.wanted]}",
                given[i] if i < len(given) else "",
                name if len(name) <= WIDEST else f"...{name[3 - WIDEST :]}",
                f"{hit.metadata.distance:.3f}",
                "" if i else f"{took_ms:.1f} ms",
            )
        )
    return rows


if __name__ == "__main__":
    sys.exit(main())
