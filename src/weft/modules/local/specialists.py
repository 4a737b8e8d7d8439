"""Models of sound and film that sentence-transformers does not load as they should be, told by their configuration."""

from __future__ import annotations

from weft.domain.errors import Invalid
from weft.modules.local.checkpoint import read_checkpoint
from weft.modules.local.models import ModelSource
from weft.modules.local.perceiver import PerceiverEncoder, load_perceiver
from weft.modules.local.torch_loading import Placement
from weft.modules.local.whisper import ENCODER, STATES, WhisperEncoder, load_whisper


def load_specialist(
    source: ModelSource, *, downloads: bool, states: str = ENCODER, placement: Placement | None = None
) -> WhisperEncoder | PerceiverEncoder | None:
    """Whisper (which embeds sounds) or Perceiver (films); None for a model of any other family.

    ``states``: of Whisper's ``encoder`` or ``decoder``. Raises Invalid for another word, and what their loaders raise.
    """
    if states not in STATES:
        raise Invalid(f"states must be one of {', '.join(STATES)}, not {states!r}")
    family = read_checkpoint(source.place, source.name, local_files_only=not downloads).model_type
    if family == "whisper":
        return load_whisper(source, states=states, downloads=downloads, placement=placement)
    if family == "perceiver":
        return load_perceiver(source, downloads=downloads, placement=placement)
    return None
