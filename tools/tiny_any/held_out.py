"""A few emoji and spoken words as files, for tests on machines with neither the font nor the voices.

| file | what |
|---|---|
| ``emoji.png`` | ten in a row, 48 x 48 pixels each, as new drawings; among them those whose names are spoken |
| ``emoji.json`` | their names, in that order |
| ``speech/SPEAKER-WORD.flac`` | each word once, in a voice that training leaves out; 16 kHz, mono |
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
from media_made import RATE
from PIL import Image

from tiny_any.corpus import IMAGE_PIXELS, SPOKEN_ALONE, SPOKEN_AND_SEEN, Item, Maker, shows
from tiny_any.sources import SPEAKERS, Emoji, Sources, Speech, Voices

KEPT = Path(__file__).parents[2] / "tests/tiny/held_out"
EMOJI = 60
_IN_A_ROW = 10


def write(folder: Path, sources: Sources) -> None:
    """Needs the font, its names and the voices; the same files come out each time."""
    random = Random(999)
    (folder / "speech").mkdir(parents=True)
    spoken = [one for one in sources.emoji if not shows(one).isdisjoint(SPOKEN_AND_SEEN)]
    others = [one for one in sources.emoji if one not in spoken]
    chosen = [*spoken, *random.sample(others, EMOJI - len(spoken))]
    sheet = Image.new("RGB", (_IN_A_ROW * IMAGE_PIXELS, EMOJI // _IN_A_ROW * IMAGE_PIXELS))
    for i, one in enumerate(chosen):
        place = (i % _IN_A_ROW * IMAGE_PIXELS, i // _IN_A_ROW * IMAGE_PIXELS)
        sheet.paste(sources.image(one, random, IMAGE_PIXELS), place)
    sheet.save(folder / "emoji.png", optimize=True)
    names = [one.name for one in chosen]
    (folder / "emoji.json").write_text(json.dumps(names, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    words = [*SPOKEN_ALONE, *SPOKEN_AND_SEEN]
    voices = Voices.unheard(words, random)
    for i, word in enumerate(words):
        speech = Speech(word, SPEAKERS[i % 2])
        _write_flac(folder / "speech" / f"{speech.speaker}-{word}.flac", voices.said(speech, random))


class Kept:
    """Those files as items, and a maker that gives what the files hold; everything else it makes."""

    def __init__(self, folder: Path) -> None:
        names = json.loads((folder / "emoji.json").read_text(encoding="utf-8"))
        sheet = np.asarray(Image.open(folder / "emoji.png").convert("RGB"))
        rows = sheet.reshape(-1, IMAGE_PIXELS, _IN_A_ROW, IMAGE_PIXELS, 3).swapaxes(1, 2)
        images = rows.reshape(-1, IMAGE_PIXELS, IMAGE_PIXELS, 3)
        self.emoji = [Emoji("", name, ()) for name in names]
        clips: dict[Item, Any] = {}
        for file in sorted((folder / "speech").glob("*.flac")):
            speaker, word = file.stem.split("-")
            clips[Speech(word, speaker)] = _read_flac(file)
        self.speech = [one for one in clips if isinstance(one, Speech)]
        self._media: dict[Item, Any] = {**dict(zip(self.emoji, images, strict=True)), **clips}
        self._maker = Maker(Sources())

    def make(self, item: Item, random: Random) -> Any:
        return self._media[item] if item in self._media else self._maker.make(item, random)


def _write_flac(path: Path, audio: npt.NDArray[Any]) -> None:
    import av

    whole = (audio.clip(-1, 1) * 32_767).astype("<i2")
    with av.open(str(path), "w", format="flac", options={"metadata_header_padding": "0"}) as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono", format="s16")
        frame = av.AudioFrame.from_ndarray(whole[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        for one in (frame, None):
            container.mux(stream.encode(one))


def _read_flac(path: Path) -> npt.NDArray[Any]:
    import av

    with av.open(str(path)) as container:
        parts = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    found: npt.NDArray[Any] = np.concatenate(parts).astype(np.float32) / 32_768
    return found
