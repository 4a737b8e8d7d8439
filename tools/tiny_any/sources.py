"""What tiny-any learns from beside what is drawn and played by arithmetic: emoji and spoken words.

| what | from | licence |
|---|---|---|
| the emoji's glyphs | Noto Color Emoji, Debian's ``fonts-noto-color-emoji`` | SIL Open Font License 1.1 |
| their names and keywords | CLDR's English annotations, Debian's ``unicode-cldr-core`` | Unicode License v3 |
| voices | eSpeak NG, Debian's ``espeak-ng``, run as a program | GPL 3 or later, which does not reach what it says |

``apt-get install fonts-noto-color-emoji unicode-cldr-core espeak-ng`` has all three; elsewhere, options say where the
files are. ``Sources.differences`` says which of them are not those that the weights in the wheel were made from.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
from media_made import GROUNDS, RATE, Waveform, near, placed
from PIL import Image, ImageDraw, ImageFont

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
ANNOTATIONS = Path("/usr/share/unicode/cldr/common/annotations/en.xml")
_PINNED = {
    "font": "e5899ed38b8ed83e08bd3ac5de09791e9d19d288333a796de1d35ad17396f1ec",
    "annotations": "170a989b9aff71fd06b9f7bbd70aa3b4a3d228e15fa734692d4fc80206e536e1",
}
"""sha256 of the files in version 2.042 of the font and 41 of CLDR."""
_ESPEAK = "1.51"

_GLYPH_PIXELS = 109
"""The one size that the font's images have."""
_EMOJI = 300
_BLOCKS = (
    *((0x1F40C, 0x1F43E), (0x1F345, 0x1F37F), (0x1F680, 0x1F6A4), (0x1F981, 0x1F9AE), (0x1F950, 0x1F96F)),
    *((0x1F3B7, 0x1F3BB), (0x1F3C0, 0x1F3C9), (0x1F332, 0x1F344), (0x1F4F0, 0x1F4F7), (0x1F52A, 0x1F52E)),
    *((0x1F451, 0x1F462), (0x1F300, 0x1F320)),
)
_SKY = ((200, 230, 255), (225, 225, 225))

_VOICES = {
    "man": ("en+m1", "en+m2", "en+m3", "en+m4", "en+m6", "en-us+m7"),
    "woman": ("en+f1", "en+f2", "en+f3", "en+f4", "en-us+f5"),
}
UNHEARD = {"man": ("en-gb-scotland+m5",), "woman": ("en-us+steph",)}
"""Voices that training leaves out. No variant goes with ``en-gb``: ``en-gb+f4`` is a man's voice, of 94 Hz."""
SPEAKERS = tuple(_VOICES)
_LONGEST_S = 1.7


@dataclass(frozen=True)
class Emoji:
    character: str
    name: str
    keywords: tuple[str, ...]


@dataclass(frozen=True)
class Speech:
    word: str
    speaker: str


@dataclass(frozen=True)
class Sources:
    """Any of the three may be missing: then there are no ``emoji``, or there is no voice."""

    font: Path = FONT
    annotations: Path = ANNOTATIONS

    @property
    def missing(self) -> list[str]:
        found = [str(path) for path in (self.font, self.annotations) if not path.is_file()]
        return found if shutil.which("espeak-ng") else [*found, "the program espeak-ng"]

    @property
    def speaks(self) -> bool:
        return shutil.which("espeak-ng") is not None

    def differences(self) -> list[str]:
        """What is another version than that which the weights in the wheel were made from."""
        found = []
        for name, path in (("font", self.font), ("annotations", self.annotations)):
            if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != _PINNED[name]:
                found.append(f"{path} is another version")
        if self.speaks:
            version = subprocess.run(["espeak-ng", "--version"], capture_output=True, text=True, check=True).stdout
            if f" {_ESPEAK} " not in version:
                found.append(f"espeak-ng is not {_ESPEAK} but {version.strip()}")
        return found

    @cached_property
    def emoji(self) -> list[Emoji]:
        if not (self.font.is_file() and self.annotations.is_file()):
            return []
        names: dict[str, str] = {}
        keywords: dict[str, tuple[str, ...]] = {}
        for one in ET.parse(self.annotations).iter("annotation"):
            character, text = one.get("cp") or "", one.text or ""
            if one.get("type") == "tts":
                names[character] = text
            else:
                keywords[character] = tuple(word.strip() for word in text.split("|") if word.isascii())
        characters = [chr(i) for first, last in _BLOCKS for i in range(first, last + 1) if chr(i) in names]
        return [Emoji(one, names[one], keywords.get(one, ())) for one in characters[:_EMOJI]]

    @cached_property
    def _glyphs(self) -> dict[str, Image.Image]:
        font = ImageFont.truetype(str(self.font), _GLYPH_PIXELS)
        found = {}
        for one in self.emoji:
            image = Image.new("RGBA", (136, 128), (0, 0, 0, 0))
            ImageDraw.Draw(image).text((0, 0), one.character, font=font, embedded_color=True)
            found[one.character] = image.crop(image.getbbox()).resize((72, 72), Image.Resampling.LANCZOS)
        return found

    def image(self, emoji: Emoji, random: Random, pixels: int) -> Image.Image:
        """On a ground of some colour, a little turned, moved, larger or smaller, and now and then mirrored."""
        wide = pixels * 2
        ground = near(random.choice([*GROUNDS.values(), *_SKY]), random, 10)
        image = Image.new("RGB", (wide, wide), ground)
        side = int(wide * 0.75 * random.uniform(0.75, 1.15))
        glyph = self._glyphs[emoji.character].resize((side, side), Image.Resampling.BILINEAR)
        if random.random() < 0.3:
            glyph = glyph.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        glyph = glyph.rotate(random.uniform(-15, 15), resample=Image.Resampling.BILINEAR, expand=True)
        corner = [int((wide - length) / 2 + wide / 12 * random.uniform(-1, 1)) for length in glyph.size]
        image.paste(glyph, (corner[0], corner[1]), glyph)
        return image.resize((pixels, pixels), Image.Resampling.BILINEAR)


class Voices:
    """Recordings of words, made once: each voice says each word ``times`` times, at changing speed and pitch."""

    def __init__(self, words: list[str], voices: Mapping[str, tuple[str, ...]], times: int, random: Random) -> None:
        self._said = {
            Speech(word, speaker): [
                _said(word, voice, random.choice((120, 145, 170, 195)), random.choice((35, 50, 65)))
                for voice in some
                for _ in range(times)
            ]
            for word in words
            for speaker, some in voices.items()
        }

    @classmethod
    def heard(cls, words: list[str], times: int, random: Random) -> Voices:
        return cls(words, _VOICES, times, random)

    @classmethod
    def unheard(cls, words: list[str], random: Random) -> Voices:
        return cls(words, UNHEARD, 1, random)

    def said(self, speech: Speech, random: Random) -> Waveform:
        """One of the recordings, ``(n,) f32`` at 16 kHz."""
        return random.choice(self._said[speech])

    def play(self, speech: Speech, random: Random) -> Waveform:
        """``(32000,) f32``: 2 s at 16 kHz, with the word somewhere in them and a little noise."""
        return placed(self.said(speech, random) * random.uniform(0.5, 1.1), random)


def _said(word: str, voice: str, words_a_minute: int, pitch: int) -> npt.NDArray[Any]:
    command = ["espeak-ng", "-v", voice, "-s", str(words_a_minute), "-p", str(pitch), "--stdout", word]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    rate = int.from_bytes(data[24:28], "little")
    audio = np.frombuffer(data[44:], "<i2") / 32_768
    times = np.arange(int(len(audio) * RATE / rate)) * rate / RATE
    return np.interp(times, np.arange(len(audio)), audio).astype(np.float32)[: int(_LONGEST_S * RATE)]
