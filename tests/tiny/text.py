"""Text models of the real classes with random weights, as sentence-transformers saves them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tiny.tokenizers import byte_pairs, word_pieces

DIMENSIONS = 32
_SMALL: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
FAMILIES = ("bert", "mpnet", "distilbert", "xlm-roberta", "modernbert", "qwen3")


def sentences(
    folder: Path, family: str = "bert", pooling: str | Sequence[str] = "mean", *, dense: bool = False, **pool: Any
) -> Path:
    """A transformer of ``family``, pooled; ``dense``: with a layer behind that makes 24 numbers of a vector."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules.dense import Dense
    from sentence_transformers.models import Normalize, Pooling, Transformer

    torch.manual_seed(0)
    model, tokenizer = _transformer(family)
    model.eval().save_pretrained(folder / "bare")
    tokenizer.save_pretrained(folder / "bare")
    modes = [pooling] if isinstance(pooling, str) else list(pooling)
    modules = [Transformer(str(folder / "bare"), max_seq_length=48), Pooling(DIMENSIONS, modes, **pool)]
    if dense:
        modules += [Dense(DIMENSIONS * len(modes), 24), Normalize()]
    prompts = {"query": "what is ", "document": "document: "}
    SentenceTransformer(modules=modules, prompts=prompts, device="cpu").save(str(folder / "model"))
    return folder / "model"


def _transformer(family: str) -> tuple[Any, Any]:
    import transformers

    words = word_pieces()
    size = {**_SMALL, "vocab_size": len(words), "max_position_embeddings": 130, "pad_token_id": 0}
    match family:
        case "bert":
            return transformers.BertModel(transformers.BertConfig(**size)), words
        case "mpnet":
            return transformers.MPNetModel(transformers.MPNetConfig(**size)), words
        case "distilbert":
            named = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
            return transformers.DistilBertModel(transformers.DistilBertConfig(**size | named)), words
        case "xlm-roberta":
            return transformers.XLMRobertaModel(transformers.XLMRobertaConfig(**size)), words
        case "modernbert":
            ends = {"bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}
            return transformers.ModernBertModel(transformers.ModernBertConfig(**size, **ends)), words
    tokens = byte_pairs("<bos>", "<eos>", "<pad>", max_tokens=128)
    size |= {"vocab_size": len(tokens), "num_key_value_heads": 1, "head_dim": 16, "pad_token_id": tokens.pad_token_id}
    return transformers.Qwen3Model(transformers.Qwen3Config(**size)), tokens
