"""Small images, audio and video that are made here: shapes, tones and noises, moving shapes.

Everything follows from the ``Random`` that is given, so that one seed always makes the same. They are what the model
tiny-any was trained to know, and their names say what is in them; no name is ever embedded.
"""

from __future__ import annotations

import io
import math
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Colour: TypeAlias = tuple[int, int, int]
Waveform: TypeAlias = npt.NDArray[np.float32]
Frames: TypeAlias = npt.NDArray[np.uint8]
Point: TypeAlias = tuple[float, float]

COLOURS: dict[str, Colour] = {
    "red": (220, 30, 30),
    "green": (30, 160, 50),
    "blue": (40, 70, 220),
    "yellow": (245, 215, 40),
    "orange": (245, 140, 30),
    "purple": (140, 50, 180),
    "pink": (250, 140, 190),
    "brown": (120, 75, 35),
    "cyan": (60, 210, 220),
    "gray": (130, 130, 130),
}
GROUNDS: dict[str, Colour] = {
    "white": (250, 250, 250),
    "black": (15, 15, 15),
    "beige": (235, 220, 190),
    "navy": (25, 30, 80),
}
FORMS = ("circle", "square", "triangle", "star", "heart", "cross", "ring", "diamond", "moon", "arrow")
PLACES: dict[str, Point] = {
    "left": (0.25, 0.5),
    "right": (0.75, 0.5),
    "top": (0.5, 0.25),
    "bottom": (0.5, 0.75),
    "center": (0.5, 0.5),
}
SIZES = {"small": 0.13, "large": 0.24}
PITCHES_HZ = {"low": (160, 260), "medium": (500, 750), "high": (1500, 2300)}
PATTERNS = ("steady", "beeping", "rising", "falling", "wobbling")
TIMBRES = ("pure", "buzzing")
NOISES = ("white noise", "rumbling noise", "clicking")
MOTIONS = (
    *("moving left", "moving right", "moving up", "moving down"),
    *("growing", "shrinking", "blinking", "spinning", "still"),
)

RATE = 16_000
SECONDS = 2
_FRAMES = 16
_FRAMES_A_SECOND = 8


@dataclass(frozen=True, slots=True)
class DrawnImage:
    size: str
    colour: str
    form: str
    place: str
    ground: str

    @property
    def caption(self) -> str:
        return f"a {self.size} {self.colour} {self.form} at the {self.place} on a {self.ground} background"

    def draw(self, random: Random, pixels: int = 240) -> Image.Image:
        """``pixels`` wide and high; drawn at twice that and made smaller, for smooth edges."""
        wide = pixels * 2
        ground = near(GROUNDS[self.ground], random, 8)
        image = Image.new("RGB", (wide, wide), ground)
        x, y = PLACES[self.place]
        radius = SIZES[self.size] * wide * random.uniform(0.88, 1.12)
        center = ((x + random.uniform(-0.05, 0.05)) * wide, (y + random.uniform(-0.05, 0.05)) * wide)
        colour = near(COLOURS[self.colour], random, 18)
        draw_form(image, self.form, colour, ground, center, radius, random.uniform(-0.2, 0.2))
        return image.resize((pixels, pixels), Image.Resampling.BILINEAR)


@dataclass(frozen=True, slots=True)
class Tone:
    pitch: str
    pattern: str
    timbre: str

    @property
    def caption(self) -> str:
        return f"the sound of a {self.pitch} {self.pattern} {self.timbre} tone"

    def play(self, random: Random) -> Waveform:
        """``(32000,) f32``: 2 s at 16 kHz, with the tone somewhere in them and a little noise."""
        low, high = PITCHES_HZ[self.pitch]
        middle = math.exp(random.uniform(math.log(low), math.log(high)))
        count = int(random.uniform(0.8, 1.6) * RATE)
        t = np.arange(count) / RATE
        octaves = np.zeros(count)
        if self.pattern in ("rising", "falling"):
            octaves = np.linspace(-0.6, 0.9, count)[:: 1 if self.pattern == "rising" else -1]
        elif self.pattern == "wobbling":
            octaves = 0.35 * np.sin(2 * np.pi * random.uniform(4, 8) * t)
        wave_ = np.sin(2 * np.pi * np.cumsum(middle * 2.0**octaves) / RATE)
        if self.timbre == "buzzing":
            wave_ = np.sign(wave_) * 0.6
        if self.pattern == "beeping":
            wave_ = wave_ * (np.sin(2 * np.pi * random.uniform(3, 6) * t) > 0)
        return placed(wave_ * random.uniform(0.2, 0.8), random)


@dataclass(frozen=True, slots=True)
class Noise:
    kind: str

    @property
    def caption(self) -> str:
        return f"the sound of {self.kind}"

    def play(self, random: Random) -> Waveform:
        count = int(random.uniform(0.8, 1.6) * RATE)
        found = seeded(random).standard_normal(count) * 0.25
        if self.kind == "rumbling noise":
            found = np.convolve(found, np.ones(64) / 64, "same") * 5
        elif self.kind == "clicking":
            found = np.zeros(count)
            found[:: int(RATE / random.uniform(6, 12))] = 1
            found = np.convolve(found, np.exp(-np.arange(80) / 12), "same")
        return placed(found, random)


@dataclass(frozen=True, slots=True)
class DrawnVideo:
    colour: str
    form: str
    motion: str

    @property
    def caption(self) -> str:
        motion = "standing still" if self.motion == "still" else self.motion
        return f"a video of a {self.colour} {self.form} {motion}"

    def play(self, random: Random, pixels: int = 96, frames: int = _FRAMES) -> Frames:
        """``(frames, pixels, pixels, 3) u8``; the motion lasts from the first frame to the last."""
        wide = pixels * 2
        ground = near(random.choice(list(GROUNDS.values())), random, 8)
        colour = near(COLOURS[self.colour], random, 18)
        radius = random.uniform(0.16, 0.22) * wide
        x, y, angle = random.uniform(0.4, 0.6), random.uniform(0.4, 0.6), random.uniform(-0.2, 0.2)
        dx, dy = {
            "moving left": (-0.6, 0.0),
            "moving right": (0.6, 0.0),
            "moving up": (0.0, -0.6),
            "moving down": (0.0, 0.6),
        }.get(self.motion, (0.0, 0.0))
        larger = {"growing": 1.2, "shrinking": -1.2}.get(self.motion, 0.0)
        found = []
        for u in np.linspace(-0.5, 0.5, frames):
            image = Image.new("RGB", (wide, wide), ground)
            if not (self.motion == "blinking" and int((u + 0.5) * 3.5) % 2):
                turned = angle + (u * 5 if self.motion == "spinning" else 0)
                center = ((x + u * dx) * wide, (y + u * dy) * wide)
                draw_form(image, self.form, colour, ground, center, radius * (1 + u * larger), turned)
            found.append(np.asarray(image.resize((pixels, pixels), Image.Resampling.BILINEAR)))
        return np.stack(found)


def near(colour: Colour, random: Random, by: int) -> Colour:
    red, green, blue = (int(min(255, max(0, value + random.uniform(-by, by)))) for value in colour)
    return red, green, blue


def seeded(random: Random) -> np.random.Generator:
    return np.random.default_rng(random.getrandbits(32))


def placed(audio: npt.NDArray[Any], random: Random) -> Waveform:
    """Somewhere in 2 s of faint noise."""
    whole = np.zeros(SECONDS * RATE, np.float32)
    begin = random.randint(0, max(0, len(whole) - len(audio)))
    whole[begin : begin + len(audio)] = audio[: len(whole)]
    return whole + seeded(random).standard_normal(len(whole)).astype(np.float32) * random.uniform(0.0005, 0.006)


def draw_form(
    image: Image.Image, form: str, colour: Colour, ground: Colour, center: Point, radius: float, angle: float
) -> None:
    """``angle`` in radians; what is round turns with it where that shows."""
    draw = ImageDraw.Draw(image)
    x, y = center

    def disc(dx: float, dy: float, size: float, fill: Colour) -> None:
        left = x + dx * math.cos(angle) - dy * math.sin(angle)
        top = y + dx * math.sin(angle) + dy * math.cos(angle)
        draw.ellipse((left - size, top - size, left + size, top + size), fill=fill)

    if form in ("circle", "ring", "moon"):
        disc(0, 0, radius, colour)
        if form == "ring":
            disc(0, 0, radius * 0.55, ground)
        elif form == "moon":
            disc(radius * 0.55, -radius * 0.15, radius * 0.9, ground)
        return
    turned = [
        (
            x + radius * (u * math.cos(angle) - v * math.sin(angle)),
            y + radius * (u * math.sin(angle) + v * math.cos(angle)),
        )
        for u, v in _outline(form)
    ]
    draw.polygon(turned, fill=colour)


def _outline(form: str) -> list[Point]:
    """The corners, around (0, 0), about 1 away from it; y grows downwards."""
    if form == "star":
        tips = [(1.1 if i % 2 == 0 else 0.45, i * math.pi / 5) for i in range(10)]
        return [(r * math.sin(a), -r * math.cos(a)) for r, a in tips]
    if form == "heart":
        turns = [i * math.pi / 16 for i in range(32)]
        tops = [13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t) for t in turns]
        return [(0.95 * math.sin(t) ** 3, -top / 15) for t, top in zip(turns, tops, strict=True)]
    if form == "cross":
        arm = [(0.3, -0.3), (1.0, -0.3), (1.0, 0.3), (0.3, 0.3), (0.3, 1.0), (-0.3, 1.0)]
        return [*arm, *((-u, -v) for u, v in arm)]
    return {
        "square": [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
        "triangle": [(0.0, -1.0), (0.95, 0.8), (-0.95, 0.8)],
        "diamond": [(0.0, -1.1), (0.7, 0.0), (0.0, 1.1), (-0.7, 0.0)],
        "arrow": [(-1.0, -0.3), (0.1, -0.3), (0.1, -0.8), (1.05, 0.0), (0.1, 0.8), (0.1, 0.3), (-1.0, 0.3)],
    }[form]


def png_bytes(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def wav_bytes(audio: Waveform) -> bytes:
    """16 bits, mono, 16 kHz."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((audio.clip(-1, 1) * 32_767).astype("<i2").tobytes())
    return buffer.getvalue()


def mp4_bytes(frames: Frames) -> bytes:
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(_FRAMES_A_SECOND))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 1_000_000
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


def make_media(folder: Path, *, seed: int = 7) -> list[Path]:
    """Fills ``folder`` with an image of each form in each colour, all tones and noises, and a video of each form in
    each motion; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, data in _files(Random(seed)):
        path = folder / name
        path.write_bytes(data)
        written.append(path)
    return written


def _files(random: Random) -> Iterator[tuple[str, bytes]]:
    for colour, form in product(COLOURS, FORMS):
        size, place, ground = (random.choice(list(names)) for names in (SIZES, PLACES, GROUNDS))
        image = DrawnImage(size, colour, form, place, ground)
        yield f"{size}-{colour}-{form}-{place}-{ground}.png", png_bytes(image.draw(random))
    for spec in product(PITCHES_HZ, PATTERNS, TIMBRES):
        yield f"{'-'.join(spec)}-tone.wav", wav_bytes(Tone(*spec).play(random))
    for kind in NOISES:
        yield f"{kind.replace(' ', '-')}.wav", wav_bytes(Noise(kind).play(random))
    for form, motion in product(FORMS, MOTIONS):
        video = DrawnVideo(random.choice(list(COLOURS)), form, motion)
        yield f"{video.colour}-{form}-{motion}.mp4".replace(" ", "-"), mp4_bytes(video.play(random))
