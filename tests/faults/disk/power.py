"""A disk that loses its power: what is on it after the first so many of the recorded calls."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

PAGE = 4096


class Call(NamedTuple):
    kind: str
    paths: list[str]
    at: int = 0
    data: bytes = b""


def calls_of(log: bytes) -> list[Call]:
    """See ``faults.c`` for their form; ``K``: so many operations have been acknowledged."""
    found: list[Call] = []
    position = 0
    while position < len(log):
        end = log.index(b"\n", position)
        kind, *words = log[position:end].decode().split(" ")
        position = end + 1
        match kind:
            case "W":
                size = int(words[2])
                found.append(Call(kind, words[:1], int(words[1]), log[position : position + size]))
                position += size
            case "T":
                found.append(Call(kind, words[:1], int(words[1])))
            case "K":
                found.append(Call(kind, [], int(words[0])))
            case _:
                found.append(Call(kind, words))
    return found


@dataclass(eq=False)
class File:
    data: bytearray = field(default_factory=bytearray)
    """As processes see it."""
    durable: bytes = b""
    """As it was synced last."""


class Disk:
    """``folder`` is the one that was recorded."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._names: dict[str, File | None] = {}
        """A folder has None."""
        self._durable: dict[str, File | None] = {}
        self.acknowledged = 0

    def apply(self, call: Call) -> None:
        path = call.paths[0] if call.paths else ""
        match call.kind:
            case "K":
                self.acknowledged = call.at
            case "C":
                self._names[path] = File()
            case "D":
                self._names[path] = None
            case "W":
                data = self._file(path).data
                data.extend(bytes(max(0, call.at - len(data))))
                data[call.at : call.at + len(call.data)] = call.data
            case "T":
                data = self._file(path).data
                del data[call.at :]
                data.extend(bytes(call.at - len(data)))
            case "R":
                self._names[call.paths[1]] = self._names.pop(path)
            case "L":
                self._names[call.paths[1]] = self._names[path]
            case "U":
                self._names.pop(path, None)
            case "S":
                file = self._names.get(path)
                if file is not None:
                    file.durable = bytes(file.data)
                else:
                    self._sync_folder(path)

    def _file(self, path: str) -> File:
        file = self._names[path]
        assert file is not None, path
        return file

    def _sync_folder(self, path: str) -> None:
        def is_in(name: str) -> bool:
            return name.rpartition("/")[0] == path

        self._durable = {name: file for name, file in self._durable.items() if not is_in(name)}
        self._durable |= {name: file for name, file in self._names.items() if is_in(name)}

    def lose(self, target: Path, rng: random.Random | None) -> None:
        """Writes to ``target`` what is on the disk: what was synced; with ``rng`` also some pages and all names."""
        names = self._durable if rng is None else self._names
        kept = {name for name in names if all(p in names for p in self._above(name))}
        for name in sorted(kept):
            path = target / name.removeprefix(self._folder).lstrip("/")
            file = names[name]
            if file is None:
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.durable if rng is None else _mixed(file, rng))

    def _above(self, name: str) -> list[str]:
        """The folders between the recorded one and ``name``."""
        found: list[str] = []
        parent = name.rpartition("/")[0]
        while len(parent) > len(self._folder):
            found.append(parent)
            parent = parent.rpartition("/")[0]
        return found


def _mixed(file: File, rng: random.Random) -> bytes:
    """The synced bytes, with some of the pages that were written since."""
    found = bytearray(file.durable)
    if rng.random() < 0.5:
        found.extend(bytes(max(0, len(file.data) - len(found))))
    for at in range(0, len(found), PAGE):
        page = file.data[at : at + PAGE]
        if page != found[at : at + PAGE] and rng.random() < 0.5:
            found[at : at + len(page)] = page
    return bytes(found)
