"""What tiny-any learns from: generated images, audio and video, each with a caption in varying words.

Drawing and playing is in ``examples/media_made.py``, emoji and speech in ``sources.py``. Here are the captions, what of
one kind shows the same as what of another, and which combinations are held out: the lists and the seeds of the splits
are those of the weights in the wheel, so that their held-out items stay so.
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
    DrawnImage,
    DrawnVideo,
    Noise,
    Tone,
)

from tiny_any.sources import SPEAKERS, Emoji, Sources, Speech, Voices

Item: TypeAlias = DrawnImage | Emoji | Tone | Noise | Speech | DrawnVideo

IMAGE_PIXELS = 48
VIDEO_PIXELS = 32
VIDEO_FRAMES = 8
SPOKEN_ALONE = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("yes", "no", "hello"),
)
SPOKEN_AND_SEEN = (
    *("red", "green", "blue", "yellow", "purple", "circle", "square", "triangle", "star", "heart"),
    *("cat", "dog", "horse", "bird", "fish", "pig", "rabbit"),
)
"""Words that name what is in some images and videos."""
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
    """``unseen`` images are whole combinations that training leaves out, ``unpaired`` those whose colour and form
    never stand together in it."""

    images: list[DrawnImage]
    unseen: list[DrawnImage]
    unpaired: list[DrawnImage]
    emoji: list[Emoji]
    audio: list[Tone | Noise]
    speech: list[Speech]
    videos: list[DrawnVideo]
    unseen_videos: list[DrawnVideo]


def corpus(sources: Sources) -> Corpus:
    pairs = list(product(COLOURS, FORMS))
    random = Random(7)
    random.shuffle(pairs)
    apart = set(pairs[:12])
    images = [DrawnImage(z, c, f, p, g) for z, c, f, p, g in product(SIZES, COLOURS, FORMS, PLACES, GROUNDS)]
    together = [one for one in images if (one.colour, one.form) not in apart]
    shuffled = list(together)
    random.shuffle(shuffled)
    unseen = set(shuffled[:400])
    videos = [DrawnVideo(*one) for one in product(COLOURS, FORMS, MOTIONS)]
    Random(5).shuffle(videos)
    tones: list[Tone | Noise] = [Tone(*one) for one in product(PITCHES_HZ, PATTERNS, TIMBRES)]
    return Corpus(
        images=[one for one in together if one not in unseen],
        unseen=[one for one in images if one in unseen],
        unpaired=[one for one in images if (one.colour, one.form) in apart],
        emoji=sources.emoji,
        audio=tones + [Noise(kind) for kind in NOISES],
        speech=[Speech(*one) for one in product((*SPOKEN_ALONE, *SPOKEN_AND_SEEN), SPEAKERS)] if sources.speaks else [],
        videos=videos[120:],
        unseen_videos=videos[:120],
    )


def shows(item: Item) -> frozenset[str]:
    """The words for what is in it that may be spoken, too."""
    match item:
        case DrawnImage() | DrawnVideo():
            return frozenset({item.colour, item.form})
        case Emoji():
            return frozenset({item.name.removesuffix(" face")})
        case Speech():
            return frozenset({item.word})
    return frozenset()


def alike(one: Item, other: Item) -> bool:
    """Whether two of different kinds show the same: a word what it names, an image a video of that form and colour."""
    seen = (DrawnImage, DrawnVideo)
    if isinstance(one, seen) and isinstance(other, seen):
        return (one.colour, one.form) == (other.colour, other.form)
    return not shows(one).isdisjoint(shows(other))


def caption(item: Item, random: Random, *, whole: bool = False) -> str:
    """``whole``: names everything that distinguishes the item; else words may be left out."""

    def word(name: str) -> str:
        return random.choice(_OTHER_WORDS.get(name, (name,)))

    def often(share: float) -> bool:
        return whole or random.random() < share

    match item:
        case DrawnImage():
            said = [word(name) for name, share in ((item.size, 0.8), (item.colour, 0.93)) if often(share)]
            said.append(word(item.form) if often(0.97) else "shape")
            where = random.choice((" at the ", " in the ", ", ")) + word(item.place) if often(0.8) else ""
            on = random.choice((f" on a {item.ground} background", f" on {item.ground}")) if often(0.7) else ""
            begin = random.choice(("", "a ", "a picture of a ", "the image shows a "))
            return begin + " ".join(said) + where + on
        case Emoji():
            if whole or not item.keywords or random.random() < 0.6:
                return ("" if whole else random.choice(("", "a ", "a picture of a ", "an emoji of a "))) + item.name
            some = random.sample(item.keywords, min(len(item.keywords), random.randint(1, 3)))
            return random.choice(("", "a picture about ")) + " ".join(some)
        case Tone():
            noun = random.choice(("tone", "sound"))
            timbre = f"{item.timbre} " if often(0.8) else ""
            return random.choice(("", "a ", "the sound of a ")) + f"{item.pitch} {item.pattern} {timbre}{noun}"
        case Noise():
            return random.choice(("", "the sound of ", "a recording of ")) + item.kind
        case Speech():
            if often(0.75):
                by = item.speaker
                return random.choice(
                    (f"a {by} saying {item.word}", f"a {by} says {item.word}", f"spoken word {item.word} by a {by}")
                )
            return random.choice(("a voice saying ", "the word ", "speech: ")) + item.word
        case DrawnVideo():
            colour = f"{word(item.colour)} " if often(0.9) else ""
            begin = random.choice(("a ", "a video of a ", "a clip of a "))
            return f"{begin}{colour}{word(item.form)} {word(item.motion)}"


@dataclass(frozen=True)
class Maker:
    """Makes a new instance of an item at each call."""

    sources: Sources
    voices: Voices | None = None

    def make(self, item: Item, random: Random) -> Any:
        """Pixels ``(48, 48, 3) u8``, an audio clip ``(32000,) f32``, or frames ``(8, 32, 32, 3) u8``."""
        match item:
            case DrawnImage():
                return np.asarray(item.draw(random, IMAGE_PIXELS))
            case Emoji():
                return np.asarray(self.sources.image(item, random, IMAGE_PIXELS))
            case DrawnVideo():
                return item.play(random, VIDEO_PIXELS, VIDEO_FRAMES)
            case Speech():
                assert self.voices is not None
                return self.voices.play(item, random)
        return item.play(random)
