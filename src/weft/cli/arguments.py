"""Flags that several commands share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from weft.config import Settings
from weft.settings.setting import Setting, sections

_METAVARS: dict[type, str] = {bool: "true|false", int: "N", tuple: "A,B"}


class HelpFormatter(argparse.HelpFormatter):
    """Help in two columns, wide enough that most texts take one line."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=36)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """A flag for each setting of the server; ``--config`` names a TOML file with any of them."""
    parser.usage = "weft serve [--config FILE] [--SETTING VALUE ...]"
    parser.description = (
        "Serve the data folder until SIGTERM or Ctrl-C. A flag takes precedence over its environment variable, "
        "and that over the TOML file. Brackets hold the variable and the default."
    )
    parser.add_argument(
        "--config", metavar="FILE", default=os.environ.get("WEFT_CONFIG"), help="TOML file with settings [WEFT_CONFIG]"
    )
    for title, settings in sections(Settings):
        section = parser.add_argument_group(title)
        for setting in settings:
            section.add_argument(
                "--" + setting.key.replace("_", "-"),
                dest=f"setting_{setting.key}",
                metavar=_metavar(setting),
                help=f"{setting.help} [{setting.env}{_default(setting.default)}]",
            )


def given_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings that the command line states."""
    return {
        name.removeprefix("setting_"): value
        for name, value in vars(arguments).items()
        if name.startswith("setting_") and value is not None
    }


def add_connection(parser: argparse.ArgumentParser, *, grpc: bool = False) -> None:
    """The flags that name the server. Defaults are strings, so that argparse checks environment variables too."""
    group = parser.add_argument_group("server")
    group.add_argument(
        "--host",
        default=os.environ.get("WEFT_HOST", "127.0.0.1"),
        metavar="ADDRESS",
        help="the server's address (default: %(default)s)",
    )
    group.add_argument(
        "--port",
        type=int,
        default=os.environ.get("WEFT_PORT", "8080"),
        metavar="N",
        help="its REST port (default: %(default)s)",
    )
    if grpc:
        group.add_argument(
            "--grpc-port",
            type=int,
            default=os.environ.get("GRPC_PORT"),
            metavar="N",
            help="its gRPC port (default: the one that the server itself names)",
        )
    group.add_argument(
        "--url",
        default=os.environ.get("WEFT_URL"),
        metavar="URL",
        help="its address in place of --host and --port, such as https://host:8080 [WEFT_URL]",
    )
    for flag, variable, what in (
        ("--ca-certificate", "WEFT_CA_CERTIFICATE", "PEM file of the authority to trust, for a server that speaks TLS"),
        ("--client-certificate", "WEFT_CLIENT_CERTIFICATE", "PEM file of a certificate, for one that asks for it"),
        ("--client-key", "WEFT_CLIENT_KEY", "PEM file of its private key"),
    ):
        group.add_argument(flag, default=os.environ.get(variable), metavar="FILE", help=f"{what} [{variable}]")
    group.add_argument(
        "--api-key", default=os.environ.get("WEFT_API_KEY"), metavar="KEY", help="API key [WEFT_API_KEY]"
    )


def _metavar(setting: Setting) -> str:
    if isinstance(setting.default, Path):
        return "FOLDER"
    return _METAVARS.get(type(setting.default), "VALUE")


def _default(default: object) -> str:
    if isinstance(default, bool):
        return f", {str(default).lower()}"
    text = ",".join(default) if isinstance(default, Sequence) and not isinstance(default, str) else str(default)
    return f", {text}" if text else ""
