"""MediaEncoder: the interface of every media model; and Sample, its input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from weft.domain.errors import Invalid
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.base import TEXT, InputKind
from weft.modules.media.audio import Waveform
from weft.modules.media.images import Pixels
from weft.modules.media.video import Frames

READABLE: frozenset[InputKind] = frozenset({TEXT, MediaKind.IMAGE, MediaKind.AUDIO, MediaKind.VIDEO})
"""The kinds that the decoder and these models support."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A text; an image ``(h, w, 3) u8``; audio ``(n,) f32`` at the model's rate; or the frames of a video
    ``(n, h, w, 3) u8`` of ``seconds``, with its ``soundtrack`` for models that read it. Some models mark texts of
    queries."""

    kind: InputKind
    content: str | Pixels | Waveform | Frames
    seconds: float = 0.0
    is_query: bool = False
    soundtrack: Waveform | None = None

    @property
    def bytes(self) -> int:
        """The size of its decoded form."""
        beside = 0 if self.soundtrack is None else int(self.soundtrack.nbytes)
        return beside + (len(self.content) if isinstance(self.content, str) else int(self.content.nbytes))


class MediaEncoder(ABC):
    """A loaded model; an ``Encoder`` of the scheduler.

    ``kinds``: those of ``READABLE`` that it embeds. ``rate`` and ``seconds``: of the audio that it reads; ``frames``:
    how many of a video.
    """

    reads_soundtracks: ClassVar[bool] = False
    """Whether it reads the beginning of a video with its soundtrack, rather than frames spread over the video."""

    name: str
    parallel: bool
    kinds: frozenset[InputKind]
    rate: int
    seconds: float
    frames: int

    @abstractmethod
    def prepare(self, samples: Sequence[Sample | str]) -> list[Sample]:
        """A bare text is a query. Raises Invalid for a kind that the model does not embed, and for empty media."""

    @abstractmethod
    def length(self, prepared: Sample) -> int:
        """The cost, as the number of tokens of a usual model that take the same time."""

    @abstractmethod
    def encode(self, run: Sequence[Sample]) -> list[Vector]:
        """``(d,)`` of length 1 for each; ``d`` may differ between kinds for some models."""

    @abstractmethod
    def close(self) -> None:
        """Release the model; called when nothing runs."""

    def check(self, kind: InputKind) -> None:
        """Raises Invalid unless the model embeds that kind."""
        if kind not in self.kinds:
            raise Invalid(
                f"the model {self.name} does not embed {kind}; it embeds {', '.join(sorted(self.kinds))}. "
                "Choose another with the setting model"
            )

    def checked(self, sample: Sample | str) -> Sample:
        """``sample``, checked to be of a supported kind and not empty; a bare text as a query."""
        found = Sample(TEXT, sample, is_query=True) if isinstance(sample, str) else sample
        self.check(found.kind)
        if not isinstance(found.content, str) and not found.content.size:
            raise Invalid(f"there is no {found.kind} to embed by {self.name}; it is empty")
        return found
