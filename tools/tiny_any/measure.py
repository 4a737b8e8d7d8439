"""How well a model of all kinds finds what training left out: from each kind to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tiny_any.corpus import Corpus, Item, alike, caption, shows
from tiny_any.sources import Speech

Embed = Callable[[str, Sequence[Any]], npt.NDArray[Any]]
Array = npt.NDArray[Any]

_COUNT = 200
_NAMES = {"image": "images", "audio": "spoken words", "video": "videos"}


class Makes(Protocol):
    def make(self, item: Item, random: Random) -> Any: ...


@dataclass(frozen=True)
class Row:
    """``ranks (Q,)``: of the first right one, from 1, for each question; among ``items`` of them."""

    name: str
    ranks: Array
    items: int

    def recall(self, k: int) -> float:
        return float((self.ranks <= k).mean())

    @property
    def reciprocal(self) -> float:
        return float((1 / self.ranks).mean())

    def __str__(self) -> str:
        figures = f"{self.recall(1):6.3f}{self.recall(5):6.3f}{self.reciprocal:6.3f}"
        return f"{self.name:48}{len(self.ranks):6}{self.items:7}{figures}"


HEADER = f"{'held out':48}{'asked':>6}{'among':>7}{'R@1':>6}{'R@5':>6}{'MRR':>6}"


def embed_by_folder(folder: Path) -> Embed:
    """As a user of sentence-transformers embeds."""
    import torch
    from PIL import Image
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": torch.float32})

    def given(kind: str, one: Any) -> dict[str, Any]:
        match kind:
            case "image":
                return {kind: Image.fromarray(one)}
            case "audio":
                return {kind: {"array": one, "sampling_rate": 16_000}}
            case "video":
                metadata = {
                    "fps": 8.0,
                    "duration": 1.0,
                    "total_num_frames": len(one),
                    "frames_indices": [*range(len(one))],
                }
                return {kind: {"array": one, "video_metadata": metadata}}
        return {kind: one}

    return lambda kind, items: np.asarray(model.encode([given(kind, one) for one in items], show_progress_bar=False))


@dataclass(frozen=True)
class Group:
    """Items of one kind, what was made of them, and what their captions are to the model: ``(n, d)`` each."""

    name: str
    kind: str
    items: Sequence[Item]
    media: Array
    captions: Array


def rows(embed: Embed, data: Corpus, maker: Makes, *, most: int | None = None, seed: int = 999) -> Iterator[Row]:
    """Text to each kind and back, each kind to another of the same, each to each by what both show, and text to all.

    ``maker`` speaks in voices that training left out. Of emoji or speech that ``data`` has not there are no rows.
    ``most``: of each kind.
    """
    random = Random(seed)
    chosen: list[tuple[str, str, Sequence[Item]]] = [
        ("images, combinations not seen", "image", random.sample(data.unseen, _COUNT)),
        ("images, colour and form apart", "image", random.sample(data.unpaired, _COUNT)),
        ("new drawings of emoji", "image", data.emoji),
        ("tones and noises", "audio", data.audio),
        ("words, voices not heard", "audio", data.speech),
        ("videos, combinations not seen", "video", data.unseen_videos),
    ]
    groups = []
    for name, kind, items in chosen:
        if not items:
            continue
        items = items[:most]
        media = embed(kind, [maker.make(one, random) for one in items])
        captions = embed("text", [caption(one, random, whole=True) for one in items])
        groups.append(Group(name, kind, items, media, captions))
        yield from _there_and_back("text", name, captions, media, np.eye(len(items)))
    for group in groups:
        yield from _to_itself(embed, maker, group, random)
    for one, other in (("image", "video"), ("audio", "image"), ("audio", "video")):
        yield from _across(groups, one, other)
    asked, found = np.concatenate([one.captions for one in groups]), np.concatenate([one.media for one in groups])
    yield Row("text > all kinds together", _ranks(asked @ found.T, np.eye(len(found))), len(found))


def _to_itself(embed: Embed, maker: Makes, group: Group, random: Random) -> Iterator[Row]:
    """A drawn or played item is searched by another of the same, a word by the same word in another voice."""
    count = len(group.items)
    if not any(isinstance(one, Speech) for one in group.items):
        again = embed(group.kind, [maker.make(one, random) for one in group.items])
        yield Row(f"{group.name} > another of the same", _ranks(again @ group.media.T, np.eye(count)), count)
        return
    words = [one.word for one in group.items if isinstance(one, Speech)]
    right = np.array([[one == other for other in words] for one in words], float) - np.eye(count)
    if right.any():
        likeness = group.media @ group.media.T - 3 * np.eye(count)
        yield Row(f"{group.name} > the same word", _ranks(likeness, right), count)


def _across(groups: Sequence[Group], kind: str, other_kind: str) -> Iterator[Row]:
    """By what both show; tones and noises, which show nothing, are left out."""
    parts = [(group, item, i) for group in groups for i, item in enumerate(group.items) if shows(item)]
    ones, others = ([part for part in parts if part[0].kind == wanted] for wanted in (kind, other_kind))
    if ones and others:
        vectors, found = (np.stack([group.media[i] for group, _, i in some]) for some in (ones, others))
        right = np.array([[alike(one, other) for _, other, _ in others] for _, one, _ in ones], float)
        yield from _there_and_back(_NAMES[kind], _NAMES[other_kind], vectors, found, right)


def _there_and_back(one: str, other: str, asked: Array, found: Array, right: Array) -> Iterator[Row]:
    yield Row(f"{one} > {other}", _ranks(asked @ found.T, right), len(found))
    yield Row(f"{other} > {one}", _ranks(found @ asked.T, right.T), len(asked))


def _ranks(likeness: Array, right: Array) -> Array:
    """``likeness (Q, N)``, ``right (Q, N)`` 0 or 1. Questions without a right answer are left out."""
    best = np.where(right > 0, likeness, -np.inf).max(1)
    ranks = 1 + (likeness > best[:, None]).sum(1)
    return np.asarray(ranks[best > -np.inf])
