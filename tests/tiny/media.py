"""Models of images, audio and video of the real classes with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tiny.tokenizers import byte_pairs

DIMENSIONS = 32
_SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
_SIGHT: dict[str, Any] = {**_SMALL, "image_size": 32, "patch_size": 8}


def resnet(folder: Path) -> Path:
    """Pooled to 64 numbers, as the large one is to 2048."""
    import torch
    from transformers import ResNetConfig, ResNetModel
    from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil

    torch.manual_seed(0)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[16, 16, 32, 64], depths=[1, 1, 1, 1], layer_type="bottleneck")
    ResNetModel(config).eval().save_pretrained(folder)
    ConvNextImageProcessorPil(size={"shortest_edge": 64}, crop_pct=0.875).save_pretrained(folder)
    return folder


def dinov2(folder: Path) -> Path:
    import torch
    from transformers import Dinov2Config, Dinov2Model
    from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil

    torch.manual_seed(0)
    config = Dinov2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=2, image_size=56, patch_size=14
    )
    Dinov2Model(config).eval().save_pretrained(folder)
    images = BitImageProcessorPil(size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56})
    images.save_pretrained(folder)
    return folder


def clip(folder: Path) -> Path:
    import torch
    from transformers import CLIPConfig, CLIPModel, CLIPProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    torch.manual_seed(0)
    tokenizer = _closed(byte_pairs("<|startoftext|>", "<|endoftext|>", "<|endoftext|>", max_tokens=77))
    config = CLIPConfig(text_config=_reads(tokenizer, 77), vision_config=dict(_SIGHT), projection_dim=DIMENSIONS)
    CLIPModel(config).eval().save_pretrained(folder)
    images = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(image_processor=images, tokenizer=tokenizer).save_pretrained(folder)
    return folder


def siglip(folder: Path) -> Path:
    import torch
    from transformers import SiglipConfig, SiglipModel, SiglipProcessor
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    torch.manual_seed(0)
    tokenizer = byte_pairs("<bos>", "<eos>", "<pad>", max_tokens=64)
    text = {**_reads(tokenizer, 64), "projection_size": DIMENSIONS}
    SiglipModel(SiglipConfig(text_config=text, vision_config=dict(_SIGHT))).eval().save_pretrained(folder)
    images = SiglipImageProcessorPil(size={"height": 32, "width": 32})
    SiglipProcessor(image_processor=images, tokenizer=tokenizer).save_pretrained(folder)
    return folder


def clap(folder: Path) -> Path:
    """Hears 5 s at 48 kHz."""
    import torch
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, ClapProcessor

    torch.manual_seed(0)
    tokenizer = _closed(byte_pairs("<s>", "</s>", "<pad>", max_tokens=128))
    hears: dict[str, Any] = {
        "patch_embeds_hidden_size": 16,
        "hidden_size": 64,
        "depths": [1, 1, 1],
        "num_attention_heads": [2, 2, 2],
        "window_size": 4,
        "spec_size": 64,
        "num_mel_bins": 16,
        "patch_size": 4,
        "patch_stride": [4, 4],
        "projection_dim": DIMENSIONS,
        "num_classes": 4,
    }
    text = {**_reads(tokenizer, 130), "projection_dim": DIMENSIONS}
    ClapModel(ClapConfig(text_config=text, audio_config=hears, projection_dim=DIMENSIONS)).eval().save_pretrained(
        folder
    )
    extractor = ClapFeatureExtractor(
        feature_size=16, hop_length=3840, max_length_s=5, truncation="rand_trunc", padding="repeatpad"
    )
    ClapProcessor(feature_extractor=extractor, tokenizer=tokenizer).save_pretrained(folder)
    return folder


def xclip(folder: Path) -> Path:
    """Sees 8 frames."""
    import torch
    from transformers import XCLIPConfig, XCLIPModel, XCLIPProcessor
    from transformers.models.videomae.image_processing_pil_videomae import VideoMAEImageProcessorPil

    torch.manual_seed(0)
    tokenizer = _closed(byte_pairs("<|startoftext|>", "<|endoftext|>", "<|endoftext|>", max_tokens=77))
    sight = {
        **_SIGHT,
        "num_frames": 8,
        "mit_hidden_size": 32,
        "mit_intermediate_size": 64,
        "mit_num_hidden_layers": 1,
        "mit_num_attention_heads": 2,
    }
    config = XCLIPConfig(
        text_config=_reads(tokenizer, 77),
        vision_config=sight,
        projection_dim=DIMENSIONS,
        prompt_layers=1,
        prompt_num_attention_heads=2,
    )
    XCLIPModel(config).eval().save_pretrained(folder)
    images = VideoMAEImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    XCLIPProcessor(image_processor=images, tokenizer=tokenizer).save_pretrained(folder)
    return folder


def _reads(tokenizer: Any, tokens: int) -> dict[str, Any]:
    return {
        **_SMALL,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": tokens,
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def _closed(tokenizer: Any) -> Any:
    """Puts its first and last token around each text."""
    from tokenizers import processors

    first, last = tokenizer.bos_token, tokenizer.eos_token
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        special_tokens=[(first, tokenizer.bos_token_id), (last, tokenizer.eos_token_id)],
    )
    return tokenizer
