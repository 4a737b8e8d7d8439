"""The three towers of tiny-any: a CLIP for text and images, a Whisper encoder for audio clips, an X-CLIP for videos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import transformers
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from tiny_any.corpus import IMAGE_PIXELS, VIDEO_FRAMES, VIDEO_PIXELS

WIDTH = 96
DIMENSIONS = 64
_MELS = 40
_MEAN, _DEVIATION = 0.5, 0.25
_LONGEST = 32
_END = "</w>"
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789,.'-:"


def tokenizer_of(captions: Sequence[str], vocabulary: int = 1100) -> Any:
    """Byte pair encoding, arXiv 1508.07909. The library's own training gives other numbers each time."""
    first, last = "<|startoftext|>", "<|endoftext|>"
    normalizer = _plain()
    splitter = pre_tokenizers.BertPreTokenizer()
    counts = Counter(word for one in captions for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(one)))
    tokens, merges = _pairs(counts, [last, first, *_ALPHABET], vocabulary)
    numbers = {token: i for i, token in enumerate(tokens)}
    found = Tokenizer(models.BPE(numbers, merges, end_of_word_suffix=_END, unk_token=last))
    found.normalizer = normalizer
    found.pre_tokenizer = splitter
    found.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", special_tokens=[(first, 1), (last, 0)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=found,
        bos_token=first,
        eos_token=last,
        pad_token=last,
        unk_token=last,
        model_max_length=_LONGEST,
    )


def _plain() -> Any:
    """Accents are left out and unknown characters are blanks: as tokens they would be the end of the text."""
    unknown = Regex(r"[^a-z0-9,.'\-:]")
    return normalizers.Sequence(
        [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Replace(unknown, " ")]
    )


def _pairs(
    counts: Mapping[str, int], tokens: Sequence[str], vocabulary: int
) -> tuple[list[str], list[tuple[str, str]]]:
    """The tokens, those given first, and the pairs that were joined to the last of them, the most frequent first."""
    words = {word: [*word[:-1], word[-1] + _END] for word in sorted(counts)}
    known = dict.fromkeys([*tokens, *(one + _END for one in tokens[2:])])
    merges: list[tuple[str, str]] = []
    while len(known) < vocabulary:
        seen: Counter[tuple[str, str]] = Counter()
        for word, parts in words.items():
            for pair in pairwise(parts):
                seen[pair] += counts[word]
        if not seen:
            break
        pair = max(seen, key=lambda one: (seen[one], one))
        merges.append(pair)
        known["".join(pair)] = None
        words = {word: _joined(parts, pair) for word, parts in words.items()}
    return list(known), merges


def _joined(parts: list[str], pair: tuple[str, str]) -> list[str]:
    if pair[0] not in parts:
        return parts
    found: list[str] = []
    for one in parts:
        if found and (found[-1], one) == pair:
            found[-1] += one
        else:
            found.append(one)
    return found


@dataclass
class Towers:
    """Each method gives ``(n, 64) f32`` of length 1."""

    tokenizer: Any
    clip: Any
    ear: Any
    ear_out: torch.nn.Linear
    video: Any

    def __post_init__(self) -> None:
        self.hearing = transformers.WhisperFeatureExtractor(feature_size=_MELS, chunk_length=2)
        self.scale = torch.nn.Parameter(torch.tensor(2.6))

    @property
    def modules(self) -> list[Any]:
        return [self.clip, self.ear, self.ear_out, self.video]

    def parameters(self) -> list[torch.nn.Parameter]:
        """Those that training reaches; X-CLIP's text tower is left as it is, and unused."""
        unused = ("text_", "prompts_", "logit_scale")
        found = [self.scale]
        for module in self.modules:
            skip = unused if module is self.video else ("logit_scale",)
            found += [weight for name, weight in module.named_parameters() if not name.startswith(skip)]
        return found

    def text(self, captions: Sequence[str]) -> torch.Tensor:
        given = self.tokenizer(list(captions), padding=True, truncation=True, return_tensors="pt")
        made = self.clip.get_text_features(input_ids=given["input_ids"], attention_mask=given["attention_mask"])
        return _unit(made.pooler_output)

    def images(self, pixels: Sequence[Any]) -> torch.Tensor:
        return _unit(self.clip.get_image_features(pixel_values=_channels_first(np.stack(pixels))).pooler_output)

    def videos(self, frames: Sequence[Any]) -> torch.Tensor:
        return _unit(self.video.get_video_features(pixel_values=_channels_first(np.stack(frames))).pooler_output)

    def heard(self, clips: Sequence[Any]) -> torch.Tensor:
        """The mel features ``(n, 40, 200) f32`` of audio clips, which do not change and are made once."""
        found = self.hearing(list(clips), sampling_rate=16_000, return_tensors="pt", padding="max_length")
        return found["input_features"]

    def audio(self, features: torch.Tensor) -> torch.Tensor:
        return _unit(self.ear_out(self.ear(features).last_hidden_state.mean(1)))


def new_towers(tokenizer: Any) -> Towers:
    small = {"hidden_size": WIDTH, "intermediate_size": 256, "num_attention_heads": 4, "hidden_act": "gelu"}
    ends = {"eos_token_id": 0, "bos_token_id": 1, "pad_token_id": 0}
    text = {**small, **ends, "num_hidden_layers": 2, "vocab_size": len(tokenizer), "max_position_embeddings": _LONGEST}
    sight = {**small, "num_hidden_layers": 4, "image_size": IMAGE_PIXELS, "patch_size": 8}
    clip = transformers.CLIPModel(
        transformers.CLIPConfig(text_config=text, vision_config=sight, projection_dim=DIMENSIONS)
    )
    ear = transformers.WhisperModel(
        transformers.WhisperConfig(
            vocab_size=8,
            d_model=WIDTH,
            encoder_layers=2,
            decoder_layers=1,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            encoder_ffn_dim=256,
            decoder_ffn_dim=8,
            num_mel_bins=_MELS,
            max_source_positions=100,
            max_target_positions=4,
            decoder_start_token_id=1,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        )
    ).encoder
    unused = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    moving = {"hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 2, "num_attention_heads": 4}
    over_time = {"hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 1, "num_attention_heads": 4}
    video = transformers.XCLIPModel(
        transformers.XCLIPConfig(
            text_config={**text, **unused, "vocab_size": 8},
            vision_config={
                **moving,
                "image_size": VIDEO_PIXELS,
                "patch_size": 8,
                "num_frames": VIDEO_FRAMES,
                **{f"mit_{name}": value for name, value in over_time.items()},
            },
            projection_dim=DIMENSIONS,
            prompt_layers=1,
            prompt_num_attention_heads=2,
        )
    )
    for module in (clip, video):
        for name, weight in module.named_parameters():
            if name.endswith("embedding.weight"):
                torch.nn.init.normal_(weight, std=0.02)
    return Towers(tokenizer, clip, ear, torch.nn.Linear(WIDTH, DIMENSIONS, bias=False), video)


def save(towers: Towers, folder: Path) -> None:
    """One folder of sentence-transformers, weights in float16."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Dense, Normalize, Router, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    def read(part: Path, output: str, **methods: tuple[str, str]) -> Any:
        config = {kind: {"method": one[0], "method_output_name": one[1]} for kind, one in methods.items()}
        return Transformer(
            str(part), modality_config=config, module_output_name=output, model_kwargs={"dtype": torch.float32}
        )

    with TemporaryDirectory() as temporary:
        parts = Path(temporary)
        _save_parts(towers, parts)
        pooled = "pooler_output"
        clip = read(
            parts / "clip",
            "sentence_embedding",
            text=("get_text_features", pooled),
            image=("get_image_features", pooled),
        )
        ear = read(parts / "ear", "token_embeddings", audio=("forward", "last_hidden_state"))
        video = read(parts / "video", "sentence_embedding", video=("get_video_features", pooled))
        out = Dense(WIDTH, DIMENSIONS, bias=False, activation_function=torch.nn.Identity())
        out.linear.weight.data = towers.ear_out.weight.detach().clone()
        routes = {"text": "clip", "image": "clip", "audio": "audio", "video": "video"}
        router = Router(
            {"clip": [clip], "audio": [ear, Pooling(WIDTH, "mean"), out], "video": [video]},
            route_mappings={(None, kind): route for kind, route in routes.items()},
            default_route="clip",
        )
        whole = SentenceTransformer(modules=[router, Normalize()], device="cpu")
        for part in (clip, ear, video):
            part.model.half()
        out.half()
        whole.save_pretrained(str(folder), create_model_card=False)


def _save_parts(towers: Towers, folder: Path) -> None:
    def crop(pixels: int) -> dict[str, Any]:
        stated = {"image_mean": [_MEAN] * 3, "image_std": [_DEVIATION] * 3}
        return {"size": {"shortest_edge": pixels}, "crop_size": {"height": pixels, "width": pixels}, **stated}

    towers.clip.save_pretrained(folder / "clip")
    images = transformers.CLIPImageProcessor(**crop(IMAGE_PIXELS), resample=2)
    transformers.CLIPProcessor(image_processor=images, tokenizer=towers.tokenizer).save_pretrained(folder / "clip")
    towers.ear.save_pretrained(folder / "ear")
    towers.hearing.save_pretrained(folder / "ear")
    towers.video.save_pretrained(folder / "video")
    frames = transformers.VideoMAEImageProcessor(**crop(VIDEO_PIXELS), do_center_crop=True)
    transformers.XCLIPProcessor(image_processor=frames, tokenizer=towers.tokenizer).save_pretrained(folder / "video")


def _channels_first(pixels: Any) -> torch.Tensor:
    """``(…, h, w, 3) u8`` to ``(…, 3, h, w) f32`` around 0."""
    scaled = (pixels.astype(np.float32) / 255 - _MEAN) / _DEVIATION
    return torch.from_numpy(np.moveaxis(scaled, -1, -3).copy())


def _unit(vectors: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(vectors, dim=-1)
