"""Loading a checkpoint as a media encoder, with the library that its family needs."""

from __future__ import annotations

from typing import Any

from weft.modules.local.checkpoint import Purpose, exported_checkpoint, read_checkpoint
from weft.modules.local.media_encoder import MediaEncoder
from weft.modules.local.models import ModelSource
from weft.modules.local.onnx_models.image_text import load_onnx_image_text
from weft.modules.local.sentence_transformer import SentenceTransformerEncoder
from weft.modules.local.special_architectures import load_special_architecture
from weft.modules.local.torch_loading import Placement, best_placement, loading, options


def load_media(
    source: ModelSource, *, downloads: bool, states: str = "encoder", placement: Placement | None = None
) -> MediaEncoder:
    """``states``: whether Whisper's vector comes from its ``encoder`` or its ``decoder``. ``placement``: by default the
    best available.

    Raises Misconfigured for a model with another purpose or custom code, or that needs a missing library, CorruptData
    when weights are missing, Overloaded when it is too large.
    """
    exported = exported_checkpoint(source, downloads=downloads)
    if exported is not None:
        return load_onnx_image_text(exported)
    checkpoint = read_checkpoint(source, downloads=downloads)
    checkpoint.require(Purpose.EMBEDDING)
    from sentence_transformers import SentenceTransformer

    special = load_special_architecture(source, checkpoint, downloads=downloads, states=states, placement=placement)
    if special is not None:
        return special

    placement = placement or best_placement()
    given = options(placement)
    with loading(checkpoint, placement):
        if checkpoint.model_type == "xclip" and not checkpoint.modules:
            model = SentenceTransformer(modules=[_xclip(checkpoint.place, given)], device=placement.device)
        else:
            model = SentenceTransformer(checkpoint.place, **given)
    return SentenceTransformerEncoder(model.eval().to(placement.torch_dtype), source.name)


def _xclip(place: str, given: dict[str, Any]) -> Any:
    """sentence-transformers does not know which of X-CLIP's methods return a vector."""
    from sentence_transformers.base.modules import Transformer

    strict = {key: given[key] for key in ("local_files_only", "trust_remote_code")}
    return Transformer(
        place,
        modality_config={
            kind: {"method": f"get_{kind}_features", "method_output_name": "pooler_output"}
            for kind in ("text", "video")
        },
        module_output_name="sentence_embedding",
        model_kwargs={**given["model_kwargs"], **strict},
        processor_kwargs=strict,
        config_kwargs=strict,
    )
