"""The second quickstart, run whole: as it is, and with a folder in which not everything can be read."""

from __future__ import annotations

import pytest

pytest.importorskip("sentence_transformers")
pytest.importorskip("PIL")
pytest.importorskip("av")

import re
import subprocess
import sys
from pathlib import Path
from random import Random

from media_made import DrawnImage, DrawnVideo, Tone, mp4_bytes, png_bytes, wav_bytes

SCRIPT = Path(__file__).parents[2] / "examples/media_search.py"
_TIMEOUT_S = 300


def example(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=folder,
        timeout=_TIMEOUT_S,
    )


def hits(printed: str) -> dict[str, list[str]]:
    """What was found, by the name of the search: ``text -> video``."""
    found: dict[str, list[str]] = {}
    search = ""
    for line in printed.splitlines():
        if match := re.match(r"  (\w+ -> \w+)  ", line):
            search = match[1]
            found[search] = []
        if match := re.search(r"(\S+\.\w{3,4}) +\d\.\d{3}", line):
            found[search].append(match[1])
    return found


def test_what_it_makes_is_found(tmp_path: Path) -> None:
    done = example(folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "223 of 223 files stored in " in done.stdout
    found = hits(done.stdout)
    assert [len(names) for names in found.values()] == [3] * 7
    firsts = {search: names[0] for search, names in found.items()}
    assert re.match(r"\w+-red-circle-", firsts["text -> image"])
    assert re.match(r"large-green-star-", firsts["image -> image"])
    assert firsts["text -> audio"] == "low-beeping-buzzing-tone.wav"
    assert firsts["audio -> audio"] == "high-rising-pure-tone.wav"
    assert firsts["text -> video"].endswith("-triangle-moving-left.mp4")
    assert firsts["video -> video"].endswith("-diamond-growing.mp4")
    assert firsts["audio -> video"].endswith(".mp4")


def test_of_a_folder_what_cannot_be_read_is_printed_by_name(tmp_path: Path) -> None:
    random = Random(3)
    own = tmp_path / "my own"
    (own / "below").mkdir(parents=True)
    image = DrawnImage("large", "blue", "star", "left", "white").draw(random)
    (own / "below" / "star.png").write_bytes(png_bytes(image))
    (own / "bell.wav").write_bytes(wav_bytes(Tone("low", "beeping", "pure").play(random)))
    video = mp4_bytes(DrawnVideo("red", "heart", "growing").play(random))
    (own / "heart.mp4").write_bytes(video)
    (own / "half.mp4").write_bytes(video[:400])
    (own / "none.jpg").write_bytes(b"no image")
    with (own / "long.mov").open("wb") as file:
        file.truncate(20_000_001)
    done = example(str(own), "--ask", "a blue star", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    printed = [line.split(": ")[:2] for line in done.stderr.splitlines()]
    assert printed == [
        ["left out", "long.mov has more than 20 MB"],
        ["not stored", "half.mp4"],
        ["not stored", "none.jpg"],
    ]
    assert "3 of 5 files stored in " in done.stdout
    found = hits(done.stdout)
    assert found["text -> image"] == ["below/star.png"]
    assert found["video -> video"] == ["heart.mp4"]
    assert len(found) == 12


def test_a_folder_without_media_is_an_error(tmp_path: Path) -> None:
    done = example(str(tmp_path), folder=tmp_path)
    assert done.returncode == 1
    assert "there is no image, audio or video in" in done.stderr
