"""``weft embed FILES --out FOLDER``: one file after another, one block of rows after another, in this process."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from weft.cli.bulk.block import BlockWriter, Written
from weft.cli.bulk.division import TakenChunks, block_name, opened
from weft.cli.bulk.inputs import folder_of, input_of
from weft.cli.bulk.model import EmbeddingModel
from weft.cli.bulk.request import EmbedRequest
from weft.cli.bulk.sink import NOTE, Note, Sink
from weft.cli.progress import LongProgress
from weft.cli.sources.arrow_files import import_pyarrow
from weft.cli.sources.files import STDIN, files_of
from weft.cli.sources.place import SourceFile
from weft.domain.counts import counted
from weft.domain.errors import Invalid, WeftError

if TYPE_CHECKING:
    pass

_TRIED_ROWS = 3


def embed_rows(arguments: argparse.Namespace) -> int:
    """0 when every row was embedded, 1 when some were rejected."""
    import_pyarrow()
    request = EmbedRequest.of(arguments)
    files = files_of(arguments.files or ["-"])
    if arguments.dry_run:
        return _show(request, files)
    started = time.perf_counter()
    sink = Sink(request.out)
    present = sink.names()
    if STDIN in files and NOTE in present:
        raise Invalid("standard input cannot be continued; name a new folder with --out")
    asked = {"files": [[one.name, one.size_bytes, one.version] for one in files], **request.key()}
    note = Note.of(sink, asked, present)
    if arguments.ray:
        from weft.cli.bulk.ray_job import embed_on_ray

        done = embed_on_ray(request, files, sink, note, present, arguments)
    else:
        with EmbeddingModel(request) as model:
            done = _Run(request, files, sink, present, BlockWriter(request, model, sink, note)).run()
    return _said(done, request, time.perf_counter() - started)


def _said(done: Written, request: EmbedRequest, took_s: float) -> int:
    rejected = f", {done.rejected:,} rejected: see {request.out}/*.rejected.jsonl" if done.rejected else ""
    rate = f" in {took_s:.1f} s ({done.rows / took_s:,.0f} a second)" if done.rows else ""
    print(f"{counted(done.rows, 'row')} written to {request.out}{rate}{rejected}")
    return 1 if done.rejected else 0


class _Run:
    def __init__(
        self, request: EmbedRequest, files: list[SourceFile], sink: Sink, present: set[str], writer: BlockWriter
    ) -> None:
        self._request, self._files, self._sink = request, files, sink
        self._present, self._writer = present, writer

    def run(self) -> Written:
        total = 0 if STDIN in self._files else sum(file.size_bytes for file in self._files)
        left = self._request.limit
        all_done, skipped = Written(), 0
        with LongProgress(self._request.module, "row", total) as progress:
            for number, file in enumerate(self._files):
                schema, chunks = opened(file, self._request)
                rows = TakenChunks(chunks, progress.update)
                block = 0
                while not rows.ended and left != 0:
                    most = self._request.rows if left is None else min(left, self._request.rows)
                    name = block_name(number, block)
                    if f"{name}.parquet" in self._present:
                        taken, skipped = rows.skip(most), skipped + 1
                    else:
                        written = self._writer.write(
                            name, rows.take(most), schema, folder_of(file.name, self._request.media)
                        )
                        taken = written.rows
                        all_done.rows += taken
                        all_done.rejected += written.rejected
                    left = None if left is None else left - taken
                    block += 1
        if skipped:
            print(f"{counted(skipped, 'file')} of an earlier run were there already", file=sys.stderr)
        return all_done


def _show(request: EmbedRequest, files: list[SourceFile]) -> int:
    """What would be done: the files, the columns, and the first rows, embedded."""
    print(f"{counted(len(files), 'file')}, {sum(one.size_bytes for one in files):,} bytes; {request.out or 'nowhere'}")
    schema, chunks = opened(files[0], request)
    for column in schema:
        print(f"  {column.name}: {column.type}{' (embedded)' if column.name in request.fields else ''}")
    chunk = next(chunks, None)
    tried = [] if chunk is None else chunk.values[:_TRIED_ROWS]
    with EmbeddingModel(request) as model:
        for fields in tried:
            try:
                (made,) = model.embed([input_of(request, fields, folder_of(files[0].name, request.media))])
            except Invalid as error:
                made = error
            text = " | ".join(str(fields.get(name))[:60] for name in sorted(request.fields))
            said = made.message if isinstance(made, WeftError) else " x ".join(map(str, made.shape))
            print(f"  {text} -> {said}")
        print(f"  {request.vector}: {model.fingerprint}")
    print("Nothing is written.")
    return 0
