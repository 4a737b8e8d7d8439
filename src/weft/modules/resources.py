"""What the modules of one server share: the connections to providers, and the models and decoders of this process."""

from __future__ import annotations

from dataclasses import dataclass, field

from weft.modules.local.models import ModelOffer
from weft.modules.local.pool import ModelPool
from weft.modules.media import MediaDecoder
from weft.modules.media.limits import MediaLimits
from weft.modules.providers.client import ProviderClient
from weft.settings.modules import MediaSettings, ModelSettings, ProviderSettings


@dataclass(frozen=True, slots=True)
class Resources:
    """Each opens what it needs at its first use, so that those which no module uses cost nothing."""

    client: ProviderClient = field(default_factory=ProviderClient)
    pool: ModelPool = field(default_factory=ModelPool)
    offer: ModelOffer = field(default_factory=ModelOffer)
    decoder: MediaDecoder = field(default_factory=MediaDecoder)

    @classmethod
    def of(cls, models: ModelSettings, providers: ProviderSettings, media: MediaSettings) -> Resources:
        """As the operator set them."""
        limits = MediaLimits(pixels=media.max_pixels, memory_bytes=media.memory_mb << 20, wall_s=media.timeout_s)
        return cls(
            ProviderClient(timeout_s=providers.timeout_s, public_only=providers.public_only),
            ModelPool(threads=models.threads, queue_limit=models.queue),
            ModelOffer(models.folder, allow_downloads=models.downloads),
            MediaDecoder(limits, workers=media.workers),
        )

    def close(self) -> None:
        """Ends what runs; what waits is refused."""
        self.pool.close()
        self.client.close()
        self.decoder.close()
