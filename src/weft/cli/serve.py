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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from weft import __version__
from weft.cli import process
from weft.cli.arguments import given_settings
from weft.cli.exposure import exposures
from weft.cli.logs import log_to_stderr
from weft.config import Settings, load_settings
from weft.domain.address import EngineAddress, public_address
from weft.domain.counts import counted
from weft.settings.server import is_loopback

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

    A second signal ends the process immediately, and so does one before the server is ready. SIGHUP stops a server
    whose terminal is closed; one without a terminal continues.
    """
    started = time.perf_counter()
    flags, file = given_settings(arguments), Path(arguments.config) if arguments.config else None
    settings = load_settings(flags, file=file)
    log_to_stderr(settings.log)
    process.prepare()
    for sentence in exposures(settings, flags, file):
        _log.warning("%s", sentence)
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
    hung_up = _on_hangup(on_signal)
    report = _log_lines if settings.log.format == "json" else _print_lines
    app = App(settings, warm_first=True)
    if settings.metrics.enabled and settings.access.has_users and not is_loopback(app.metrics_host):
        _log.warning("anyone who can reach %s may read all metrics; see --metrics-host", app.metrics_host)
    try:
        app.start()
        ready = True
    except KeyboardInterrupt:
        report(["stopped before it was ready"], {})
        return _leave(0)
    process.settle()
    report(_banner(app, time.perf_counter() - started), _facts(app))
    while not stop.wait(_SIGNAL_POLL_S):
        if hung_up.is_set():
            hung_up.clear()
            _log.info("SIGHUP: replaced certificates are in use within a second; other settings change with a restart")
    report(["stopping: finishing requests in progress"], {})
    threading.Thread(
        target=_end_after, args=(settings.server.shutdown_timeout_s,), name="weft-end", daemon=True
    ).start()
    app.stop()
    report(["stopped"], {})
    return _leave(0)


def _on_hangup(stop: Callable[[int, FrameType | None], None]) -> threading.Event:
    """Set by each SIGHUP that is no reason to stop. ``nohup`` is left to ignore them."""
    hung_up = threading.Event()
    if sys.platform == "win32" or signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return hung_up
    in_terminal, printed = os.isatty(0), [fd for fd in (1, 2) if os.isatty(fd)]

    def on_hangup(number: int, frame: FrameType | None) -> None:
        if not in_terminal:
            hung_up.set()
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for fd in printed:  # each write to a terminal that is closed fails
            os.dup2(nowhere, fd)
        stop(number, frame)

    signal.signal(signal.SIGHUP, on_hangup)
    return hung_up


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


def _facts(app: App) -> dict[str, object]:
    """The facts in the banner's lines below the first."""
    settings, holds = app.settings, app.summary()
    return {
        "rest": app.rest_address,
        "grpc": f"{settings.server.host}:{app.grpc_port}",
        "grpc_wire": app.grpc_wire,
        "grpc_tls": settings.tls.grpc is not None,
        "processes": app.processes,
        "metrics": f"http://{app.metrics_host}:{app.metrics_port}/metrics" if app.metrics_port else "",
        "data": str(settings.storage.data_path.resolve()),
        "engine": EngineAddress.of(settings.storage.engine).public,
        "catalog": _catalog(settings),
        "collections": holds.collections,
        "objects": holds.objects,
        "modules": holds.modules,
    }


def _banner(app: App, took_s: float) -> list[str]:
    settings = app.settings
    holds = app.summary()
    counts = f"{counted(holds.collections, 'collection')}, {counted(holds.objects, 'object')}"
    carried = app.grpc_wire if settings.tls.grpc is None else f"{app.grpc_wire}, TLS"
    engine = EngineAddress.of(settings.storage.engine)
    modules = _LABEL.format("modules") + (", ".join(holds.modules) or "none")
    return [
        f"weft {__version__}, ready in {took_s:.2f} s",
        _LABEL.format("REST") + app.rest_address,
        _LABEL.format("gRPC") + f"{settings.server.host}:{app.grpc_port} ({carried})",
        *([_LABEL.format("searches") + f"in {app.processes} processes"] if app.processes > 1 else []),
        *(
            [_LABEL.format("metrics") + f"http://{app.metrics_host}:{app.metrics_port}/metrics"]
            if app.metrics_port
            else []
        ),
        _LABEL.format("data") + f"{settings.storage.data_path.resolve()} ({counts})",
        *([_LABEL.format("engine") + engine.public] if engine.url else []),
        *([_LABEL.format("catalog") + catalog] if (catalog := _catalog(settings)) else []),
        *textwrap.wrap(modules, _WIDTH, subsequent_indent=_LABEL.format(""), break_on_hyphens=False),
        _LABEL.format("stop") + "Ctrl-C",
    ]


def _catalog(settings: Settings) -> str:
    """The address of a catalog that servers share, without its secrets; empty where it is in the data folder."""
    catalog = settings.storage.catalog
    return public_address(catalog, "catalog") if catalog else ""
