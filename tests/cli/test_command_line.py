"""The command line itself: help, suggestions, colours, completion."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from command import ENVIRON, run
from weft.cli import command_names
from weft.cli.parser import GROUPS


def test_help_lists_every_command_once_in_a_group() -> None:
    lines = run("--help", environ={"COLUMNS": "80"}).stdout.splitlines()
    listed = [line.split()[0] for line in lines if line.startswith("  ")]
    assert sorted(listed) == sorted(command_names())
    assert set(listed) <= {name for group in GROUPS.values() for name in group}
    assert max(map(len, lines)) <= 80
    assert run("help", "jobs").stdout == run("jobs", "--help").stdout
    bare = run()
    assert (bare.returncode, bare.stdout) == (2, "")
    assert bare.stderr == run("--help").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["serch", "x"], "weft: no command 'serch'; did you mean search?"),
        (["xyz"], "weft: no command 'xyz'; see weft --help"),
        (["status", "--jsn"], "weft status: unknown option --jsn; did you mean --json?"),
        (["status", "--zzz=3"], "weft status: unknown option --zzz; see weft status --help"),
        (["status", "Article"], "weft status: nothing takes the argument 'Article'"),
        (["import", "a.csv"], "weft import: the following arguments are required: --collection"),
    ],
)
def test_what_is_misspelt_is_refused_with_a_suggestion(arguments: list[str], words: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    usage, message = done.stderr.splitlines()
    assert usage.startswith("usage: weft ")
    assert message == words


def test_colours_are_for_terminals_and_can_be_turned_off() -> None:
    assert "\x1b[" not in run("--help").stdout
    assert "\x1b[1mRun a server:\x1b[0m" in run("--help", environ={"FORCE_COLOR": "1"}).stdout
    assert "\x1b[" not in run("--help", environ={"FORCE_COLOR": "1", "NO_COLOR": "1"}).stdout
    assert (
        run("serch", environ={"FORCE_COLOR": "1"}).stderr.splitlines()[1].startswith("\x1b[31mweft:\x1b[0m no command")
    )


def completed(tmp_path: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    (tmp_path / "weft").write_text(f"#!/bin/sh\nexec {sys.executable} -m weft $*\n")
    (tmp_path / "weft").chmod(0o755)
    (tmp_path / "completion").write_text(run("completion", "bash").stdout)
    line = " ".join(f"'{word}'" for word in ("weft", *words))
    script = (
        f". ./completion; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _weft; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    environ = {**ENVIRON, "PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(["/bin/bash", "-c", script], capture_output=True, env=environ, cwd=tmp_path, check=True)
    return done.stdout.decode().split()


def test_bash_completes_commands_flags_and_choices(tmp_path: Path) -> None:
    assert completed(tmp_path, "se") == ["serve", "search"]
    assert completed(tmp_path, "search", "Found", "x", "--js") == ["--json"]
    assert completed(tmp_path, "search", "Found", "x", "--by", "k") == ["keyword"]
    assert completed(tmp_path, "completion", "z") == ["zsh"]


def test_every_shell_has_a_script_with_every_command() -> None:
    for shell in ("bash", "zsh", "fish"):
        script = run("completion", shell).stdout
        assert all(name in script for name in command_names())
    assert run("completion", environ={"SHELL": "/usr/bin/fish"}).stdout == run("completion", "fish").stdout
    done = run("completion")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "weft: name your shell: weft completion bash|zsh|fish\n"
