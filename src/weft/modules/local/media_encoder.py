"""What every model of media is to the modules that use it, and what it embeds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from weft.domain.errors import Invalid
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.base import TEXT, InputKind
from weft.modules.media.images import Pixels
from weft.modules.media.tracks import Frames, Waveform

READABLE: frozenset[InputKind] = frozenset({TEXT, MediaKind.IMAGE, MediaKind.AUDIO, MediaKind.VIDEO})
"""The kinds that the decoder and these models know."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What is embedded: text; an image ``(h, w, 3) u8``; audio ``(n,) f32`` at the model's rate; the frames of a video
    ``(n, h, w, 3) u8`` that lasts ``seconds``, with its ``soundtrack`` for models that read it. A text may be a
    query's, which some models mark."""

    kind: InputKind
    content: str | Pixels | Waveform | Frames
    seconds: float = 0.0
    is_query: bool = False
    soundtrack: Waveform | None = None

    @property
    def bytes(self) -> int:
        """Those that its decoded form takes."""
        beside = 0 if self.soundtrack is None else int(self.soundtrack.nbytes)
        return beside + (len(self.content) if isinstance(self.content, str) else int(self.content.nbytes))


class MediaEncoder(ABC):
    """A loaded model; an ``Encoder`` of the scheduler.

    ``kinds`` are those among ``READABLE`` that it embeds. ``rate`` and ``seconds`` are of the audio that it reads,
    ``frames`` how many of a video.
    """

    reads_soundtracks: ClassVar[bool] = False
    """Whether it wants the beginning of a video with its soundtrack, rather than frames of all parts of it."""

    name: str
    parallel: bool
    kinds: frozenset[InputKind]
    rate: int
    seconds: float
    frames: int

    @abstractmethod
    def prepare(self, samples: Sequence[Sample | str]) -> list[Sample]:
        """A bare text is a query's. Raises Invalid for a kind that the model does not embed, and for empty media."""

    @abstractmethod
    def length(self, prepared: Sample) -> int:
        """About as many tokens of a usual model as take the same time."""

    @abstractmethod
    def encode(self, run: Sequence[Sample]) -> list[Vector]:
        """``(d,)`` of length 1 for each; ``d`` may differ between kinds where the model says so."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the model; called when no run is under way."""

    def check(self, kind: InputKind) -> None:
        """Raises Invalid unless the model embeds that kind."""
        if kind not in self.kinds:
            raise Invalid(
                f"the model {self.name} does not embed {kind}; it embeds {', '.join(sorted(self.kinds))}. "
                "Choose another by the setting model"
            )

    def checked(self, sample: Sample | str) -> Sample:
        """``sample``, of a kind that the model embeds and not empty; a bare text as a query's."""
        found = Sample(TEXT, sample, is_query=True) if isinstance(sample, str) else sample
        self.check(found.kind)
        if not isinstance(found.content, str) and not found.content.size:
            raise Invalid(f"there is no {found.kind} to embed by {self.name}; it is empty")
        return found
