"""``weft completion``: scripts that complete commands, flags, choices and names of collections in a shell.

A script is made of the parsers themselves. Names of collections come from the server that ``weft collections`` finds by
itself (``WEFT_HOST``, ``WEFT_PORT``, ``WEFT_URL``, ``WEFT_API_KEY``).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from weft.cli.parser import CommandParser, RootParser
from weft.domain.errors import Invalid

_NAMES = "weft collections --names 2>/dev/null"
_PATHS = ("FILE", "FOLDER", "PATH", "SOURCE", "TARGET")


@dataclass(frozen=True, slots=True)
class Completed:
    """What stands at one place of a command line. ``flags``: empty for a positional argument. ``choices``: the words
    that can stand there. ``is_repeated``: a positional argument that stands there any number of times."""

    flags: tuple[str, ...]
    help: str
    has_value: bool
    choices: tuple[str, ...]
    is_path: bool
    is_collection: bool
    is_repeated: bool = False


def completion(shell: str | None, root: RootParser) -> int:
    """Prints the script. Raises Invalid where the shell is not known."""
    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in _SCRIPTS:
        raise Invalid(f"name your shell: weft completion {'|'.join(_SCRIPTS)}")
    print(_SCRIPTS[name](root), end="")
    return 0


def _of(parser: CommandParser) -> Iterator[Completed]:
    for action in parser.actions():
        if action.help == argparse.SUPPRESS:
            continue
        metavar = action.metavar if isinstance(action.metavar, str) else ""
        yield Completed(
            tuple(action.option_strings),
            " ".join(((action.help or "") % {**vars(action), "prog": parser.prog}).split()),
            action.nargs != 0,
            tuple(str(one) for one in action.choices or ()),
            metavar.split("[")[0] in _PATHS,
            action.dest == "collection",
            action.nargs in ("*", "+"),
        )


def _parsers(root: RootParser) -> Mapping[str, CommandParser]:
    return root.commands.choices


# -- bash


def _bash(root: RootParser) -> str:
    cases = "\n".join(_bash_case(name, list(_of(parser))) for name, parser in _parsers(root).items())
    return f"""\
# bash completion of weft; keep it as ~/.local/share/bash-completion/completions/weft
_weft() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} flags= words=
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W "{" ".join(_parsers(root))} help --help --version" -- "$cur"))
        return
    fi
    case ${{COMP_WORDS[1]}} in
{cases}
    esac
    if [[ $cur == -* ]]; then
        words=$flags
    fi
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o bashdefault -o default -F _weft weft
"""


def _bash_case(name: str, completed: Sequence[Completed]) -> str:
    flags = " ".join(flag for one in completed for flag in one.flags)
    lines = [f"    {name})", f'        flags="{flags}"', "        case $prev in"]
    lines += [
        f"        {'|'.join(one.flags)}) words={words} ;;"
        for one in completed
        if one.flags and (words := _bash_words(one))
    ]
    positional = [one for one in completed if not one.flags]
    if positional and (words := _bash_words(positional[0])):
        lines.append(f"        {name}) words={words} ;;")
    return "\n".join([*lines, "        esac ;;"])


def _bash_words(one: Completed) -> str:
    if one.is_collection:
        return f"$({_NAMES})"
    return f'"{" ".join(one.choices)}"' if one.choices else ""


# -- zsh


def _zsh(root: RootParser) -> str:
    described = "\n".join(f"            {_quoted(f'{name}:{help}')}" for name, help in root.helps.items())
    cases = "\n".join(_zsh_case(name, list(_of(parser))) for name, parser in _parsers(root).items())
    return f"""\
#compdef weft
# zsh completion of weft; keep it as _weft in a folder of $fpath
_weft_collections() {{
    local -a names
    names=(${{(f)"$({_NAMES})"}})
    compadd -a names
}}
_weft() {{
    local state line
    _arguments -C '1:command:->command' '*::argument:->argument'
    case $state in
    command)
        local -a commands
        commands=(
{described}
        )
        _describe command commands ;;
    argument)
        case $line[1] in
{cases}
        esac ;;
    esac
}}
if [[ $funcstack[1] == _weft ]]; then
    _weft "$@"
else
    compdef _weft weft
fi
"""


def _zsh_case(name: str, completed: Sequence[Completed]) -> str:
    specs = []
    number = 0
    for one in completed:
        value = f":{_zsh_value(one)}" if one.has_value else ""
        specs += [f"{flag}[{_escaped(one.help)}]{value}" for flag in one.flags]
        if not one.flags:
            number += 1
            specs.append(f"{'*' if one.is_repeated else number}:{_zsh_value(one)}")
    joined = " \\\n            ".join(["_arguments", *map(_quoted, specs)])
    return f"        {name})\n            {joined} ;;"


def _zsh_value(one: Completed) -> str:
    if one.is_collection:
        return "collection:_weft_collections"
    if one.choices:
        return f"choice:({' '.join(one.choices)})"
    return "file:_files" if one.is_path else "value: "


def _escaped(help: str) -> str:
    """For a description in brackets."""
    return help.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


# -- fish


def _fish(root: RootParser) -> str:
    lines = ["# fish completion of weft; keep it as ~/.config/fish/completions/weft.fish", "complete -c weft -f"]
    for name, help in root.helps.items():
        lines.append(f"complete -c weft -n __fish_use_subcommand -a {name} -d {_fish_quoted(help)}")
    for name, parser in _parsers(root).items():
        condition = f"complete -c weft -n '__fish_seen_subcommand_from {name}'"
        for one in _of(parser):
            described = f" -d {_fish_quoted(one.help)}" if one.flags else ""
            lines.append(f"{condition}{_fish_flags(one.flags)}{_fish_value(one)}{described}")
    return "\n".join(lines) + "\n"


def _fish_flags(flags: Sequence[str]) -> str:
    return "".join(f" -l {flag[2:]}" if flag.startswith("--") else f" -s {flag[1:]}" for flag in flags)


def _fish_value(one: Completed) -> str:
    if one.is_collection:
        return f"{' -x' if one.flags else ''} -a '({_NAMES})'"
    if one.choices:
        return f"{' -x' if one.flags else ''} -a {_fish_quoted(' '.join(one.choices))}"
    if one.is_path:
        return " -r -F" if one.flags else " -F"
    return " -x" if one.flags and one.has_value else ""


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_SCRIPTS: Mapping[str, Callable[[RootParser], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
