"""The flags of each command, except for ``serve``, whose flags are its settings."""

from __future__ import annotations

import argparse
import os

from weft.cli.arguments import add_connection

_WHERE = "a condition, such as year>=2020, title~*dune*, lang in de,en, or a filter in JSON; may be repeated"


def add_status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_connection(parser)


def add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a file (.jsonl, .json, .csv, .tsv, .parquet, .arrow), a folder of such, a name with * or ?, or any of "
        "them in a bucket (s3://bucket/…); - reads JSON Lines from standard input",
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
        help="the field that holds the id, a uuid or any other text or number (default: id, if the rows have it; "
        "otherwise ids are derived from the rows, so a second import changes nothing)",
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
    parser.add_argument(
        "--restart",
        action="store_true",
        help="begin again, where an earlier import of the same files did not come to its end",
    )
    add_connection(parser)


def add_search(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("collection", metavar="COLLECTION", help="the collection to search")
    parser.add_argument("text", metavar="TEXT", help="what to search for")
    parser.add_argument(
        "--by",
        choices=("meaning", "keyword", "both"),
        help="what to compare (default: both, or keyword where the collection has no vectorizer)",
    )
    parser.add_argument("--limit", type=int, default=5, metavar="N", help="number of hits (default: %(default)s)")
    parser.add_argument("--target", metavar="VECTOR", help="the vector to search, in a collection with several")
    parser.add_argument("--tenant", metavar="NAME", help="the tenant to search in")
    parser.add_argument("--where", action="append", metavar="CONDITION", help=f"only objects that match {_WHERE}")
    parser.add_argument(
        "--fields", type=lambda text: text.split(","), metavar="A,B", help="the properties to print (default: all)"
    )
    parser.add_argument("--rerank", metavar="PROPERTY", help="rerank the hits by this property")
    parser.add_argument("--explain", action="store_true", help="print where each score is from")
    parser.add_argument("--json", action="store_true", help="print JSON Lines")
    add_connection(parser, grpc=True)


def add_mcp(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Offer the tools of a server to a program that speaks MCP over standard input and output. The server is one "
        "that runs with MCP_SERVER_ENABLED=true, or with --data-path one of this command's own."
    )
    parser.add_argument(
        "--data-path", metavar="FOLDER", help="a data folder that no server has open, to be served while this runs"
    )
    parser.add_argument("--write", action="store_true", help="with --data-path: also tools that change what is stored")
    add_connection(parser)


def add_collections(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("collection", nargs="?", metavar="NAME", help="describe this one (default: list all)")
    printed = parser.add_mutually_exclusive_group()
    printed.add_argument("--json", action="store_true", help="print JSON: the schema, with the number of objects")
    printed.add_argument("--names", action="store_true", help="print only the names")
    add_connection(parser)


def add_delete(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("collection", metavar="COLLECTION", help="the collection that is deleted, or objects of it")
    parser.add_argument("--where", action="append", metavar="CONDITION", help=f"only objects that match {_WHERE}")
    parser.add_argument("--tenant", metavar="NAME", help="the tenant that is deleted, or objects of it")
    parser.add_argument("--dry-run", action="store_true", help="say how much would be deleted, and delete nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_connection(parser)


def add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument(
        "--data-path",
        default=os.environ.get("PERSISTENCE_DATA_PATH") or "weft-data",
        metavar="FOLDER",
        help="the data folder (default: %(default)s)",
    )
    _add_models_path(parser)
    add_connection(parser)


def add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("collection", metavar="COLLECTION", help="the collection to export")
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="where to: .jsonl, or .parquet; - for JSON Lines on standard output (default: COLLECTION.jsonl)",
    )
    parser.add_argument("--tenant", metavar="NAME", help="only this tenant (default: all)")
    parser.add_argument("--no-vectors", action="store_true", help="leave out the vectors")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    add_connection(parser)


def add_copy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("collection", metavar="COLLECTION", help="the collection to copy")
    parser.add_argument("name", metavar="NAME", help="the name of the copy")
    parser.add_argument(
        "--rejected", metavar="FILE", help="where to write rejected objects (default: NAME.rejected.jsonl)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_connection(parser)


def add_embed(parser: argparse.ArgumentParser) -> None:
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
    rows = parser.add_argument_group("rows of files (.jsonl, .csv, .parquet, .arrow; folders, s3://…), as Parquet")
    rows.add_argument("--out", metavar="FOLDER", help="where to write them with their vectors, also s3://bucket/folder")
    rows.add_argument("--text", metavar="A,B", help="the fields whose texts are embedded together")
    for kind in ("image", "audio", "video"):
        rows.add_argument(
            f"--{kind}", metavar="FIELD", help=f"the field with the {kind}: bytes, base64 or a file's name"
        )
    rows.add_argument("--id", metavar="FIELD", help="the field that an import takes for the id")
    rows.add_argument(
        "--vector-column", default="vector", metavar="NAME", help="the column of the vectors (default: %(default)s)"
    )
    rows.add_argument(
        "--rows-per-file",
        type=int,
        default=5_000,
        metavar="N",
        help="of the result; after a stop, so many are made again",
    )
    rows.add_argument("--limit", type=int, metavar="N", help="only so many rows")
    rows.add_argument("--dry-run", action="store_true", help="show columns and three embedded rows; write nothing")
    rows.add_argument("--ray", metavar="ADDRESS", help="run on a cluster of Ray: its address, auto, or local")
    rows.add_argument("--actors", type=int, default=1, metavar="N", help="with --ray: how many load the model")
    rows.add_argument("--gpus", type=float, default=0, metavar="N", help="with --ray: of each of them")


def add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        choices=("list", "pull", "verify", "export"),
        default="list",
        help="what to do (default: %(default)s)",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="the model to fetch, check or export")
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    parser.add_argument("--onnx", action="store_true", help="pull: take ONNX files, which run without torch")
    parser.add_argument("--file", default="", metavar="FILE", help="pull: this ONNX file, such as onnx/model.onnx")
    parser.add_argument("--out", metavar="FOLDER", help="export: the folder to make")
    parser.add_argument(
        "--precision",
        choices=("float32", "int8", "4bit"),
        default="float32",
        help="export: of the weights (default: %(default)s)",
    )
    _add_models_path(parser)
    add_connection(parser)


def add_embedded(parser: argparse.ArgumentParser) -> None:
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


def add_backup(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="?", metavar="ID", help="the backup's id; without it, all backups are listed")
    parser.add_argument("--base", metavar="ID", help="a backup to build on: what it holds is not stored again")
    parser.add_argument(
        "--compression",
        choices=("NoCompression", "BestSpeed", "DefaultCompression", "BestCompression"),
        default="DefaultCompression",
        help="how to compress (default: %(default)s)",
    )
    _add_archive(parser)


def add_restore(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the backup's id")
    parser.add_argument("--overwrite-alias", action="store_true", help="let restored aliases replace existing ones")
    parser.add_argument("--roles", action="store_true", help="restore the roles too")
    parser.add_argument("--users", action="store_true", help="restore the users too")
    _add_archive(parser)


def add_completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", nargs="?", choices=("bash", "zsh", "fish"), help="the shell (default: that of $SHELL)")


def add_jobs(parser: argparse.ArgumentParser) -> None:
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


def add_reembed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("collection", metavar="COLLECTION", help="the collection")
    parser.add_argument("vector", nargs="?", metavar="VECTOR", help="its vector (default: the only one)")
    made = parser.add_argument_group("what to make; without any of these, what objects lack")
    made.add_argument("--module", metavar="NAME", help="the module that makes the new vectors")
    made.add_argument("--model", metavar="NAME", help="its model; short for --set model=NAME")
    made.add_argument("--set", nargs="+", metavar="KEY=VALUE", default=[], help="further settings of the module")
    made.add_argument(
        "--index", nargs="+", metavar="KEY=VALUE", default=[], help="settings of the index, as distance=dot"
    )
    made.add_argument("--dry-run", action="store_true", help="print what it would take, and begin nothing")
    made.add_argument("--wait", action="store_true", help="show the progress, and return at the end")
    does = parser.add_argument_group("what to do with one that was begun").add_mutually_exclusive_group()
    does.add_argument("--status", action="store_true", help="how far it is, and what searches use")
    does.add_argument("--compare", metavar="FILE", help="what the queries in a file, one a line, find by both")
    does.add_argument("--pause", action="store_true", help="pause it")
    does.add_argument("--resume", action="store_true", help="resume it")
    does.add_argument("--cancel", action="store_true", help="end it, and remove what it has made")
    does.add_argument("--cutover", action="store_true", help="let searches use the new vectors")
    does.add_argument("--rollback", action="store_true", help="let searches use the previous vectors again")
    does.add_argument("--drop", action="store_true", help="remove the previous vectors before their time")
    parser.add_argument(
        "--keep", metavar="TIME", help="with --cutover: the previous vectors stay so long (default: 7d)"
    )
    parser.add_argument("--incomplete", action="store_true", help="with --cutover: though objects lack the new vector")
    parser.add_argument("--price", type=float, metavar="AMOUNT", help="of a million tokens, for the estimate")
    parser.add_argument("--tenant", metavar="NAME", help="with --compare: the tenant that is searched")
    parser.add_argument(
        "--limit", type=int, default=10, metavar="N", help="with --compare: hits (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_connection(parser)


def add_imports(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="?", metavar="ID", help="the import to report on; without it, all are listed")
    parser.add_argument(
        "--rejected", metavar="FILE", help="write its refused objects to a file that weft import takes; -: print them"
    )
    parser.add_argument("--delete", action="store_true", help="forget the report, and the refused objects")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_connection(parser)


def _add_models_path(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models-path",
        default=os.environ.get("WEFT_MODELS_PATH", ""),
        metavar="FOLDER",
        help="a folder of models, besides those in the wheel [WEFT_MODELS_PATH]",
    )


def _add_archive(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--include", nargs="+", metavar="NAME", help="only these collections; * and ? are wildcards")
    parser.add_argument("--exclude", nargs="+", metavar="NAME", help="all collections but these")
    parser.add_argument(
        "--backend", default="filesystem", metavar="NAME", help="filesystem or s3 (default: %(default)s)"
    )
    parser.add_argument("--path", help="a folder, or path within the bucket, in place of the server's")
    parser.add_argument("--bucket", metavar="NAME", help="a bucket in place of the server's")
    add_connection(parser)


def add_conform(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--engine",
        metavar="URL",
        help="the engine, as for weft serve: qdrant://HOST:PORT, milvus://TOKEN@HOST:PORT, embedded "
        "(default: $WEFT_ENGINE, which others on the machine cannot read)",
    )
    parser.add_argument(
        "--catalog",
        metavar="URL",
        help="a PostgreSQL that servers share, postgresql://…: two servers over it are checked, too "
        "(default: $WEFT_CATALOG)",
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="WORDS",
        help="only the checks that have these words in their name or in that of their group; may be repeated",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of all that is random (default: 1)")
    parser.add_argument("--json", action="store_true", help="print JSON, at the end")
    parser.add_argument("--keep", action="store_true", help="leave what was made there, to look at it")
    parser.add_argument(
        "--clean",
        action="store_true",
        help="check nothing: drop what earlier runs have left, also what a run that is in progress has made",
    )


def add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="the data folder; no server may have it open")
    parser.add_argument(
        "--repair",
        action="store_true",
        help="repair what can be without a loss: remove indexes that do not fit, which are rebuilt at the next start, "
        "and put back the catalog from its copy",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
