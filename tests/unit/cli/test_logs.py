"""Lines of the log as whatever collects them reads them."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from weft.cli.logs import JsonLines, TextLines


def test_a_line_is_one_json_object() -> None:
    record = logging.makeLogRecord(
        {"name": "weft.x", "levelname": "WARNING", "msg": "two\nlines of %s", "args": ("é",)}
    )
    line = JsonLines().format(record)
    assert "\n" not in line
    found = json.loads(line)
    assert (found["level"], found["logger"], found["msg"]) == ("warning", "weft.x", "two\nlines of é")
    assert found["time"].endswith("+00:00")


def test_an_error_has_its_traceback() -> None:
    try:
        raise ValueError("why")
    except ValueError as error:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": (ValueError, error, error.__traceback__)})
    assert "ValueError: why" in json.loads(JsonLines().format(record))["error"]


def test_facts_are_fields_of_json_and_the_end_of_a_line_for_people() -> None:
    record = logging.makeLogRecord({"name": "weft.x", "levelname": "WARNING", "msg": "slow query"})
    record.facts = {"class": "Things", "limit": 10, "tenant": "a\nb"}
    found = json.loads(JsonLines().format(record))
    assert (found["msg"], found["class"], found["limit"]) == ("slow query", "Things", 10)
    assert TextLines().format(record).endswith("weft.x: slow query class=Things limit=10 tenant='a\\nb'")


def test_no_line_is_lost_for_what_it_says() -> None:
    record = logging.makeLogRecord({"msg": "half a character: \udcff"})
    record.facts = {"where": Path("x")}
    found = json.loads(JsonLines().format(record))
    assert (found["msg"], found["where"]) == ("half a character: \udcff", "x")


def test_a_message_is_one_line_whatever_callers_put_into_it() -> None:
    record = logging.LogRecord(
        "weft.x", logging.WARNING, "", 0, "no class %s", ("A\n2026 ERROR all is lost\x1b[2J",), None
    )
    assert TextLines().format(record).endswith("no class A\\n2026 ERROR all is lost\\x1b[2J")
