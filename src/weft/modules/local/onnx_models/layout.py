"""ModelFolder: what the configuration of a model says about its use, read as sentence-transformers reads it.

The files are those of sentence-transformers (``modules.json``, ``sentence_bert_config.json``,
``config_sentence_transformers.json``, a folder for each layer behind the transformer) and of transformers
(``config.json``, ``tokenizer_config.json``). A folder without ``modules.json`` is a bare transformer, of which the
library takes the mean of the token states.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain.errors import CorruptData, Misconfigured
from weft.modules.local.checkpoint import Checkpoint

_USUAL_TOKENS = 512
_MOST_TOKENS = 1 << 15
_LEGACY_POOLING = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""Configurations before version 5.4 have a flag for each mode, in this order of their concatenation."""
_ACTIVATIONS: dict[str, Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]] = {
    "Identity": lambda x: x,
    "Tanh": np.tanh,
    "ReLU": lambda x: np.maximum(x, 0),
    "Sigmoid": lambda x: np.asarray(1 / (1 + np.exp(-x)), np.float32),
}


@dataclass(frozen=True, slots=True)
class Layer:
    """A linear layer behind the transformer: ``weight (out, in)``, ``bias (out,)``, and what is done with the sum."""

    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32] | None
    activation: str

    def __call__(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """``(…, in)`` to ``(…, out)``."""
        product = x @ self.weight.T
        return _ACTIVATIONS[self.activation](product if self.bias is None else product + self.bias)


@dataclass(frozen=True)
class ModelFolder:
    """A checkpoint's folder; every property is read once."""

    checkpoint: Checkpoint

    @property
    def name(self) -> str:
        return self.checkpoint.name

    @property
    def path(self) -> Path:
        assert self.checkpoint.folder is not None, "only a checkpoint that was read is loaded"
        return self.checkpoint.folder

    @property
    def transformer(self) -> Path:
        """The folder of the transformer's configuration and tokenizer."""
        first = self.checkpoint.modules[0].get("path", "") if self.checkpoint.modules else ""
        return self.path / str(first)

    @property
    def prompts(self) -> Mapping[str, str]:
        found = self.checkpoint.own.get("prompts")
        return {str(key): str(text) for key, text in found.items()} if isinstance(found, dict) else {}

    @property
    def query_prompt(self) -> str:
        named = self.checkpoint.own.get("default_prompt_name")
        return self.prompts.get("query", self.prompts.get(str(named), ""))

    @cached_property
    def sentence_settings(self) -> dict[str, Any]:
        """Of the transformer as a module: lengths, expansion of queries, lower case."""
        return self.json(self.transformer / "sentence_bert_config.json")

    @cached_property
    def tokenizer_settings(self) -> dict[str, Any]:
        return self.json(self.transformer / "tokenizer_config.json")

    @cached_property
    def max_tokens(self) -> int:
        """The most tokens of a text that are read, with those that the tokenizer adds."""
        stated = self.sentence_settings.get("max_seq_length")
        config = self.checkpoint.config or self.json(self.transformer / "config.json")
        own = config.get("max_position_embeddings") or config.get("text_config", {}).get("max_position_embeddings")
        found = [stated] if stated else [self.tokenizer_settings.get("model_max_length"), own]
        counts = [int(one) for one in found if isinstance(one, int | float) and one > 0]
        return min([*counts, _MOST_TOKENS]) if counts else _USUAL_TOKENS

    @cached_property
    def pooling(self) -> tuple[tuple[str, ...], bool]:
        """The modes, whose vectors are concatenated, and whether the tokens of a prompt are pooled."""
        config = next((self.json(folder / "config.json") for kind, folder in self.modules() if kind == "Pooling"), {})
        modes = config.get("pooling_mode") or [mode for key, mode in _LEGACY_POOLING.items() if config.get(key)]
        return tuple([modes] if isinstance(modes, str) else modes) or ("mean",), bool(
            config.get("include_prompt", True)
        )

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        return tuple(self._layer(folder) for kind, folder in self.modules() if kind == "Dense")

    def modules(self) -> Iterator[tuple[str, Path]]:
        """The class, without its package, and the folder of each module."""
        for module in self.checkpoint.modules:
            yield str(module.get("type")).rpartition(".")[2], self.path / str(module.get("path", ""))

    def check_modules(self, *known: str) -> None:
        """Raises Misconfigured for a module whose work is not done here."""
        for kind, _ in self.modules():
            if kind not in ("Transformer", *known):
                raise Misconfigured(
                    f"the model {self.name} has a module {kind}, which runs only with torch; install it with: pip "
                    "install 'weft[torch]'"
                )

    def json(self, file: Path) -> dict[str, Any]:
        """The object in ``file``, empty if there is no such file. Raises CorruptData."""
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise CorruptData(
                f"{file.name} of the model {self.name} cannot be read: {error}", path=str(file)
            ) from error
        if not isinstance(found, dict):
            raise CorruptData(f"{file.name} of the model {self.name} is not a JSON object", path=str(file))
        return found

    def _layer(self, folder: Path) -> Layer:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        config = self.json(folder / "config.json")
        activation = str(config.get("activation_function", "Tanh")).rpartition(".")[2]
        if activation not in _ACTIVATIONS or config.get("use_residual"):
            raise Misconfigured(
                f"the layer {folder.name} of the model {self.name} ({activation}) runs only with torch; install it "
                "with: pip install 'weft[torch]'"
            )
        try:
            weights = load_file(folder / "model.safetensors")
            weight, bias = weights["linear.weight"], weights.get("linear.bias")
        except (OSError, SafetensorError, KeyError) as error:
            raise CorruptData(
                f"the weights of the layer {folder.name} of the model {self.name} cannot be read ({error}); copy "
                "model.safetensors in its folder again",
                path=str(folder),
            ) from error
        return Layer(weight.astype(np.float32), None if bias is None else bias.astype(np.float32), activation)
