"""``weft doctor``: what is installed, what runs, what is slow, and what stands in the way, each with its remedy.

It starts nothing and changes nothing. A server is asked if one answers; that there is none is no fault.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import orjson

from weft import __version__
from weft.cli.connection import Connection
from weft.cli.model_places import models_here
from weft.cli.style import Style
from weft.cli.table import bytes_text
from weft.compiled.warming import kept_in
from weft.domain.counts import counted
from weft.domain.errors import OperatorError, WeftError

_FEW_FILES = 4096
_LITTLE_MEMORY_BYTES = 2_000_000_000
_LITTLE_DISK_SHARE = 0.1
_CONNECT_TIMEOUT_S = 3.0


class Judgement(StrEnum):
    GOOD = "ok"
    OPEN = "note"
    BAD = "problem"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """``remedy``: what to do; empty where nothing is to be done."""

    room: str
    judgement: Judgement
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class _Extra:
    """``modules``: what has to be importable."""

    name: str
    modules: tuple[str, ...]
    use: str


_EXTRAS = (
    _Extra("torch", ("torch", "sentence_transformers"), "more models: CLIP, bind, ColBERT, rerankers"),
    _Extra("media", ("PIL", "pi_heif", "av"), "images, audio and video"),
    _Extra("import", ("pyarrow",), "Parquet and Arrow: import, export"),
    _Extra("s3", ("obstore",), "backups, exports and imports in buckets"),
    _Extra("qdrant", ("qdrant_client",), "Qdrant as the engine, or as what is moved"),
    _Extra("milvus", ("pymilvus",), "Milvus as the engine, or as what is moved"),
    _Extra("postgres", ("psycopg",), "a catalog that servers share"),
    _Extra("cjk", ("lindera", "rjieba"), "words of Chinese, Japanese and Korean"),
)


def doctor(arguments: argparse.Namespace) -> int:
    """1 if there is a problem."""
    found = [*_installed(), *_models(arguments.models_path), *_machine(Path(arguments.data_path)), *_server(arguments)]
    if arguments.json:
        print(orjson.dumps([asdict(one) for one in found], option=orjson.OPT_INDENT_2).decode())
    else:
        print("\n".join(_lines(found)))
    return 1 if any(one.judgement is Judgement.BAD for one in found) else 0


def _lines(found: Sequence[Diagnosis]) -> Iterator[str]:
    style, room = Style(sys.stdout), ""
    colours = {Judgement.GOOD: style.green, Judgement.OPEN: style.yellow, Judgement.BAD: style.red}
    for one in found:
        if one.room != room:
            room = one.room
            yield style.bold(room)
        yield f"  {colours[one.judgement](f'{one.judgement:<8}')}{one.what}"
        if one.remedy:
            yield f"          {style.dim(one.remedy)}"


def _installed() -> Iterator[Diagnosis]:
    room = "Installed"
    yield Diagnosis(
        room, Judgement.GOOD, f"weft {__version__}, Python {platform.python_version()}, {platform.platform(terse=True)}"
    )
    if find_spec("weft_front") is None:
        yield Diagnosis(
            room,
            Judgement.OPEN,
            "gRPC is carried by grpcio, which takes more CPU than weft-front, and searches in one process",
            "pip install weft-front",
        )
    else:
        yield Diagnosis(room, Judgement.GOOD, "gRPC is carried by weft-front")
    folder = kept_in()
    if folder is None:
        yield Diagnosis(
            room,
            Judgement.OPEN,
            "the kernels are not compiled yet: the first start takes up to a minute longer",
            "weft warm",
        )
    else:
        yield Diagnosis(room, Judgement.GOOD, f"the kernels are compiled, in {folder}")
    for extra in _EXTRAS:
        missing = [name for name in extra.modules if find_spec(name) is None]
        if missing:
            yield Diagnosis(
                room, Judgement.OPEN, f"without {', '.join(missing)}: {extra.use}", f"pip install 'weft[{extra.name}]'"
            )
        else:
            yield Diagnosis(room, Judgement.GOOD, f"{', '.join(map(_named, extra.modules))}: {extra.use}")


def _named(module: str) -> str:
    """The module with its version, where its package has the same name."""
    with suppress(PackageNotFoundError):
        return f"{module} {version(module)}"
    return module


def _models(models_path: str) -> Iterator[Diagnosis]:
    room = "Models"
    folder = Path(models_path).expanduser() if models_path else None
    if folder is not None and not folder.is_dir():
        yield Diagnosis(room, Judgement.BAD, f"{folder} is no folder", "name another with --models-path")
        return
    found = models_here(folder)
    if not found:
        yield Diagnosis(room, Judgement.BAD, "no model is on this machine", "weft models pull NAME")
    for one in found:
        served = f"{one.name} ({', '.join(one.kinds)}, {bytes_text(one.size_bytes)}, {one.place})"
        if one.modules:
            yield Diagnosis(room, Judgement.GOOD, f"{served}: {one.modules[0]}")
        else:
            yield Diagnosis(room, Judgement.OPEN, f"{served}: no module serves it")
    yield Diagnosis(room, Judgement.GOOD, _processor())


def _processor() -> str:
    """What models with torch run on; torch itself is not imported, which takes seconds."""
    if find_spec("torch") is None:
        return "models run on the CPU, with onnxruntime"
    devices = [name for name in ("/dev/nvidiactl", "/dev/kfd") if Path(name).exists()]
    return f"models run with onnxruntime and torch, {'and a GPU is there' if devices else 'on the CPU'}"


def _machine(data: Path) -> Iterator[Diagnosis]:
    room = "Machine"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Diagnosis(room, Judgement.GOOD, counted(cores, "core"))
    if (memory := _memory_bytes()) is not None:
        little = memory < _LITTLE_MEMORY_BYTES
        yield Diagnosis(
            room,
            Judgement.OPEN if little else Judgement.GOOD,
            f"{bytes_text(memory)} of memory",
            "vectors compressed by rq, or model2vec as the model, take less" if little else "",
        )
    yield _disk(room, data)
    yield from _open_files(room)


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # of Windows
        return None


def _disk(room: str, data: Path) -> Diagnosis:
    """Of the nearest folder above that is there: the data folder may have to be made."""
    there = next(one for one in (data.absolute(), *data.absolute().parents) if one.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        return Diagnosis(room, Judgement.BAD, f"{there} cannot be written", "name another folder with --data-path")
    usage = shutil.disk_usage(there)
    little = usage.free < _LITTLE_DISK_SHARE * usage.total
    return Diagnosis(
        room,
        Judgement.OPEN if little else Judgement.GOOD,
        f"{bytes_text(usage.free)} of {bytes_text(usage.total)} of disk are free at {data.absolute()}",
        "make room: a server that is nearly full takes no writes (DISK_USE_READONLY_PERCENTAGE)" if little else "",
    )


def _open_files(room: str) -> Iterator[Diagnosis]:
    try:
        import resource
    except ImportError:  # of Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = hard if hard != resource.RLIM_INFINITY else sys.maxsize  # a server raises its limit as far as it may
    text = "any number of" if limit == sys.maxsize else f"{limit:,}"
    if limit < _FEW_FILES:
        yield Diagnosis(room, Judgement.OPEN, f"only {text} files may be open", "raise it: ulimit -Hn 65536")
    else:
        yield Diagnosis(room, Judgement.GOOD, f"{text} files may be open")


def _server(arguments: argparse.Namespace) -> Iterator[Diagnosis]:
    room = "Server"
    try:
        with Connection(arguments) as server:
            meta = server.get("/v1/meta")
            yield Diagnosis(room, Judgement.GOOD, f"{server.url} answers, protocol {meta['version']}")
            own = meta.get("weft")
            if own is None:
                yield Diagnosis(room, Judgement.OPEN, "it is not Weft, or an earlier version of it")
            else:
                yield from _grpc(room, arguments, own["grpcPort"], own["grpcWire"])
                if own["version"] != __version__:
                    yield Diagnosis(
                        room, Judgement.OPEN, f"it is weft {own['version']}, and this command {__version__}"
                    )
    except OperatorError as error:
        yield Diagnosis(room, Judgement.OPEN, error.message)
    except WeftError as error:
        yield Diagnosis(room, Judgement.BAD, error.message)


def _grpc(room: str, arguments: argparse.Namespace, port: int, wire: str) -> Iterator[Diagnosis]:
    from weft.cli.server_address import ServerAddress

    host = ServerAddress.of(arguments).host.strip("[]")
    try:
        socket.create_connection((host, port), _CONNECT_TIMEOUT_S).close()
    except OSError as error:
        yield Diagnosis(
            room,
            Judgement.BAD,
            f"its gRPC port {host}:{port} cannot be reached: {error.strerror or error}",
            "open it, or publish it from the container: clients search over gRPC",
        )
        return
    yield Diagnosis(room, Judgement.GOOD, f"gRPC at {host}:{port}, carried by {wire}")
