"""Resources that the modules of one server share: connections to providers, models and decoders."""

from __future__ import annotations

from dataclasses import dataclass, field

from weft.modules.local.models import ModelOffer
from weft.modules.local.pool import ModelPool
from weft.modules.media import MediaDecoder
from weft.modules.media.limits import MediaLimits
from weft.modules.providers.address_rules import AddressRules
from weft.modules.providers.client import ProviderClient
from weft.settings.modules import MediaSettings, ModelSettings, ProviderSettings


@dataclass(frozen=True, slots=True)
class Resources:
    """Each is opened on first use, so that unused ones cost nothing."""

    client: ProviderClient = field(default_factory=ProviderClient)
    pool: ModelPool = field(default_factory=ModelPool)
    offer: ModelOffer = field(default_factory=ModelOffer)
    decoder: MediaDecoder = field(default_factory=MediaDecoder)

    @classmethod
    def of(cls, models: ModelSettings, providers: ProviderSettings, media: MediaSettings) -> Resources:
        """From the operator's settings."""
        limits = MediaLimits(
            pixels=media.max_pixels, memory_bytes=media.memory_mb << 20, wall_s=media.timeout_s, cpu_s=media.cpu_s
        )
        hosts = frozenset(host.lower() for host in providers.hosts)
        rules = AddressRules(providers.public_only, providers.private_errors, hosts)
        return cls(
            ProviderClient(timeout_s=providers.timeout_s, rules=rules),
            ModelPool(threads=models.threads, queue_limit=models.queue),
            ModelOffer(models.folder, allow_downloads=models.downloads),
            MediaDecoder(limits, workers=media.workers),
        )

    def close(self) -> None:
        """Ends running work; waiting requests are refused."""
        self.pool.close()
        self.client.close()
        self.decoder.close()
