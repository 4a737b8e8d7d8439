"""What tiny-any learns from: pictures, sounds and films that are made, each with a caption in changing words.

Drawing and playing is in ``examples/media_made.py``. Here are the captions, and which combinations are held out: the
lists and the seeds of the splits are those of the weights in the wheel, so that their held-out items stay so.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Any, TypeAlias

import numpy as np
from media_made import (
    COLOURS,
    FORMS,
    GROUNDS,
    MOTIONS,
    NOISES,
    PATTERNS,
    PITCHES_HZ,
    PLACES,
    SIZES,
    TIMBRES,
    Film,
    Noise,
    Picture,
    Tone,
)

Item: TypeAlias = Picture | Tone | Noise | Film

PICTURE_PIXELS = 48
FILM_PIXELS = 32
FILM_FRAMES = 8
_OTHER_WORDS = {
    "circle": ("circle", "disc"),
    "square": ("square", "box"),
    "small": ("small", "tiny", "little"),
    "large": ("large", "big", "huge"),
    "center": ("center", "middle"),
    "gray": ("gray", "grey"),
    "moon": ("moon", "crescent"),
    "cyan": ("cyan", "turquoise"),
    "purple": ("purple", "violet"),
    "moving left": ("moving left", "moving to the left"),
    "moving right": ("moving right", "moving to the right"),
    "still": ("standing still", "that stays still"),
    "spinning": ("spinning", "turning around"),
}


@dataclass(frozen=True)
class Corpus:
    """``unseen`` pictures are whole combinations that training leaves out, ``unpaired`` those whose colour and form
    never stand together in it."""

    pictures: list[Picture]
    unseen: list[Picture]
    unpaired: list[Picture]
    sounds: list[Tone | Noise]
    films: list[Film]
    unseen_films: list[Film]


def corpus() -> Corpus:
    pairs = list(product(COLOURS, FORMS))
    random = Random(7)
    random.shuffle(pairs)
    apart = set(pairs[:12])
    pictures = [Picture(z, c, f, p, g) for z, c, f, p, g in product(SIZES, COLOURS, FORMS, PLACES, GROUNDS)]
    together = [one for one in pictures if (one.colour, one.form) not in apart]
    shuffled = list(together)
    random.shuffle(shuffled)
    unseen = set(shuffled[:400])
    films = [Film(*one) for one in product(COLOURS, FORMS, MOTIONS)]
    Random(5).shuffle(films)
    tones: list[Tone | Noise] = [Tone(*one) for one in product(PITCHES_HZ, PATTERNS, TIMBRES)]
    return Corpus(
        pictures=[one for one in together if one not in unseen],
        unseen=[one for one in pictures if one in unseen],
        unpaired=[one for one in pictures if (one.colour, one.form) in apart],
        sounds=tones + [Noise(kind) for kind in NOISES],
        films=films[120:],
        unseen_films=films[:120],
    )


def caption(item: Item, random: Random, *, whole: bool = False) -> str:
    """``whole``: names everything that tells the item from others; else words may be left out."""

    def word(name: str) -> str:
        return random.choice(_OTHER_WORDS.get(name, (name,)))

    def often(share: float) -> bool:
        return whole or random.random() < share

    match item:
        case Picture():
            said = [word(name) for name, share in ((item.size, 0.8), (item.colour, 0.93)) if often(share)]
            said.append(word(item.form) if often(0.97) else "shape")
            where = random.choice((" at the ", " in the ", ", ")) + word(item.place) if often(0.8) else ""
            on = random.choice((f" on a {item.ground} background", f" on {item.ground}")) if often(0.7) else ""
            begin = random.choice(("", "a ", "a picture of a ", "the image shows a "))
            return begin + " ".join(said) + where + on
        case Tone():
            noun = random.choice(("tone", "sound"))
            timbre = f"{item.timbre} " if often(0.8) else ""
            return random.choice(("", "a ", "the sound of a ")) + f"{item.pitch} {item.pattern} {timbre}{noun}"
        case Noise():
            return random.choice(("", "the sound of ", "a recording of ")) + item.kind
        case Film():
            colour = f"{word(item.colour)} " if often(0.9) else ""
            begin = random.choice(("a ", "a video of a ", "a clip of a "))
            return f"{begin}{colour}{word(item.form)} {word(item.motion)}"


def made(item: Item, random: Random) -> Any:
    """Pixels ``(48, 48, 3) u8``, a sound ``(32000,) f32``, or frames ``(8, 32, 32, 3) u8``."""
    match item:
        case Picture():
            return np.asarray(item.draw(random, PICTURE_PIXELS))
        case Film():
            return item.play(random, FILM_PIXELS, FILM_FRAMES)
    return item.play(random)
