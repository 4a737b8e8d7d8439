"""The files that kernels are declared in, and what their code depends on.

A kernel's code contains that of the kernels that it calls and the constants that it reads, also those of other files.
So a stamp covers the kernel's own file and all that it imports of Weft, and what was compiled under another stamp is
not used.
"""

from __future__ import annotations

import hashlib
import re
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]

KERNELS: Final = (
    "engine/kernels.py",
    "engine/embedded/index/ties/kernels.py",
    "engine/embedded/index/vector/coding.py",
    "engine/embedded/index/vector/kernels.py",
    "engine/embedded/index/vector/walk.py",
    "engine/embedded/index/inverted/kernels/*.py",
    "engine/embedded/index/multivector/kernels/*.py",
    "engine/pooling/ward.py",
    "modules/local/kernels.py",
    "wire/grpc/kernels/*.py",
)
READ_BY_KERNELS: Final = (
    "compiled/kernel.py",
    "domain/sent_columns.py",
    "engine/encoded_columns.py",
    "engine/record.py",
    "engine/embedded/index/arrays.py",
    "engine/embedded/index/inverted/sums.py",
    "engine/embedded/index/ties/order.py",
)
"""Other files of Weft that kernels import."""

SIGNATURES: Final = ROOT / "compiled" / "signatures.txt"
_IMPORT = re.compile(r"^from (weft\.[\w.]+) import", re.MULTILINE)


def files(patterns: tuple[str, ...]) -> list[Path]:
    """In a fixed order."""
    return sorted(file for pattern in patterns for file in ROOT.glob(pattern))


def modules() -> list[str]:
    """The names of the modules that declare kernels."""
    return [_name(file) for file in files(KERNELS)]


def _name(file: Path) -> str:
    return ".".join(("weft", *file.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


@cache
def _texts() -> dict[str, str]:
    """By the names of the modules."""
    return {_name(file): file.read_text(encoding="utf-8") for file in files(KERNELS + READ_BY_KERNELS)}


@cache
def stamp(module: str) -> str:
    """Of the kernels of that module; changes with their sources and with what compiles them."""
    texts, found, waiting = _texts(), set[str](), [module]
    while waiting:
        name = waiting.pop()
        if name in texts and name not in found:
            found.add(name)
            waiting += _IMPORT.findall(texts[name])
    return digest(f"{version('numba')} {version('llvmlite')} {sys.version}", *(texts[name] for name in sorted(found)))


@cache
def stamp_of_all() -> str:
    """Of all kernels and signatures."""
    return digest(SIGNATURES.read_text(encoding="utf-8"), *map(stamp, modules()))


def digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:20]
