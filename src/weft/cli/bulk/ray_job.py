"""``weft embed --ray``: the blocks of a result as a job of Ray Data. Needs ``weft[ray]``.

A block is read, embedded and written by one actor, which loads the model once. What Ray computes twice, because a
node was lost, is written under the same name, whole; a driver that was stopped is started again, and asks for those
that have no file yet. So a row may be embedded twice, and is in the result once.

Every node has to reach the files of the input and the folder of the result: a shared file system, or ``s3://``.
"""

from __future__ import annotations

import argparse
import logging
import pickle
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from weft.cli.bulk.block import BlockWriter, Written
from weft.cli.bulk.chunks import Chunk, arrow_chunks, row_chunks
from weft.cli.bulk.division import block_name, cut, opened
from weft.cli.bulk.inputs import folder_of
from weft.cli.bulk.model import EmbeddingModel
from weft.cli.bulk.request import EmbedRequest
from weft.cli.bulk.sink import Note, Sink
from weft.cli.progress import LongProgress
from weft.cli.sources.arrow_files import ArrowFile
from weft.cli.sources.files import STDIN, is_arrow, is_lines
from weft.cli.sources.place import SourceFile
from weft.cli.sources.text_rows import json_lines
from weft.domain.errors import Invalid, Misconfigured, OperatorError

if TYPE_CHECKING:
    pass


_RAISED = re.compile(r"^[\w.]*(?:errors|Error|Exception)[\w.]*: (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RayBlock:
    """``rows`` rows of a file from ``begin`` on; of JSON Lines it is at byte ``offset``, after ``lines`` lines."""

    name: str
    file: SourceFile
    begin: int
    rows: int
    schema: Any
    size_bytes: int
    offset: int = 0
    lines: int = 0


def embed_on_ray(
    request: EmbedRequest,
    files: list[SourceFile],
    sink: Sink,
    note: Note,
    present: set[str],
    arguments: argparse.Namespace,
) -> Written:
    """Raises Misconfigured without Ray, OperatorError when the job fails."""
    ray = _import_ray()
    blocks = [one for one in planned(files, request) if f"{one.name}.parquet" not in present]
    done = Written()
    if not blocks:
        return done
    _connect(ray, arguments.ray)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    job = ray.data.from_items(
        [{"block": pickle.dumps(one)} for one in blocks], override_num_blocks=len(blocks)
    ).map_batches(
        _Actor,
        fn_constructor_args=(request, sink.out, note),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=arguments.actors),
        num_cpus=1,
        num_gpus=arguments.gpus,
    )
    try:
        with LongProgress(request.module, "row", sum(one.size_bytes for one in blocks)) as progress:
            for row in job.iter_rows():
                progress.update(int(row["size_bytes"]), int(row["rows"]))
                done.rows += int(row["rows"])
                done.rejected += int(row["rejected"])
    except ray.exceptions.RayError as error:
        raise OperatorError(f"the job on Ray failed: {_reason(error)}; start it again to continue") from error
    finally:
        ray.shutdown()
    return done


def planned(files: list[SourceFile], request: EmbedRequest) -> Iterator[RayBlock]:
    """The blocks of the files, as a run in one process has them. Reads JSON Lines once. Raises Invalid."""
    left = request.limit
    for number, file in enumerate(files):
        if file is STDIN or not (is_arrow(file) or is_lines(file)):
            raise Invalid(f"{file.name}: with --ray, files are Parquet, Arrow or JSON Lines, which are read in parts")
        schema, _ = opened(file, request)
        for i, (begin, rows, offset, lines, size) in enumerate(_parts(file, request.rows)):
            taken = rows if left is None else min(rows, left)
            if not taken:
                return
            left = None if left is None else left - taken
            yield RayBlock(block_name(number, i), file, begin, taken, schema, size, offset, lines)


def _parts(file: SourceFile, most: int) -> Iterator[tuple[int, int, int, int, int]]:
    """First row, number of rows, byte, line and size in bytes of each block."""
    if is_arrow(file):
        arrow = ArrowFile(file)
        total = arrow.rows if arrow.rows is not None else sum(len(batch) for batch in arrow.batches())
        for begin in range(0, total, most):
            rows = min(most, total - begin)
            yield begin, rows, 0, 0, file.size_bytes * rows // total
        return
    with file.open() as opened_:
        row = rows = offset = begun = begun_lines = 0
        for lines, line in enumerate(opened_):
            if line.strip():
                if rows == most:
                    yield row, rows, begun, begun_lines, offset - begun
                    row, rows, begun, begun_lines = row + rows, 0, offset, lines
                rows += 1
            offset += len(line)
        if rows:
            yield row, rows, begun, begun_lines, offset - begun


def chunks_of(block: RayBlock, fields: frozenset[str]) -> Iterator[Chunk]:
    """The rows of a block, and no others."""
    left = block.rows
    for chunk in _from(block, fields):
        first, _ = cut(chunk, left)
        yield first
        left -= first.rows
        if not left:
            return


def _from(block: RayBlock, fields: frozenset[str]) -> Iterator[Chunk]:
    if is_arrow(block.file):
        yield from arrow_chunks(block.file, fields, block.begin)
        return
    with block.file.open() as opened_:
        opened_.seek(block.offset)
        yield from row_chunks(islice(json_lines(opened_, block.file.short, block.lines), block.rows), block.schema)


class _Actor:
    """One process of the cluster, with the model in memory."""

    def __init__(self, request: EmbedRequest, out: str, note: Note) -> None:
        self._request = request
        self._writer = BlockWriter(request, EmbeddingModel(request), Sink(out), note)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        done: dict[str, list[int]] = {"rows": [], "rejected": [], "size_bytes": []}
        for packed in batch["block"]:
            block: RayBlock = pickle.loads(packed)
            folder = folder_of(block.file.name, self._request.media)
            written = self._writer.write(block.name, chunks_of(block, self._request.fields), block.schema, folder)
            done["rows"].append(written.rows)
            done["rejected"].append(written.rejected)
            done["size_bytes"].append(block.size_bytes)
        return done


def _import_ray() -> Any:
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError:
        raise Misconfigured("--ray needs the package ray; install it with: pip install 'weft[ray]'") from None
    return ray


def _reason(error: Exception) -> str:
    """The line of the exception in an actor, without where it was raised."""
    raised = _RAISED.findall(str(error))
    return str(raised[-1]) if raised else type(error).__name__


def _connect(ray: Any, address: str) -> None:
    """``local`` starts a cluster in processes of this machine."""
    try:
        ray.init(address=None if address == "local" else address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0]
        raise OperatorError(
            f"no cluster of Ray answers at {address} ({first}); start one with: ray start --head"
        ) from error
