"""The command ``weft``: start a server, look at it, import into it, search it, back it up; embed without one."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence

from weft import __version__
from weft.cli.arguments import HelpFormatter, add_settings
from weft.cli.evaluation.options import add_eval
from weft.cli.move.options import add_move
from weft.cli.options import (
    add_backup,
    add_check,
    add_collections,
    add_completion,
    add_conform,
    add_copy,
    add_delete,
    add_doctor,
    add_embed,
    add_embedded,
    add_export,
    add_import,
    add_imports,
    add_jobs,
    add_mcp,
    add_models,
    add_reembed,
    add_restore,
    add_search,
    add_status,
)
from weft.cli.parser import RootParser
from weft.cli.style import Style
from weft.domain.errors import WeftError


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 failed (the message says why), 2 a wrong command line, 130 after Ctrl-C, 141 when no
    reader of the output is left."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for names and terminals that are not UTF-8
    arguments = _parser().parse(sys.argv[1:] if argv is None else argv)
    try:
        status = int(arguments.run(arguments))
        if sys.stdout is not None:
            sys.stdout.flush()
    except WeftError as error:
        print(f"{_weft()} {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _discard_output()
        return 141
    except OSError as error:
        print(f"{_weft()} {error.filename or 'standard output'}: {error.strerror}", file=sys.stderr)
        _discard_output()
        return 1
    except UnicodeEncodeError as error:
        print(f"{_weft()} {error.object[:80]!r} is not UTF-8", file=sys.stderr)
        return 1
    return status


def _discard_output() -> None:
    """What is left in the buffer goes nowhere, or Python would fail once more at its exit."""
    if sys.stdout is not None:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 – no path of ours
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _weft() -> str:
    """Begins the line of an error."""
    return Style(sys.stderr).red("weft:")


def _parser() -> RootParser:
    parser = RootParser(
        version=__version__, description="A multimodal, multi-vector search server that speaks Weaviate's protocol."
    )
    _add(parser, "serve", _serve, "start a server on a data folder", add_settings)
    _add(parser, "status", _status, "show what a running server holds", add_status)
    _add(parser, "import", _import, "import JSON Lines, JSON, CSV, Parquet or Arrow files", add_import)
    _add(parser, "search", _search, "search a collection by meaning, by keyword, or both", add_search)
    _add(parser, "eval", _eval, "find out which way to search a collection answers best", add_eval)
    _add(parser, "collections", _collections, "list the collections, or describe one", add_collections)
    _add(parser, "doctor", _doctor, "say what is installed, what runs, and what stands in the way", add_doctor)
    _add(parser, "export", _export, "write a collection as JSON Lines or Parquet, for import", add_export)
    _add(parser, "copy", _copy, "copy a collection under another name", add_copy)
    _add(parser, "delete", _delete, "delete a collection, or objects of it", add_delete)
    _add(parser, "embed", _embed, "print or write the vectors of files, or of standard input", add_embed)
    _add(parser, "models", _models, "list the models on this machine, fetch, check or export one", add_models)
    _add(parser, "embedded", _embedded, "have weaviate.connect_to_embedded() run Weft", add_embedded)
    _add(parser, "backup", _backup, "back up collections, or list the backups", add_backup)
    _add(parser, "restore", _restore, "restore collections from a backup", add_restore)
    _add(parser, "warm", _warm, "compile the kernels for this machine ahead of the first start", lambda parser: None)
    _add(parser, "check", _check, "check a data folder while no server has it open; repair it", add_check)
    _add(parser, "conform", _conform, "check that a cluster keeps what Weft promises, as its engine", add_conform)
    _add(parser, "move", _move, "move collections from one server, engine or folder to another", add_move)
    _add(parser, "jobs", _jobs, "list running jobs, such as backups; pause, resume or cancel one", add_jobs)
    _add(parser, "mcp", _mcp, "offer a server's tools to language models, over MCP", add_mcp)
    _add(parser, "reembed", _reembed, "make the vectors of stored objects again by another model", add_reembed)
    _add(parser, "completion", _completion, "print a script that completes words in a shell", add_completion)
    _add(parser, "imports", _imports, "report what the server stored and refused of imports", add_imports)
    return parser


def command_names() -> list[str]:
    return list(_parser().helps)


def _add(
    root: RootParser,
    name: str,
    run: Callable[[argparse.Namespace], int],
    help: str,
    add_arguments: Callable[[argparse.ArgumentParser], None],
) -> None:
    root.helps[name] = help
    parser = root.commands.add_parser(
        name,
        description=help[0].upper() + help[1:] + ".",
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    add_arguments(parser)
    parser.set_defaults(run=run, parser=parser)


def _serve(arguments: argparse.Namespace) -> int:
    from weft.cli.serve import serve

    return serve(arguments)


def _status(arguments: argparse.Namespace) -> int:
    from weft.cli.status import status

    return status(arguments)


def _import(arguments: argparse.Namespace) -> int:
    from weft.cli.importing import import_files

    return import_files(arguments)


def _search(arguments: argparse.Namespace) -> int:
    from weft.cli.searching import search

    return search(arguments)


def _eval(arguments: argparse.Namespace) -> int:
    from weft.cli.evaluation.command import evaluate

    return evaluate(arguments)


def _embed(arguments: argparse.Namespace) -> int:
    from weft.cli.embedding import embed

    return embed(arguments)


def _models(arguments: argparse.Namespace) -> int:
    from weft.cli.models import models

    return models(arguments)


def _embedded(arguments: argparse.Namespace) -> int:
    from weft.cli.embedded_client import embedded

    return embedded(arguments)


def _backup(arguments: argparse.Namespace) -> int:
    from weft.cli.archiving import backup

    return backup(arguments)


def _restore(arguments: argparse.Namespace) -> int:
    from weft.cli.archiving import restore

    return restore(arguments)


def _warm(arguments: argparse.Namespace) -> int:
    from weft.cli.warming import warm_up

    return warm_up()


def _check(arguments: argparse.Namespace) -> int:
    from weft.cli.check import check

    return check(arguments)


def _conform(arguments: argparse.Namespace) -> int:
    from weft.cli.conform import conform

    return conform(arguments)


def _move(arguments: argparse.Namespace) -> int:
    from weft.cli.move.command import move

    return move(arguments)


def _reembed(arguments: argparse.Namespace) -> int:
    from weft.cli.reembedding import reembed

    return reembed(arguments)


def _jobs(arguments: argparse.Namespace) -> int:
    from weft.cli.jobs import jobs

    return jobs(arguments)


def _mcp(arguments: argparse.Namespace) -> int:
    from weft.cli.mcp import mcp

    return mcp(arguments)


def _completion(arguments: argparse.Namespace) -> int:
    from weft.cli.completion import completion

    return completion(arguments.shell, _parser())


def _collections(arguments: argparse.Namespace) -> int:
    from weft.cli.collections import collections

    return collections(arguments)


def _copy(arguments: argparse.Namespace) -> int:
    from weft.cli.copying import copy

    return copy(arguments)


def _delete(arguments: argparse.Namespace) -> int:
    from weft.cli.deleting import delete

    return delete(arguments)


def _export(arguments: argparse.Namespace) -> int:
    from weft.cli.exporting import export

    return export(arguments)


def _doctor(arguments: argparse.Namespace) -> int:
    from weft.cli.doctor import doctor

    return doctor(arguments)


def _imports(arguments: argparse.Namespace) -> int:
    from weft.cli.import_reports import imports

    return imports(arguments)
