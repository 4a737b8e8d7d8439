"""``weft serve``."""

from __future__ import annotations

import argparse
import logging
import signal
import textwrap
import threading
import time
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from weft import __version__
from weft.cli import process
from weft.cli.arguments import given_settings
from weft.cli.logs import log_to_stderr
from weft.cli.table import counted
from weft.config import load_settings

if TYPE_CHECKING:
    from weft.app import App

_log = logging.getLogger(__name__)
_WIDTH = 110
_LABEL = "  {:<9}"


def serve(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM, then finish what was begun. A second signal ends the process at once."""
    started = time.perf_counter()
    settings = load_settings(given_settings(arguments), file=Path(arguments.config) if arguments.config else None)
    log_to_stderr(settings)
    process.prepare()
    if settings.anonymous_access and not _is_loopback(settings.host):
        _log.warning("anyone who can reach %s may read and change everything; see --anonymous-access", settings.host)
    from weft.app import App

    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop.set()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    app = App(settings)
    app.start()
    tell = _log_told if settings.log_format == "json" else _print_told
    tell(_banner(app, time.perf_counter() - started), _facts(app))
    stop.wait()
    tell(["stopping: finishing what was begun"], {})
    app.stop()
    tell(["stopped"], {})
    return 0


def _print_told(lines: Sequence[str], facts: Mapping[str, Any]) -> None:
    print("\n".join(lines), flush=True)


def _log_told(lines: Sequence[str], facts: Mapping[str, Any]) -> None:
    """One line of the log."""
    _log.info(lines[0], extra={"facts": facts})


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _facts(app: App) -> dict[str, Any]:
    """What the banner's lines below the first say."""
    settings, held = app.settings, app.summary()
    return {
        "rest": f"http://{settings.host}:{app.rest_port}",
        "grpc": f"{settings.host}:{app.grpc_port}",
        "metrics": f"http://{settings.host}:{app.metrics_port}/metrics" if app.metrics_port else "",
        "data": str(settings.data_path.resolve()),
        "collections": held.collections,
        "objects": held.objects,
        "modules": held.modules,
    }


def _banner(app: App, took_s: float) -> list[str]:
    settings = app.settings
    held = app.summary()
    holds = f"{counted(held.collections, 'collection')}, {counted(held.objects, 'object')}"
    modules = _LABEL.format("modules") + (", ".join(held.modules) or "none")
    return [
        f"weft {__version__}, ready in {took_s:.2f} s",
        _LABEL.format("REST") + f"http://{settings.host}:{app.rest_port}",
        _LABEL.format("gRPC") + f"{settings.host}:{app.grpc_port}",
        *(
            [_LABEL.format("metrics") + f"http://{settings.host}:{app.metrics_port}/metrics"]
            if app.metrics_port
            else []
        ),
        _LABEL.format("data") + f"{settings.data_path.resolve()} ({holds})",
        *textwrap.wrap(modules, _WIDTH, subsequent_indent=_LABEL.format(""), break_on_hyphens=False),
        _LABEL.format("stop") + "Ctrl-C",
    ]
