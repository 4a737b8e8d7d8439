"""From a model of torch to a folder that runs without torch: ONNX files beside the model's own configuration.

Only the transformer becomes a graph; pooling, layers, prompts and lengths stay in the configuration. Needs the extra
``weft[export-models]``; the result does not.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weft.domain.errors import Invalid, Misconfigured
from weft.modules.local.checkpoint import Checkpoint, Purpose, read_checkpoint
from weft.modules.local.models import ModelSource
from weft.modules.local.onnx_models.files import IMAGE_PART
from weft.modules.local.onnx_models.quantizing import PRECISIONS, save_graph
from weft.modules.local.torch_loading import EXACT, loading, options

_OPSET = 18
_TORCH_WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "pytorch_model*")
_PAIRS = ("clip", "siglip", "siglip2")
_SAMPLE = ("a red circle", "the sea at night, and the lights of a town")


@dataclass(frozen=True, slots=True)
class _TracedPart:
    """One file to make: ``forward`` is a function of ``inputs`` with one result, ``output``."""

    part: str
    module: Any
    forward: Callable[..., Any]
    inputs: dict[str, Any]
    output: str
    axes: Sequence[str]


def export_model(source: ModelSource, folder: Path, *, precision: str, downloads: bool) -> list[Path]:
    """The ONNX files that were made in ``folder``, which must not exist or be empty.

    ``precision``: one of ``PRECISIONS``. Raises Invalid for another one or a folder with something in it, Misconfigured
    for a model that cannot be exported, and what loading it raises.
    """
    if precision not in PRECISIONS:
        raise Invalid(f"precision must be one of {', '.join(PRECISIONS)}, not {precision!r}")
    if folder.exists() and any(folder.iterdir()):
        raise Invalid(f"{folder} is not empty; name a folder that does not exist yet")
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise Misconfigured(f"exporting models needs onnx ({error}); pip install 'weft[export-models]'") from error
    checkpoint = read_checkpoint(source, downloads=downloads)
    with tempfile.TemporaryDirectory(prefix="weft-export-") as scratch, _quiet():
        made = Path(scratch) / "model"
        with loading(checkpoint, EXACT):
            graphs = list(_graphs(checkpoint, made))
        for pattern in _TORCH_WEIGHTS:
            for weights in made.glob(pattern):
                weights.unlink()
        (made / "onnx").mkdir()
        names = [_export(graph, made / "onnx", precision) for graph in graphs]
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(made, folder, dirs_exist_ok=True)
    return [folder / "onnx" / name for name in names]


def _graphs(checkpoint: Checkpoint, made: Path) -> Iterator[_TracedPart]:
    """Saves the model with its own library to ``made`` and yields the parts that are to become graphs."""
    import sentence_transformers as library

    given = options(EXACT, attn_implementation="eager")
    purpose = checkpoint.purpose
    if purpose is Purpose.EMBEDDING and checkpoint.model_type in _PAIRS:
        yield from _pair(checkpoint, made)
        return
    classes = {
        Purpose.EMBEDDING: library.SentenceTransformer,
        Purpose.CROSS_ENCODER: library.CrossEncoder,
        Purpose.LATE_INTERACTION: library.MultiVectorEncoder,
    }
    if purpose not in classes:
        raise Misconfigured(f"the model {checkpoint.name} is {purpose.value}, which cannot be exported")
    model = classes[purpose](checkpoint.place, **given).eval()
    kinds = {kind for kind in model.modalities if kind != "message"}
    if kinds != {"text"}:
        raise Misconfigured(
            f"the model {checkpoint.name} reads {', '.join(sorted(kinds))}; models of text are exported, and pairs for "
            f"text and images ({', '.join(_PAIRS)})"
        )
    model.save(str(made))
    transformer = model[0].model
    pairs = purpose is Purpose.CROSS_ENCODER
    texts = [(one, one) for one in _SAMPLE] if pairs else list(_SAMPLE)
    inputs = dict(model.tokenizer(texts, padding=True, return_tensors="pt"))
    named = [name for name in ("input_ids", "attention_mask", "token_type_ids") if name in inputs]
    output = "logits" if pairs else "last_hidden_state"

    def forward(*tensors: Any) -> Any:
        return getattr(transformer(**dict(zip(named, tensors, strict=True))), output)

    yield _TracedPart(
        "model", transformer, forward, {name: inputs[name] for name in named}, output, ("batch", "tokens")
    )


def _pair(checkpoint: Checkpoint, made: Path) -> Iterator[_TracedPart]:
    import numpy as np
    from transformers import AutoModel, AutoProcessor

    strict = {"local_files_only": True, "trust_remote_code": False}
    model = AutoModel.from_pretrained(
        checkpoint.place, **strict, dtype=EXACT.torch_dtype, attn_implementation="eager"
    ).eval()
    processor = AutoProcessor.from_pretrained(checkpoint.place, **strict)
    model.save_pretrained(made)
    processor.save_pretrained(made)
    filled = {} if checkpoint.model_type == "clip" else {"padding": "max_length", "truncation": True}
    texts = processor.tokenizer(list(_SAMPLE), return_tensors="pt", **({"padding": True} | filled))
    named = [name for name in ("input_ids", "attention_mask") if name in texts]
    image = processor.image_processor([np.zeros((64, 64, 3), np.uint8)] * 2, return_tensors="pt")["pixel_values"]
    yield _TracedPart(
        "text_model",
        model,
        lambda *tensors: model.get_text_features(**dict(zip(named, tensors, strict=True))).pooler_output,
        {name: texts[name] for name in named},
        "text_embeds",
        ("batch", "tokens"),
    )
    yield _TracedPart(
        IMAGE_PART,
        model,
        lambda tensor: model.get_image_features(pixel_values=tensor).pooler_output,
        {"pixel_values": image},
        "image_embeds",
        ("batch",),
    )


def _export(graph: _TracedPart, folder: Path, precision: str) -> str:
    """The name of the file that was made."""
    import torch

    class Traced(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = graph.module

        def forward(self, *tensors: Any) -> Any:
            return graph.forward(*tensors)

    axes = dict(enumerate(graph.axes))
    whole = folder / f"{graph.part}-whole.onnx"
    with torch.inference_mode():
        torch.onnx.export(
            Traced().eval(),
            tuple(graph.inputs.values()),
            str(whole),
            input_names=list(graph.inputs),
            output_names=[graph.output],
            dynamic_axes={**dict.fromkeys(graph.inputs, axes), graph.output: axes},
            opset_version=_OPSET,
            dynamo=False,
        )
    name = f"{graph.part}{PRECISIONS[precision]}.onnx"
    save_graph(whole, folder / name, precision)
    for part in folder.glob(f"{graph.part}-whole*"):
        part.unlink()
    return name


@contextmanager
def _quiet() -> Iterator[None]:
    """The libraries warn of each branch that is followed once and of each word that is skipped, whatever the model."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
