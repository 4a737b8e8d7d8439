"""The command ``weft``: start a server, look at it, import into it, search it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from weft import __version__
from weft.cli.arguments import add_connection, add_settings
from weft.domain.errors import WeftError


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 something failed (the message says what), 2 the command line is off."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except WeftError as error:
        print(f"weft: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="weft", description="A multimodal, multi-vector search server that speaks Weaviate's protocol."
    )
    parser.add_argument("--version", action="version", version=f"weft {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    serve = commands.add_parser("serve", help="start a server on a data folder")
    add_settings(serve)
    serve.set_defaults(run=_serve)

    status = commands.add_parser("status", help="what a running server holds")
    add_connection(status)
    status.add_argument("--json", action="store_true", help="print JSON")
    status.set_defaults(run=_status)

    load = commands.add_parser("import", help="import JSON Lines, JSON or CSV files")
    load.add_argument(
        "files", nargs="+", metavar="FILE", help="a .jsonl, .json or .csv file; - reads JSON Lines from standard input"
    )
    load.add_argument("--collection", required=True, help="the collection to import into; made when missing")
    load.add_argument(
        "--vectorizer",
        default="text2vec-transformers",
        help="vectorizer of a collection that is made; none: no module (default: %(default)s)",
    )
    load.add_argument(
        "--id-field",
        metavar="FIELD",
        help="the field with the object's uuid; else one is made from the content, so importing twice changes nothing",
    )
    load.add_argument("--vector-field", metavar="FIELD", help="the field with the object's vector, a list of numbers")
    load.add_argument(
        "--rejected",
        metavar="FILE",
        help="where rejected objects go, one JSON line each with its error (default: FILE.rejected.jsonl)",
    )
    add_connection(load)
    load.set_defaults(run=_import)

    search = commands.add_parser("search", help="search a collection by meaning, by keyword, or both")
    search.add_argument("collection")
    search.add_argument("text", help="what to search for")
    search.add_argument("--by", choices=("meaning", "keyword", "both"), default="both", help="default: %(default)s")
    search.add_argument("--limit", type=int, default=5, help="hits (default: %(default)s)")
    search.add_argument("--json", action="store_true", help="print JSON Lines")
    add_connection(search)
    search.set_defaults(run=_search)
    return parser


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
