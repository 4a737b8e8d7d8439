"""Whisper and Perceiver of the real classes with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def whisper_config() -> Any:
    from transformers import WhisperConfig

    return WhisperConfig(
        vocab_size=400,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        num_mel_bins=80,
        decoder_start_token_id=1,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )


def whisper(folder: Path, *, form: str = "WhisperForConditionalGeneration") -> Path:
    """``form``: the class that it is saved by, which decides the names of its weights."""
    import torch
    import transformers

    torch.manual_seed(0)
    whole = transformers.WhisperForConditionalGeneration(whisper_config()).eval()
    parts = {
        "WhisperForConditionalGeneration": whole,
        "WhisperModel": whole.model,
        "WhisperEncoder": whole.model.encoder,
    }
    parts[form].save_pretrained(folder)
    transformers.WhisperFeatureExtractor().save_pretrained(folder)
    return folder


def perceiver(folder: Path) -> Path:
    """16.5 MB: the class wires most sizes in."""
    import torch
    from transformers import PerceiverConfig, PerceiverForMultimodalAutoencoding
    from transformers.models.perceiver.image_processing_pil_perceiver import PerceiverImageProcessorPil

    torch.manual_seed(0)
    config = PerceiverConfig(
        num_latents=16,
        d_latents=32,
        d_model=704,
        num_blocks=1,
        num_self_attends_per_block=1,
        num_self_attention_heads=2,
        num_cross_attention_heads=1,
        num_labels=700,
        image_size=56,
        num_frames=16,
        audio_samples_per_frame=1920,
        samples_per_patch=16,
        output_shape=[1, 16, 224, 224],
    )
    PerceiverForMultimodalAutoencoding(config).eval().save_pretrained(folder)
    PerceiverImageProcessorPil().save_pretrained(folder)
    return folder
