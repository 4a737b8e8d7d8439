"""The server's log on standard error: lines of text, or JSON for a log collector (LOG_FORMAT).

A call may add ``extra={"facts": {name: value}}``: JSON has them as fields, a line of text at its end.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from weft.settings.server import LogSettings

_MAX_FACT_CHARS = 200
_NOISY = ("uvicorn", "httpx", "httpcore", "faiss")
"""Libraries that log only warnings, unless the level is debug."""


class TextLines(logging.Formatter):
    """A message is always one line, whatever text from callers it contains; a traceback follows it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        facts = "".join(f" {name}={_quoted(value)}" for name, value in _facts(record).items())
        record.message = "".join(c if c.isprintable() else repr(c)[1:-1] for c in record.message)
        return super().formatMessage(record) + facts


class JsonLines(logging.Formatter):
    """``time`` (RFC 3339), ``level``, ``logger``, ``msg``, facts, and the traceback as ``error`` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(line).decode()
        except orjson.JSONEncodeError:  # a lone surrogate, or a fact without a JSON form; no line may be lost
            return json.dumps(line, default=str)


def _facts(record: logging.LogRecord) -> Mapping[str, Any]:
    found: Mapping[str, Any] = getattr(record, "facts", {})
    return found


def _quoted(value: object) -> str:
    """Bare if it is one word, otherwise quoted: names from callers must not look like another line."""
    text = str(value).lower() if isinstance(value, bool) else str(value)[:_MAX_FACT_CHARS]
    return text if text and text.isprintable() and " " not in text else repr(text)


def log_to_stderr(settings: LogSettings) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.format == "json" else TextLines())
    logging.basicConfig(level=settings.level.upper(), handlers=[handler])
    if settings.level != "debug":
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        for noisy in _NOISY:
            logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))
