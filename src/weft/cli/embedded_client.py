"""``weft embedded``: have ``weaviate.connect_to_embedded()`` run Weft.

In its embedded mode the client starts the program ``weaviate-v<version>-<hash>`` of its cache folder, and downloads
Weaviate where there is none. ``install`` puts a script of that name there, which serves with this installation of Weft;
the client's own environment variables (data folder, ports) are Weft's settings. A program of Weaviate's is left alone.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shlex
import sys
from pathlib import Path
from typing import Final

from weft.domain.errors import Conflict, Invalid, NotFound

_VERSION: Final = re.compile(r"\d+\.\d+\.\d+(-(rc|beta|alpha)\.\d+)?")
_MARK: Final = "# Runs Weft in place of Weaviate. Written by: weft embedded install"
_SCRIPT: Final = """#!/bin/sh
{mark}
host=127.0.0.1 port=8079
while [ $# -gt 0 ]; do
  case $1 in
    --host) host=$2; shift ;;
    --port) port=$2; shift ;;
  esac
  shift
done
exec {python} -m weft serve --host "$host" --port "$port"
"""


def embedded(arguments: argparse.Namespace) -> int:
    from weaviate.embedded import EmbeddedOptions

    client = EmbeddedOptions()
    folder = Path(arguments.binary_path or client.binary_path).expanduser()
    versions = arguments.version or [client.version]
    programs = [program(folder, version) for version in versions]
    if arguments.action == "install":
        for one in programs:
            _install(one)
        print(f"weaviate.connect_to_embedded() runs Weft: {', '.join(versions)} in {folder}")
        return 0
    for one in programs:
        _remove(one)
    print(f"removed {', '.join(versions)} from {folder}; the client downloads Weaviate again")
    return 0


def program(folder: Path, version: str) -> Path:
    """Where the client expects the program of a version. Raises Invalid."""
    version = version.removeprefix("v")
    if not _VERSION.fullmatch(version):
        raise Invalid(
            f"{version!r} is not a version of Weaviate; give the one that the client asks for, such as 1.30.5"
        )
    tag = f"v{version}"
    return folder / f"weaviate-{tag}-{hashlib.sha256(tag.encode()).hexdigest()}"


def _install(path: Path) -> None:
    if path.exists() and not _is_ours(path):
        raise Conflict(f"{path} is Weaviate's own program; move it away to run Weft instead")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(_SCRIPT.format(mark=_MARK, python=shlex.quote(sys.executable)), encoding="utf-8")
    fresh.chmod(0o755)
    fresh.replace(path)


def _remove(path: Path) -> None:
    if not path.exists():
        raise NotFound(f"{path} is not there: Weft is not installed for that version")
    if not _is_ours(path):
        raise Conflict(f"{path} is Weaviate's own program, which Weft did not install; remove it yourself")
    path.unlink()


def _is_ours(path: Path) -> bool:
    with path.open("rb") as opened:
        return _MARK.encode() in opened.read(1000)
