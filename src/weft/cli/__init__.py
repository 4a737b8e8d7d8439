"""The command ``weft``: start a server, look at it, import into it, search it, back it up; embed without one."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from weft import __version__
from weft.cli.arguments import HelpFormatter, add_connection, add_settings
from weft.domain.errors import WeftError

if TYPE_CHECKING:
    _Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 failed (the message says why), 2 a wrong command line, 130 after Ctrl-C, 141 when no
    reader of the output is left."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for names and terminals that are not UTF-8
    arguments = _parser().parse_args(argv)
    try:
        status = int(arguments.run(arguments))
        if sys.stdout is not None:
            sys.stdout.flush()
    except WeftError as error:
        print(f"weft: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _discard_output()
        return 141
    except OSError as error:
        print(f"weft: {error.filename or 'standard output'}: {error.strerror}", file=sys.stderr)
        _discard_output()
        return 1
    except UnicodeEncodeError as error:
        print(f"weft: {error.object[:80]!r} is not UTF-8", file=sys.stderr)
        return 1
    return status


def _discard_output() -> None:
    """What is left in the buffer goes nowhere, or Python would fail once more at its exit."""
    if sys.stdout is not None:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 – no path of ours
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="weft",
        description="A multimodal, multi-vector search server that speaks Weaviate's protocol.",
        epilog="Run weft COMMAND --help for the options of a command.",
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"weft {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add(commands, "serve", _serve, "start a server on a data folder", add_settings)
    _add(commands, "status", _status, "show what a running server holds", _add_status)
    _add(commands, "import", _import, "import JSON Lines, JSON or CSV files", _add_import)
    _add(commands, "search", _search, "search a collection by meaning, by keyword, or both", _add_search)
    _add(commands, "embed", _embed, "print or write the vectors of files, or of lines on standard input", _add_embed)
    _add(commands, "models", _models, "list the models on this machine, fetch one, or check one", _add_models)
    _add(commands, "embedded", _embedded, "have weaviate.connect_to_embedded() run Weft", _add_embedded)
    _add(commands, "backup", _backup, "back up collections, or list the backups", _add_backup)
    _add(commands, "restore", _restore, "restore collections from a backup", _add_restore)
    _add(commands, "jobs", _jobs, "list running backups, restores and exports; pause, resume or cancel one", _add_jobs)
    return parser


def _add(
    commands: _Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    help: str,
    add_arguments: Callable[[argparse.ArgumentParser], None],
) -> None:
    parser = commands.add_parser(
        name,
        help=help,
        description=help[0].upper() + help[1:] + ".",
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def _add_status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_connection(parser)


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a .jsonl, .json or .csv file; - reads JSON Lines from standard input"
    )
    parser.add_argument(
        "--collection", required=True, metavar="NAME", help="the collection to import into; created when missing"
    )
    parser.add_argument(
        "--vectorizer",
        metavar="MODULE",
        help="vectorizer of a collection that is created (default: text2vec-transformers, or none with --vector-field)",
    )
    parser.add_argument(
        "--id-field",
        metavar="FIELD",
        help="the field that holds the uuid; without it, uuids are derived from the rows, so a second import changes "
        "nothing",
    )
    parser.add_argument(
        "--vector-field",
        metavar="FIELD",
        help="the field that holds the vector (a list of numbers) or the named vectors (an object of lists)",
    )
    parser.add_argument("--tenant", metavar="NAME", help="the tenant to import into")
    parser.add_argument(
        "--rejected",
        metavar="FILE",
        help="where to write rejected rows, one JSON line each with its error (default: FILE.rejected.jsonl)",
    )
    add_connection(parser)


def _add_search(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("collection", metavar="COLLECTION", help="the collection to search")
    parser.add_argument("text", metavar="TEXT", help="what to search for")
    parser.add_argument(
        "--by", choices=("meaning", "keyword", "both"), default="both", help="what to compare (default: %(default)s)"
    )
    parser.add_argument("--limit", type=int, default=5, metavar="N", help="number of hits (default: %(default)s)")
    parser.add_argument("--target", metavar="VECTOR", help="the vector to search, in a collection with several")
    parser.add_argument("--tenant", metavar="NAME", help="the tenant to search in")
    parser.add_argument("--json", action="store_true", help="print JSON Lines")
    add_connection(parser, grpc=True)


def _add_embed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="text, image, audio or video; - or none: lines of standard input"
    )
    parser.add_argument(
        "--module",
        metavar="NAME",
        help="default: text2vec-transformers, or multi2vec-bind where there are media",
    )
    parser.add_argument("--model", metavar="NAME", help="the model of the module (default: its own choice)")
    written = parser.add_mutually_exclusive_group()
    written.add_argument("--json", action="store_true", help="print JSON Lines with name, dims and vector")
    written.add_argument("--npy", metavar="FILE", help="write a NumPy array, one row per item")
    _add_models_path(parser)


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        choices=("list", "pull", "verify"),
        default="list",
        help="what to do (default: %(default)s)",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="the model to fetch or check")
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    _add_models_path(parser)
    add_connection(parser)


def _add_embedded(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("install", "remove"), help="what to do")
    parser.add_argument(
        "--version",
        nargs="+",
        metavar="VERSION",
        help="the versions of Weaviate that are asked for (default: the one that the installed client asks for)",
    )
    parser.add_argument(
        "--binary-path",
        metavar="FOLDER",
        help="the client's folder of programs (default: XDG_CACHE_HOME, or ~/.cache/weaviate-embedded)",
    )


def _add_models_path(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models-path",
        default=os.environ.get("WEFT_MODELS_PATH", ""),
        metavar="FOLDER",
        help="a folder of models, besides those in the wheel [WEFT_MODELS_PATH]",
    )


def _add_backup(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="?", metavar="ID", help="the backup's id; without it, all backups are listed")
    parser.add_argument("--base", metavar="ID", help="a backup to build on: what it holds is not stored again")
    parser.add_argument(
        "--compression",
        choices=("NoCompression", "BestSpeed", "DefaultCompression", "BestCompression"),
        default="DefaultCompression",
        help="how to compress (default: %(default)s)",
    )
    _add_archive(parser)


def _add_restore(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the backup's id")
    parser.add_argument("--overwrite-alias", action="store_true", help="let restored aliases replace existing ones")
    parser.add_argument("--roles", action="store_true", help="restore the roles too")
    parser.add_argument("--users", action="store_true", help="restore the users too")
    _add_archive(parser)


def _add_jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        choices=("list", "pause", "resume", "cancel"),
        default="list",
        help="what to do (default: %(default)s)",
    )
    parser.add_argument("id", nargs="?", metavar="ID", help="the job to pause, resume or cancel")
    parser.add_argument("--all", action="store_true", help="list ended jobs too")
    parser.add_argument("--json", action="store_true", help="print the list, or the job, as JSON")
    add_connection(parser)


def _add_archive(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--include", nargs="+", metavar="NAME", help="only these collections; * and ? are wildcards")
    parser.add_argument("--exclude", nargs="+", metavar="NAME", help="all collections but these")
    parser.add_argument(
        "--backend", default="filesystem", metavar="NAME", help="filesystem or s3 (default: %(default)s)"
    )
    parser.add_argument("--path", help="a folder, or path within the bucket, in place of the server's")
    parser.add_argument("--bucket", metavar="NAME", help="a bucket in place of the server's")
    add_connection(parser)


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


def _jobs(arguments: argparse.Namespace) -> int:
    from weft.cli.jobs import jobs

    return jobs(arguments)
