"""Models of the real classes whose processors need torchvision, with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tiny.media import DIMENSIONS, _reads
from tiny.tokenizers import byte_pairs

_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part.type == 'video' %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
)


def siglip2(folder: Path) -> Path:
    """The one that keeps an image's proportions: up to 256 patches of 16 x 16 pixels."""
    import torch
    from transformers import Siglip2Config, Siglip2Model, Siglip2Processor
    from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil

    torch.manual_seed(0)
    tokenizer = byte_pairs("<bos>", "<eos>", "<pad>", max_tokens=64)
    sight: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "patch_size": 16,
        "num_patches": 256,
    }
    text = {**_reads(tokenizer, 64), "projection_size": DIMENSIONS}
    Siglip2Model(Siglip2Config(text_config=text, vision_config=sight)).eval().save_pretrained(folder)
    images = Siglip2ImageProcessorPil()
    Siglip2Processor(image_processor=images, tokenizer=tokenizer).save_pretrained(folder)
    return folder


def videomae(folder: Path) -> Path:
    """Sees 8 frames."""
    import torch
    from transformers import VideoMAEConfig, VideoMAEModel
    from transformers.models.videomae.video_processing_videomae import VideoMAEVideoProcessor

    torch.manual_seed(0)
    config = VideoMAEConfig(
        image_size=32,
        patch_size=8,
        num_frames=8,
        tubelet_size=2,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
    )
    VideoMAEModel(config).eval().save_pretrained(folder)
    size: dict[str, Any] = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    VideoMAEVideoProcessor(**size, num_frames=8).save_pretrained(folder)
    return folder


def embedding_gemma2(folder: Path) -> Path:
    """Text, images, audio and video by one language model, as the default of multi2vec-bind is made."""
    import torch
    from transformers import EmbeddingGemma2Config, EmbeddingGemma2Model, EmbeddingGemma2Processor
    from transformers.models.embedding_gemma2.video_processing_embedding_gemma2 import EmbeddingGemma2VideoProcessor
    from transformers.models.gemma4.feature_extraction_gemma4 import Gemma4AudioFeatureExtractor
    from transformers.models.gemma4.image_processing_pil_gemma4 import Gemma4ImageProcessorPil

    torch.manual_seed(0)
    tokens = {
        name: token
        for kind in ("image", "audio")
        for name, token in (
            (f"{kind}_token", f"<|{kind}|>"),
            (f"bo{kind[0]}_token", f"<|{kind}>"),
            (f"eo{kind[0]}_token", f"<{kind}|>"),
        )
    }
    tokenizer = byte_pairs("<bos>", "<eos>", "<pad>", [*tokens.values(), "<|video|>"], max_tokens=8192)
    tokenizer._set_model_specific_special_tokens(tokens)
    ids = {f"{name}_id": tokenizer.convert_tokens_to_ids(token) for name, token in tokens.items()}
    text = {
        **_language(tokenizer),
        "num_hidden_layers": 6,
        "global_head_dim": 16,
        "num_global_key_value_heads": 1,
        "sliding_window": 64,
        "hidden_size_per_layer_input": 16,
        "embedding_dim": DIMENSIONS,
    }
    sight = {
        "model_type": "gemma4_vision",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "position_embedding_size": 1024,
    }
    hearing = {
        "model_type": "gemma4_audio",
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "subsampling_conv_channels": [128, 4],
        "output_proj_dims": 32,
    }
    video = tokenizer.convert_tokens_to_ids("<|video|>")
    config = EmbeddingGemma2Config(
        text_config=text, vision_config=sight, audio_config=hearing, video_token_id=video, **ids
    )
    EmbeddingGemma2Model(config).eval().save_pretrained(folder)
    EmbeddingGemma2Processor(
        feature_extractor=Gemma4AudioFeatureExtractor(),
        image_processor=Gemma4ImageProcessorPil(max_soft_tokens=70),
        tokenizer=tokenizer,
        video_processor=EmbeddingGemma2VideoProcessor(),
    ).save_pretrained(folder)
    return folder


def qwen3_vl(folder: Path) -> Path:
    """Text, images and video by one language model."""
    import torch
    from transformers import Qwen3VLConfig, Qwen3VLModel, Qwen3VLProcessor
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
    from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor

    torch.manual_seed(0)
    marks = "im_start im_end vision_start vision_end image_pad video_pad"
    special = [f"<|{mark}|>" for mark in marks.split()]
    tokenizer = byte_pairs("<|endoftext|>", "<|im_end|>", "<|endoftext|>", special, max_tokens=2048)
    ids = {mark: tokenizer.convert_tokens_to_ids(f"<|{mark}|>") for mark in marks.split()}
    text: dict[str, Any] = {
        **_language(tokenizer),
        "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10000.0},
    }
    sight = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "patch_size": 16,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "out_hidden_size": 32,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0],
    }
    config = Qwen3VLConfig(
        text_config=text,
        vision_config=sight,
        image_token_id=ids["image_pad"],
        video_token_id=ids["video_pad"],
        vision_start_token_id=ids["vision_start"],
        vision_end_token_id=ids["vision_end"],
    )
    Qwen3VLModel(config).eval().save_pretrained(folder)
    limits: dict[str, Any] = {"patch_size": 16, "temporal_patch_size": 2, "merge_size": 2}
    Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessorPil(min_pixels=4 * 32 * 32, max_pixels=16 * 32 * 32, **limits),
        video_processor=Qwen3VLVideoProcessor(
            size={"shortest_edge": 4 * 32 * 32, "longest_edge": 64 * 32 * 32}, **limits
        ),
        tokenizer=tokenizer,
        chat_template=_CHAT,
    ).save_pretrained(folder)
    return folder


def _language(tokenizer: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "max_position_embeddings": tokenizer.model_max_length,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
