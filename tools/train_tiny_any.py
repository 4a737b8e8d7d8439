"""Trains tiny-any, and measures such a model on what training leaves out.

    apt-get install fonts-noto-color-emoji unicode-cldr-core espeak-ng
    python tools/train_tiny_any.py OUT                      # 490 CPU-seconds; the same weights each time
    python tools/train_tiny_any.py OUT --tiny               # seconds, to see that it runs
    python tools/train_tiny_any.py --evaluate FOLDER        # recall of a folder of sentence-transformers
    python tools/train_tiny_any.py --held-out FOLDER        # the few emoji and words of tests/tiny/held_out

Captions of images, audio and video of one batch are distinguished in one softmax over all kinds: with a softmax a kind,
"a dog" found the spoken word first. Items of one batch that are the same are not held against each other. Beside that,
media of different kinds that show the same are drawn together, within each pair of kinds: an image and a video of a red
star, a voice that says "star" and either, a voice that says "dog" and the emoji.

It draws and plays all that it learns from by itself; ``tiny_any/sources.py`` says what the emoji and the voices come
from. Without those, ``--tiny`` continues, and figures are those of the few emoji and words kept with the tests.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import torch
from torch.nn.functional import cross_entropy, log_softmax

from tiny_any.corpus import Corpus, Item, Maker, alike, caption, corpus
from tiny_any.held_out import KEPT, Kept, write
from tiny_any.measure import HEADER, embed_by_folder, rows
from tiny_any.sources import ANNOTATIONS, FONT, Sources, Voices
from tiny_any.towers import Towers, new_towers, save, tokenizer_of

_RATE = 1.5e-3
_WARM_UP = 60
_MOST_SCALE = 60.0
_ACROSS = 0.25
"""The weight of what media of different kinds have in common, beside what captions tell."""


@dataclass(frozen=True)
class Sizes:
    """Of one step; ``recorded``: the audio clips that are made once."""

    images: int
    emoji: int
    audio: int
    videos: int
    recorded: int


FULL = Sizes(84, 52, 72, 72, 5000)
TINY = Sizes(12, 6, 8, 8, 60)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=Path, help="where the model goes; must not exist")
    parser.add_argument("--evaluate", type=Path, metavar="FOLDER", help="measure this model instead of training one")
    parser.add_argument("--held-out", type=Path, metavar="FOLDER", help="write what the tests keep; must not exist")
    parser.add_argument("--steps", type=int, default=700, help="of training (default: %(default)s)")
    parser.add_argument("--tiny", action="store_true", help="three steps of few items")
    parser.add_argument("--font", type=Path, default=FONT, help="Noto Color Emoji (default: %(default)s)")
    parser.add_argument("--annotations", type=Path, default=ANNOTATIONS, help="CLDR's en.xml (default: %(default)s)")
    given = parser.parse_args()
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    sources = Sources(given.font, given.annotations)
    for line in (*(f"there is no {one}" for one in sources.missing), *sources.differences()):
        print(line, file=sys.stderr)
    data = corpus(sources)
    if given.evaluate is not None:
        report(given.evaluate, data, sources)
        return 0
    if sources.missing and not given.tiny:
        parser.error("install what is missing, or say where it is: " + ", ".join(sources.missing))
    new = given.held_out or given.out
    if new is None or new.exists():
        parser.error("name a folder that does not exist yet")
    if given.held_out is not None:
        write(given.held_out, sources)
        return 0
    sizes, steps = (TINY, 3) if given.tiny else (FULL, given.steps)
    if given.tiny:
        data = replace(data, speech=data.speech[:6])
    towers = train(data, sources, sizes, steps)
    save(towers, given.out)
    size_bytes = sum(file.stat().st_size for file in given.out.rglob("*") if file.is_file())
    print(f"saved in {given.out}: {size_bytes / 1e6:.2f} MB")
    report(given.out, data, sources, most=20 if given.tiny else None)
    return 0


def train(data: Corpus, sources: Sources, sizes: Sizes, steps: int) -> Towers:
    random = Random(0)
    towers = new_towers(tokenizer_of([caption(one, random) for one in _described(data, random)]))
    print(f"{sum(weight.numel() for weight in towers.parameters()) / 1e3:.0f} thousand weights are trained", flush=True)
    begun = time.process_time()
    batches = Batches(data, sources, sizes, towers, random)
    print(f"{sizes.recorded} audio clips are made after {time.process_time() - begun:.0f} CPU-seconds", flush=True)
    optimizer = torch.optim.AdamW(towers.parameters(), lr=_RATE, weight_decay=0.05, betas=(0.9, 0.98))
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = _RATE * min(1, (step + 1) / _WARM_UP) * (0.5 * (1 + math.cos(math.pi * step / steps)) + 0.01)
        loss = batches.loss()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(towers.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0 or step + 1 == steps:
            print(f"step {step + 1}, {time.process_time() - begun:.0f} CPU-seconds: loss {loss.item():.3f}", flush=True)
    return towers


def _described(data: Corpus, random: Random) -> list[Item]:
    """Of each kind about as many as it needs for its words to become tokens."""
    return [
        *random.choices(data.images, k=3000),
        *data.emoji * 6,
        *data.audio * 20,
        *data.speech * 10,
        *random.choices(data.videos, k=1500),
    ]


class Batches:
    """Images and videos are made for each step. Audio clips, whose features take longer, are made once, and moved."""

    def __init__(self, data: Corpus, sources: Sources, sizes: Sizes, towers: Towers, random: Random) -> None:
        self._data, self._sizes, self._towers, self._random = data, sizes, towers, random
        words = sorted({one.word for one in data.speech})
        self._maker = Maker(sources, Voices.heard(words, 1 if sizes is TINY else 3, random) if words else None)
        half = sizes.recorded // 2
        self._audio: list[Item] = [*random.choices(data.audio, k=sizes.recorded - half)]
        self._audio += random.choices(data.speech or data.audio, k=half)
        self._heard = torch.cat(
            [
                towers.heard([self._maker.make(one, random) for one in self._audio[i : i + 100]])
                for i in range(0, len(self._audio), 100)
            ]
        )

    def loss(self) -> torch.Tensor:
        """Of one batch, drawn for it."""
        random, data, sizes, towers = self._random, self._data, self._sizes, self._towers
        images: list[Item] = [*random.sample(data.images, sizes.images)]
        images += random.sample(data.emoji, min(sizes.emoji, len(data.emoji)))
        chosen = random.sample(range(len(self._audio)), sizes.audio)
        clips = [self._audio[i] for i in chosen]
        videos: list[Item] = [*random.sample(data.videos, sizes.videos)]
        shifted = torch.stack([self._heard[i].roll(random.randint(-20, 20), -1) for i in chosen])
        media = [
            towers.images([self._maker.make(one, random) for one in images]),
            towers.audio(shifted),
            towers.videos([self._maker.make(one, random) for one in videos]),
        ]
        items = [images, clips, videos]
        described = towers.text([caption(one, random) for some in items for one in some])
        scale = towers.scale.exp().clamp(max=_MOST_SCALE)
        loss = _by_captions(scale * described @ torch.cat(media).T, [one for some in items for one in some])
        for i, j in ((0, 1), (0, 2), (1, 2)):
            loss = loss + _ACROSS * _by_what_both_show(scale * media[i] @ media[j].T, items[i], items[j])
        return loss


def _by_captions(logits: torch.Tensor, items: list[Item]) -> torch.Tensor:
    numbers: dict[Item, int] = {}
    number = torch.tensor([numbers.setdefault(one, len(numbers)) for one in items])
    same = (number[:, None] == number[None, :]).fill_diagonal_(False)
    logits = logits.masked_fill(same, -1e4)
    right = torch.arange(len(items))
    return (cross_entropy(logits, right) + cross_entropy(logits.T, right)) / 2


def _by_what_both_show(logits: torch.Tensor, items: list[Item], others: list[Item]) -> torch.Tensor:
    """Each that has any like it among the others is to find those, all alike."""
    right = torch.tensor([[float(alike(one, other)) for other in others] for one in items])
    found = [logits.new_zeros(())]
    for given, wanted in ((logits, right), (logits.T, right.T)):
        counts = wanted.sum(1)
        asked = counts > 0
        if asked.any():
            shares = wanted[asked] / counts[asked, None]
            found.append(-(log_softmax(given[asked], 1) * shares).sum(1).mean() / 2)
    return torch.stack(found).sum()


def report(folder: Path, data: Corpus, sources: Sources, most: int | None = None) -> None:
    """Prints recall at 1 and 5 and the mean reciprocal rank of what training left out."""
    maker: Maker | Kept
    if sources.missing:
        maker = Kept(KEPT)
        data = replace(data, emoji=maker.emoji, speech=maker.speech)
    else:
        maker = Maker(sources, Voices.unheard(sorted({one.word for one in data.speech}), Random(999)))
    print(HEADER)
    for row in rows(embed_by_folder(folder), data, maker, most=most):
        print(row, flush=True)


if __name__ == "__main__":
    sys.exit(main())
