"""Parsers of the command line: help in groups, and a suggestion for what is misspelt."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import NoReturn

from weft.cli.style import Style

GROUPS: Mapping[str, Sequence[str]] = {
    "Run a server": ("serve", "embedded", "mcp", "warm"),
    "Put data in, and take it out": ("import", "imports", "export", "copy", "delete"),
    "Look and search": ("status", "collections", "search", "eval"),
    "Models": ("models", "embed", "reembed"),
    "Operate": ("doctor", "check", "jobs", "backup", "restore", "move", "conform"),
    "This command": ("completion",),
}
"""The commands in the order of the help, by what a person wants to do."""
_OTHERS = "More"
_COLUMN = 15


class CommandParser(argparse.ArgumentParser):
    """One command. Headings are bold on a terminal; errors name the nearest flag."""

    def actions(self) -> list[argparse.Action]:
        """All flags and arguments."""
        return list(self._actions)

    def error(self, message: str) -> NoReturn:
        style = Style(sys.stderr)
        self.print_usage(sys.stderr)
        self.exit(2, f"{style.red(f'{self.prog}:')} {message}\n")

    def refuse(self, unknown: Sequence[str]) -> NoReturn:
        """``unknown``: what no flag and no argument of the command takes."""
        first = unknown[0]
        if not first.startswith("-"):
            self.error(f"nothing takes the argument {first!r}")
        flag = first.partition("=")[0]
        near = nearest(flag, self._option_string_actions)
        self.error(f"unknown option {flag}" + (f"; did you mean {near}?" if near else f"; see {self.prog} --help"))

    def format_usage(self) -> str:
        self._shorten_usage()
        return super().format_usage()

    def _shorten_usage(self) -> None:
        """Only what has to be given is in the usage; the options are listed below it."""
        if self.usage is None:
            needed = [one for one in self._actions if one.required or not one.option_strings]
            formatter = self._get_formatter()
            formatter.add_usage(None, needed, [], prefix="")
            self.usage = formatter.format_help().strip().replace(self.prog, f"{self.prog} [OPTIONS]", 1)

    def format_help(self) -> str:
        self._shorten_usage()
        style = Style()
        lines = super().format_help().splitlines()
        return "".join(f"{style.bold(line) if _is_heading(line) else line}\n" for line in lines)


class RootParser(CommandParser):
    """``weft`` itself. ``helps``: a line for each command, by its name."""

    def __init__(self, *, version: str, description: str) -> None:
        super().__init__(prog="weft", description=description, allow_abbrev=False)
        self.add_argument("--version", action="version", version=f"weft {version}")
        self.commands = self.add_subparsers(metavar="COMMAND", required=True, parser_class=CommandParser)
        self.usage = "weft COMMAND [ARGUMENTS]"
        self.helps: dict[str, str] = {}

    def parse(self, argv: Sequence[str]) -> argparse.Namespace:
        """Exits with 2 for a wrong command line, and with 0 after help."""
        words = list(argv)
        if words[:1] == ["help"]:
            words = [*words[1:2], "--help"]
        if not words:
            self.print_help(sys.stderr)
            self.exit(2)
        if words and not words[0].startswith("-") and words[0] not in self.helps:
            near = nearest(words[0], self.helps)
            self.error(f"no command {words[0]!r}; " + (f"did you mean {near}?" if near else "see weft --help"))
        arguments, unknown = self.parse_known_args(words)
        if unknown:
            arguments.parser.refuse(unknown)
        return arguments

    def format_help(self) -> str:
        style = Style()
        lines = [f"{style.bold('usage:')} {self.usage}", "", self.description or ""]
        for title, names in _groups(self.helps):
            lines += ["", style.bold(f"{title}:")]
            lines += [f"  {style.cyan(name.ljust(_COLUMN - 3))} {self.helps[name]}" for name in names]
        lines += ["", "weft COMMAND --help has the options of a command."]
        return "\n".join(lines) + "\n"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """What was probably meant by ``word``."""
    found = get_close_matches(word, list(known), n=1, cutoff=0.65)
    return found[0] if found else None


def _groups(names: Iterable[str]) -> list[tuple[str, list[str]]]:
    known = set(names)
    found = [(title, [name for name in group if name in known]) for title, group in GROUPS.items()]
    others = sorted(known - {name for group in GROUPS.values() for name in group})
    return [(title, group) for title, group in [*found, (_OTHERS, others)] if group]


def _is_heading(line: str) -> bool:
    return line.endswith(":") and not line.startswith(" ")
