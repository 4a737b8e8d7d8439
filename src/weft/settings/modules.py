"""Modules: which are enabled, and their local models, providers and media decoders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from weft.settings.setting import at_least, group, is_timeout, setting


@dataclass(frozen=True, slots=True)
class ModelSettings:
    threads: int = setting(
        "embedding_threads", "WEFT_EMBEDDING_THREADS", 0, "threads of each local model; 0: one per core"
    )
    queue: int = setting("embedding_queue", "WEFT_EMBEDDING_QUEUE", 100_000, "texts that may wait for a local model")
    path: str = setting(
        "models_path", "WEFT_MODELS_PATH", "", "folder of models that collections may name; empty: none"
    )
    downloads: bool = setting(
        "model_downloads", "WEFT_MODEL_DOWNLOADS", False, "let collections name models of the hub, fetched on first use"
    )

    @property
    def folder(self) -> Path | None:
        return Path(self.path) if self.path else None

    def __post_init__(self) -> None:
        at_least(0, embedding_threads=self.threads)
        at_least(1, embedding_queue=self.queue)


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    timeout_s: float = setting(
        "modules_client_timeout_s",
        "MODULES_CLIENT_TIMEOUT",
        50.0,
        "longest wait for one answer of a model provider, as `50s`, `1m30s` or seconds",
    )
    public_only: bool = setting(
        "modules_validate_base_url",
        "MODULES_VALIDATE_BASE_URL",
        False,
        "refuse provider addresses in collections and headers that use plain http or lie in a private network; on "
        "unless set where there are users or the server listens on more than a loopback address",
    )

    private_errors: bool = setting(
        "provider_private_errors",
        "WEFT_PROVIDER_PRIVATE_ERRORS",
        True,
        "return what servers in a private network answer with an error, where a collection or a request names them; "
        "off unless set where there are users or the server listens on more than a loopback address",
    )
    hosts: tuple[str, ...] = setting(
        "provider_hosts",
        "WEFT_PROVIDER_HOSTS",
        (),
        "hosts, as host or host:port, that collections and requests may name as addresses of providers wherever they "
        "are, and that get the server's own keys",
    )

    def __post_init__(self) -> None:
        is_timeout(modules_client_timeout_s=self.timeout_s)


@dataclass(frozen=True, slots=True)
class MediaSettings:
    workers: int = setting(
        "media_workers",
        "WEFT_MEDIA_WORKERS",
        0,
        "images, audio clips and videos that are decoded at a time; 0: one per core, at most 4",
    )
    max_pixels: int = setting(
        "media_max_pixels",
        "WEFT_MEDIA_MAX_PIXELS",
        40_000_000,
        "largest image, or frame of a video, that is decoded, in pixels",
    )
    memory_mb: int = setting(
        "media_memory_mb", "WEFT_MEDIA_MEMORY_MB", 2048, "memory that decoding one file may take, in MB"
    )
    timeout_s: float = setting(
        "media_timeout_s",
        "WEFT_MEDIA_TIMEOUT",
        60.0,
        "longest time that decoding one file may take, as `60s` or seconds",
    )
    cpu_s: float = setting(
        "media_cpu_s",
        "WEFT_MEDIA_CPU_SECONDS",
        40.0,
        "most computing that decoding one file may take, as `40s` or seconds of one core",
    )

    def __post_init__(self) -> None:
        at_least(0, media_workers=self.workers)
        at_least(1, media_max_pixels=self.max_pixels, media_memory_mb=self.memory_mb)
        is_timeout(media_timeout_s=self.timeout_s, media_cpu_s=self.cpu_s)


@dataclass(frozen=True, slots=True)
class ModuleSettings:
    enabled: tuple[str, ...] = setting(
        "enable_modules",
        "ENABLE_MODULES",
        (),
        "modules to enable beside those of providers, comma-separated; empty: all",
    )
    providers_off: bool = setting(
        "api_based_modules_disabled",
        "API_BASED_MODULES_DISABLED",
        False,
        "enable only the modules of providers that `enable_modules` names",
    )
    models: ModelSettings = group(ModelSettings, "Local models")
    providers: ProviderSettings = group(ProviderSettings, "Providers")
    media: MediaSettings = group(MediaSettings, "Media")
