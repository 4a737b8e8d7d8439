"""OnnxSession: one graph, opened by onnxruntime, and what it takes and gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from weft.domain.errors import CorruptData, Misconfigured
from weft.modules.local.memory import free_memory_bytes, require_memory
from weft.modules.local.onnx_models.files import external_data

Array: TypeAlias = npt.NDArray[Any]
TokenIds: TypeAlias = npt.NDArray[np.int64]

BESIDE_THE_WEIGHTS = 1.3
"""onnxruntime repacks the weights of products when it opens a graph."""
_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(int64)": np.int64}
_CACHES = "past_key_values"
_GIT_LFS = b"version https://git-lfs"


class OnnxSession:
    """A graph on the CPU; several threads may run it at the same time, each with ``threads`` of onnxruntime.

    Nothing of a file is code: graphs hold only operators of onnxruntime.
    Raises CorruptData for a file that is no graph, Misconfigured for one with operators or inputs that this version
    does not have, Overloaded for one that is larger than the free memory.
    """

    def __init__(self, file: Path, name: str, *, threads: int = 1) -> None:
        import onnxruntime

        self.name = name
        size_bytes = sum(one.stat().st_size for one in (file, *external_data(file)))
        require_memory(name, int(size_bytes * BESIDE_THE_WEIGHTS), free_memory_bytes(), dtype="ONNX")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session: Any = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # of classes that onnxruntime does not export
            raise _refusal(file, name, error) from error
        self.inputs: Mapping[str, Any] = {one.name: one for one in self._session.get_inputs()}
        self.outputs: Sequence[str] = [one.name for one in self._session.get_outputs()]
        self.ranks: Mapping[str, int] = {one.name: len(one.shape) for one in self._session.get_outputs()}

    def run(self, given: Mapping[str, Array], output: str) -> Array:
        """``output`` for ``given``, each in the type that the graph takes; what the graph does not take is left out.

        The caches of a decoder are empty, and its places count from 0.
        """
        feed = {name: self._cast(name, value) for name, value in given.items() if name in self.inputs}
        for name in self.inputs.keys() - feed.keys():
            feed[name] = self._implied(name, given)
        found: Array = self._session.run([output], feed)[0]
        return found

    def check_inputs(self, known: Sequence[str]) -> None:
        """Raises Misconfigured for a graph with an input that is none of ``known`` and has no value of its own."""
        implied = (*known, "position_ids", "token_type_ids")
        for name in self.inputs:
            if name not in implied and not name.startswith(_CACHES):
                raise Misconfigured(
                    f"the ONNX file of the model {self.name} takes {name}, which is not known here; export the model "
                    "again with: weft models export"
                )

    def output(self, *preferred: str, rank: int) -> str:
        """The first of the ``preferred`` outputs, else the first of that ``rank``. Raises Misconfigured."""
        for name in (*preferred, *self.outputs):
            if self.ranks.get(name) == rank:
                return name
        raise Misconfigured(
            f"the ONNX file of the model {self.name} has the outputs {', '.join(self.outputs)}, and none is "
            f"{' or '.join(preferred)}; export the model again with: weft models export"
        )

    def close(self) -> None:
        self._session = None

    def _cast(self, name: str, value: Array) -> Array:
        kind = _TYPES.get(self.inputs[name].type)
        return value if kind is None else value.astype(kind, copy=False)

    def _implied(self, name: str, given: Mapping[str, Array]) -> Array:
        rows, tokens = given["input_ids"].shape
        if name == "position_ids":
            return np.broadcast_to(np.arange(tokens, dtype=np.int64), (rows, tokens))
        if name == "token_type_ids":
            return np.zeros((rows, tokens), np.int64)
        shape = self.inputs[name].shape  # (batch, heads, past, size): the first and the third are named, not counted
        return np.zeros((rows, shape[1], 0, shape[3]), _TYPES[self.inputs[name].type])


def _refusal(file: Path, name: str, error: Exception) -> CorruptData | Misconfigured:
    with file.open("rb") as opened:
        if opened.read(len(_GIT_LFS)) == _GIT_LFS:
            return CorruptData(
                f"{file.name} of the model {name} is a pointer of Git LFS and not the weights; run git lfs pull in its "
                "folder",
                path=str(file),
            )
    text = str(error).strip().split("\n")[0][:300]
    if "NOT_IMPLEMENTED" in text or "opset" in text.lower() or "not a registered" in text:
        return Misconfigured(
            f"{file.name} of the model {name} needs operators that this onnxruntime does not have ({text}); take "
            "another file of the model, or a newer onnxruntime"
        )
    return CorruptData(
        f"{file.name} of the model {name} cannot be opened: it is damaged or not an ONNX graph, or its data beside it "
        f"are missing ({text}); copy it again",
        path=str(file),
    )
