"""``weft serve``."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from weft import __version__
from weft.cli import process
from weft.cli.arguments import given_settings
from weft.cli.logs import log_to_stderr
from weft.cli.table import counted
from weft.config import load_settings

if TYPE_CHECKING:
    from weft.app import App

_log = logging.getLogger(__name__)
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_WIDTH = 110
_SIGNAL_POLL_S = 0.5
"""A signal does not wake the main thread when the system delivers it to another thread, or just before the main thread
begins to wait; and Python handles signals only there."""

_LABEL = "  {:<9}"


def serve(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM, then finish the requests in progress, within the time that the settings allow.

    A second signal ends the process immediately, and so does one before the server is ready.
    """
    started = time.perf_counter()
    settings = load_settings(given_settings(arguments), file=Path(arguments.config) if arguments.config else None)
    log_to_stderr(settings.log)
    process.prepare()
    if settings.access.anonymous and not _is_loopback(settings.server.host):
        _log.warning(
            "anyone who can reach %s may read and change everything; see --anonymous-access", settings.server.host
        )
    from weft.app import App

    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        _let_signals_end()
        stop.set()
        if not ready:
            raise KeyboardInterrupt

    ready = False
    for number in _SIGNALS:
        signal.signal(number, on_signal)
    report = _log_lines if settings.log.format == "json" else _print_lines
    app = App(settings)
    try:
        app.start()
        ready = True
    except KeyboardInterrupt:
        report(["stopped before it was ready"], {})
        return _leave(0)
    report(_banner(app, time.perf_counter() - started), _facts(app))
    while not stop.wait(_SIGNAL_POLL_S):
        pass
    report(["stopping: finishing requests in progress"], {})
    threading.Thread(
        target=_end_after, args=(settings.server.shutdown_timeout_s,), name="weft-end", daemon=True
    ).start()
    app.stop()
    report(["stopped"], {})
    return _leave(0)


def _let_signals_end() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def _end_after(timeout_s: float) -> None:
    """End the process if stopping takes longer. Everything acknowledged is on disk by then."""
    time.sleep(timeout_s)
    _log.error(
        "stopping took longer than %g s (WEFT_SHUTDOWN_TIMEOUT), so the process ends now; nothing acknowledged is "
        "lost, and the next start brings the indexes up to date",
        timeout_s,
    )
    _leave(1)


def _leave(status: int) -> NoReturn:
    """Exit with this status, without waiting for threads that hang, as on a provider that does not answer.

    Python ends itself by SIGINT once a KeyboardInterrupt has passed through an ``exec`` of text, wherever caught.
    """
    sys.stdout.flush()
    logging.shutdown()
    os._exit(status)


def _print_lines(lines: Sequence[str], facts: Mapping[str, object]) -> None:
    print("\n".join(lines), flush=True)


def _log_lines(lines: Sequence[str], facts: Mapping[str, object]) -> None:
    """One line of the log."""
    _log.info(lines[0], extra={"facts": facts})


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _facts(app: App) -> dict[str, object]:
    """The facts in the banner's lines below the first."""
    settings, holds = app.settings, app.summary()
    return {
        "rest": f"http://{settings.server.host}:{app.rest_port}",
        "grpc": f"{settings.server.host}:{app.grpc_port}",
        "grpc_wire": app.grpc_wire,
        "metrics": f"http://{settings.server.host}:{app.metrics_port}/metrics" if app.metrics_port else "",
        "data": str(settings.storage.data_path.resolve()),
        "collections": holds.collections,
        "objects": holds.objects,
        "modules": holds.modules,
    }


def _banner(app: App, took_s: float) -> list[str]:
    settings = app.settings
    holds = app.summary()
    counts = f"{counted(holds.collections, 'collection')}, {counted(holds.objects, 'object')}"
    modules = _LABEL.format("modules") + (", ".join(holds.modules) or "none")
    return [
        f"weft {__version__}, ready in {took_s:.2f} s",
        _LABEL.format("REST") + f"http://{settings.server.host}:{app.rest_port}",
        _LABEL.format("gRPC") + f"{settings.server.host}:{app.grpc_port} ({app.grpc_wire})",
        *(
            [_LABEL.format("metrics") + f"http://{settings.server.host}:{app.metrics_port}/metrics"]
            if app.metrics_port
            else []
        ),
        _LABEL.format("data") + f"{settings.storage.data_path.resolve()} ({counts})",
        *textwrap.wrap(modules, _WIDTH, subsequent_indent=_LABEL.format(""), break_on_hyphens=False),
        _LABEL.format("stop") + "Ctrl-C",
    ]
