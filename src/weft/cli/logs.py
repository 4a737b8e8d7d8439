"""The server's log on standard error: lines for people, or JSON for whatever collects them (LOG_FORMAT)."""

from __future__ import annotations

import logging
import os
import sys
from datetime import UTC, datetime

import orjson

from weft.config import Settings

_NOISY = ("uvicorn", "httpx", "httpcore", "faiss")
"""Libraries that speak up only when something is wrong, or when asked for details."""


class JsonLines(logging.Formatter):
    """``time`` (RFC 3339), ``level``, ``logger``, ``msg``, and ``error`` with the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


def log_to_stderr(settings: Settings) -> None:
    handler = logging.StreamHandler(sys.stderr)
    if settings.log_format == "json":
        handler.setFormatter(JsonLines())
    else:
        people = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
        handler.setFormatter(logging.Formatter(people, datefmt="%Y-%m-%dT%H:%M:%S%z"))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    if settings.log_level != "debug":
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        for noisy in _NOISY:
            logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))
