"""Trains the kind of model that tiny-any is, and measures such a model on what training leaves out.

    python tools/train_tiny_any.py OUT                      # 590 CPU-seconds
    python tools/train_tiny_any.py OUT --tiny               # seconds, to see that it runs
    python tools/train_tiny_any.py --evaluate FOLDER        # recall of a folder of sentence-transformers

Captions of pictures, sounds and films of one batch are told apart in one softmax over all kinds: with a softmax a kind,
"a dog" found the spoken word first. Items of one batch that are the same are not held against each other. Drawn shapes,
tones and moving shapes are all it learns from; the weights in the wheel also saw emoji and heard speech, which need a
font and a speech synthesizer that not every machine has.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

from tiny_any.corpus import Corpus, Item, caption, corpus, made
from tiny_any.towers import Towers, new_towers, save, tokenizer_of

Embed = Callable[[str, Sequence[Any]], "np.ndarray[Any, Any]"]

_RATE = 1.5e-3
_WARM_UP = 60
_MOST_SCALE = 60.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=Path, help="where the model goes; must not exist")
    parser.add_argument("--evaluate", type=Path, metavar="FOLDER", help="measure this model instead of training one")
    parser.add_argument("--budget", type=float, default=590.0, metavar="S", help="CPU-seconds (default: %(default)s)")
    parser.add_argument("--tiny", action="store_true", help="a few steps, few items")
    given = parser.parse_args()
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    data, count = corpus(), 20 if given.tiny else 200
    if given.evaluate is not None:
        report(embed_by_folder(given.evaluate), data, count)
        return 0
    if given.out is None or given.out.exists():
        parser.error("name a folder for the model that does not exist yet")
    towers = train(data, given.budget, tiny=given.tiny)
    save(towers, given.out)
    size_bytes = sum(file.stat().st_size for file in given.out.rglob("*") if file.is_file())
    print(f"saved in {given.out}: {size_bytes / 1e6:.2f} MB")
    report(embed_by_folder(given.out), data, count)
    return 0


def train(data: Corpus, budget_s: float, *, tiny: bool) -> Towers:
    random = Random(0)
    items: list[Item] = [*random.choices(data.pictures, k=4000), *data.sounds * 20, *random.choices(data.films, k=1500)]
    towers = new_towers(tokenizer_of([caption(one, random) for one in items]))
    print(f"{sum(weight.numel() for weight in towers.parameters()) / 1e3:.0f} thousand weights are trained", flush=True)
    bank = [(one, made(one, random)) for one in random.choices(data.sounds, k=60 if tiny else 3000)]
    heard = towers.heard([sound for _, sound in bank])
    sizes = (12, 8, 8) if tiny else (128, 96, 80)
    optimizer = torch.optim.AdamW(towers.parameters(), lr=_RATE, weight_decay=0.05, betas=(0.9, 0.98))
    begun, step, told = time.process_time(), 0, 0.0
    while True:
        share = step / 3 if tiny else (time.process_time() - begun) / budget_s
        if share >= 1:
            print(f"{step} steps in {time.process_time() - begun:.0f} CPU-seconds")
            return towers
        for group in optimizer.param_groups:
            group["lr"] = _RATE * min(1, (step + 1) / _WARM_UP) * (0.5 * (1 + math.cos(math.pi * share)) + 0.01)
        loss = _loss(towers, data, (bank, heard), sizes, random)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(towers.parameters(), 1.0)
        optimizer.step()
        step += 1
        if share >= told:
            told += 0.1
            print(f"step {step}, {share:.0%}: loss {loss.item():.3f}", flush=True)


def _loss(
    towers: Towers, data: Corpus, sounds: tuple[list[Any], torch.Tensor], sizes: tuple[int, int, int], random: Random
) -> torch.Tensor:
    bank, heard = sounds
    pictures, films = random.sample(data.pictures, sizes[0]), random.sample(data.films, sizes[2])
    chosen = random.sample(range(len(bank)), sizes[1])
    items: list[Item] = [*pictures, *(bank[i][0] for i in chosen), *films]
    shifted = torch.stack([heard[i].roll(random.randint(-20, 20), -1) for i in chosen])
    media = torch.cat(
        [
            towers.pictures([made(one, random) for one in pictures]),
            towers.sounds(shifted),
            towers.films([made(one, random) for one in films]),
        ]
    )
    logits = towers.scale.exp().clamp(max=_MOST_SCALE) * towers.text([caption(one, random) for one in items]) @ media.T
    numbers: dict[Item, int] = {}
    alike = torch.tensor([numbers.setdefault(one, len(numbers)) for one in items])
    same = (alike[:, None] == alike[None, :]).fill_diagonal_(False)
    logits = logits.masked_fill(same, -1e4)
    right = torch.arange(len(items))
    cross_entropy = torch.nn.functional.cross_entropy
    return (cross_entropy(logits, right) + cross_entropy(logits.T, right)) / 2


def embed_by_folder(folder: Path) -> Embed:
    """As a user of sentence-transformers embeds."""
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
                told = {"fps": 8.0, "duration": 1.0, "total_num_frames": len(one), "frames_indices": [*range(len(one))]}
                return {kind: {"array": one, "video_metadata": told}}
        return {kind: one}

    return lambda kind, items: np.asarray(model.encode([given(kind, one) for one in items], show_progress_bar=False))


def report(embed: Embed, data: Corpus, count: int) -> None:
    """Recall at 1 and 5 within each row, from text and to text."""
    random = Random(999)
    rows: dict[str, tuple[str, Sequence[Item]]] = {
        "pictures, combinations not seen": ("image", random.sample(data.unseen, count)),
        "pictures, colour and form never together": ("image", random.sample(data.unpaired, count)),
        "sounds": ("audio", data.sounds),
        "films, combinations not seen": ("video", data.unseen_films[:count]),
    }
    print(f"{'held out':44}{'items':>6}{'from text @1':>14}{'@5':>6}{'to text @1':>12}{'@5':>6}")
    for name, (kind, items) in rows.items():
        media = embed(kind, [made(one, random) for one in items])
        texts = embed("text", [caption(one, random, whole=True) for one in items])
        likeness = texts @ media.T
        figures = [recall(found, k) for found in (likeness, likeness.T) for k in (1, 5)]
        print(f"{name:44}{len(items):6}{figures[0]:14.2f}{figures[1]:6.2f}{figures[2]:12.2f}{figures[3]:6.2f}")


def recall(likeness: np.ndarray[Any, Any], k: int) -> float:
    """The share of rows whose own column is among the ``k`` greatest."""
    own = np.diag(likeness)[:, None]
    return float(((likeness > own).sum(1) < k).mean())


if __name__ == "__main__":
    sys.exit(main())
