"""Weft in one minute, with pictures, sounds and films: import a folder, and search it by any of them.

Without a folder it makes one of shapes, tones and moving shapes, which the model tiny-any knows. Everything below is
the official Weaviate client; only one line starts Weft.
"""

from __future__ import annotations

import argparse
import base64
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from media_made import Picture, Tone, make_media, png_bytes, wav_bytes
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
MOST_BYTES = 20_000_000
RED_CIRCLE = Picture("large", "red", "circle", "center", "white")
RISING_TONE = Tone("high", "rising", "pure")


@dataclass(frozen=True)
class Question:
    """``ask`` searches by the medium or text that ``given`` says; ``wanted`` is the kind of the hits."""

    given: str
    wanted: str
    ask: Callable[..., Any]
    what: str


def main() -> int:
    parser = argparse.ArgumentParser(description="Import a folder of pictures, sounds and films, and search it.")
    parser.add_argument("folder", nargs="?", type=Path, help="what to import (default: one that is made)")
    parser.add_argument("--model", default="tiny-any", help="a model that embeds them all (default: %(default)s)")
    parser.add_argument("--ask", metavar="TEXT", default="a large red circle", help="a text to search pictures by")
    parser.add_argument("--keep", metavar="FOLDER", help="keep the data there, to search it on with: weft serve")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        if arguments.folder is None:
            make_media(Path(made))
            print("No folder is given, so one is made: shapes, tones and noises, moving shapes.")
        folder = (arguments.folder or Path(made)).expanduser()
        files = media_in(folder)
        if not files:
            print(f"there is no picture, sound or film in {folder}", file=sys.stderr)
            return 1
        started = time.perf_counter()
        with weft.connect(arguments.keep) as client:
            print(f"Weft is ready after {time.perf_counter() - started:.2f} s.", flush=True)
            media = make_collection(client, arguments.model)
            if not load(media, files, folder):
                return 1
            for question in questions(media, files, arguments.ask, is_made=arguments.folder is None):
                show(question)
    return 0


def media_in(folder: Path) -> list[tuple[str, Path]]:
    """Kind and file of each that is no larger than 20 MB, in the order of their names."""
    kinds = {ending: kind for kind, endings in KINDS.items() for ending in endings}
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in kinds and path.is_file())
    return [(kinds[path.suffix.lower()], path) for path in found if path.stat().st_size <= MOST_BYTES]


def make_collection(client: Any, model: str) -> Any:
    """Names are kept, not embedded: what is found is found by what is in it."""
    client.collections.delete("Media")
    return client.collections.create(
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


def load(media: Any, files: list[tuple[str, Path]], folder: Path) -> bool:
    """False when nothing was stored; what cannot be read is told and left out."""
    started = time.perf_counter()
    with media.batch.fixed_size(batch_size=16, concurrent_requests=2) as batch:
        for kind, path in tqdm(files, unit=" files", file=sys.stdout):
            name = str(path.relative_to(folder))
            data = base64.b64encode(path.read_bytes()).decode()
            batch.add_object({"name": name, "kind": kind, kind: data}, uuid=generate_uuid5(name))
    failed = media.batch.failed_objects
    for one in failed[:5]:
        print(f"not stored: {one.message}", file=sys.stderr)
    if len(failed) > 5:
        print(f"and {len(failed) - 5} more", file=sys.stderr)
    took = time.perf_counter() - started
    print(f"{len(files) - len(failed)} of {len(files)} files stored in {took:.1f} s.")
    return len(failed) < len(files)


def questions(media: Any, files: list[tuple[str, Path]], text: str, *, is_made: bool) -> list[Question]:
    """Those that the folder can answer. What is searched by is made anew, or is the folder's first of its kind."""
    by: dict[str, tuple[str, str]] = {}
    for kind, path in files:
        by.setdefault(kind, (base64.b64encode(path.read_bytes()).decode(), path.name))
    texts = {"image": text}
    if is_made:
        again = random.Random(1)
        by["image"] = (base64.b64encode(png_bytes(RED_CIRCLE.draw(again))).decode(), RED_CIRCLE.caption)
        by["audio"] = (base64.b64encode(wav_bytes(RISING_TONE.play(again))).decode(), RISING_TONE.caption)
        texts |= {
            "audio": "a high rising pure tone",
            "video": next(
                f"a {path.stem.replace('-', ' ')}" for _, path in files if "triangle-moving-left" in path.stem
            ),
        }
    else:
        texts |= {"audio": text, "video": text}
    present = {kind for kind, _ in files}
    found = []
    for given, wanted in (
        ("text", "image"),
        ("image", "image"),
        ("text", "audio"),
        ("audio", "video"),
        ("text", "video"),
    ):
        if wanted not in present or (given != "text" and given not in by):
            continue
        if given == "text":
            found.append(Question(given, wanted, partial(media.query.near_text, texts[wanted]), texts[wanted]))
        else:
            data, what = by[given]
            found.append(Question(given, wanted, partial(media.query.near_media, data, NearMediaType(given)), what))
    return found


def show(question: Question) -> None:
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
    names = {"image": "picture", "audio": "sound", "video": "film", "text": "text"}
    print(f"\n{names[question.given]} → {names[question.wanted]}: «{question.what}» ({took_ms:.1f} ms)")
    for hit in found.objects:
        print(f"  distance {hit.metadata.distance:.3f}  {hit.properties['name']}")


if __name__ == "__main__":
    sys.exit(main())
