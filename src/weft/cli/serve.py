"""``weft serve``."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from weft import __version__
from weft.cli.arguments import given_settings
from weft.config import load_settings

if TYPE_CHECKING:
    from weft.app import App


def serve(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM, then finish what was begun."""
    started = time.perf_counter()
    settings = load_settings(given_settings(arguments), file=Path(arguments.config) if arguments.config else None)
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    from weft.app import App

    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    app = App(settings)
    app.start()
    for line in _banner(app, time.perf_counter() - started):
        print(line, flush=True)
    stop.wait()
    print("stopping: finishing what was begun", flush=True)
    app.stop()
    return 0


def _banner(app: App, took_s: float) -> list[str]:
    settings = app.settings
    held = app.summary()
    return [
        f"weft {__version__}, ready in {took_s:.2f} s",
        f"  REST     http://{settings.host}:{app.rest_port}",
        f"  gRPC     {settings.host}:{app.grpc_port}",
        f"  data     {settings.data_path.resolve()} ({held.collections} collections, {held.objects} objects)",
        f"  modules  {', '.join(held.modules) or 'none'}",
    ]
