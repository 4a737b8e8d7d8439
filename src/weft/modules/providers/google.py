"""Google: what the modules of AI Studio (the Gemini API) and of Vertex AI have in common: addresses and keys.

Vertex AI is called if there is a ``projectId``, unless ``apiEndpoint`` names AI Studio's host. The address is header
X-Google-Baseurl, else ``apiEndpoint`` (a host), else variable GOOGLE_BASE_URL, else Google's own: for Vertex AI that of
the ``region``, which a regional ``apiEndpoint`` may name too.

The key for either is the first of its own headers, then the common ones, then a variable; Vertex AI's is an access
token. Source: https://ai.google.dev/api and https://cloud.google.com/vertex-ai/docs/reference/rest
"""

from __future__ import annotations

import re
from typing import ClassVar
from urllib.parse import quote

from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.modules.base import ModuleConfig
from weft.modules.providers.connection import ProviderModule
from weft.modules.providers.provider import Provider, explained
from weft.modules.text_vectorizer import text_setting

_COMMON_HEADERS = ("X-Goog-Api-Key", "X-Palm-Api-Key", "X-Google-Api-Key")
_STUDIO_HOST = "generativelanguage.googleapis.com"
_USUAL_REGION = "us-central1"
_REGIONAL = re.compile(r"(?:https://)?([a-z0-9-]+)-aiplatform\.googleapis\.com/?")
_REGION = re.compile(r"[a-z0-9-]+")


def _google(kind: str, host: str) -> Provider:
    return Provider(
        "Google",
        "GOOGLE",
        (f"https://{host}",),
        explained("connection to Google"),
        key_headers=(f"X-Goog-{kind}-Api-Key", f"X-Google-{kind}-Api-Key", *_COMMON_HEADERS),
        key_variables=("GOOGLE_APIKEY", "PALM_APIKEY"),
        bare_hosts=True,
        own_hosts=re.compile(r"(?:[a-z0-9-]+-)?aiplatform\.googleapis\.com|generativelanguage\.googleapis\.com"),
    )


STUDIO = _google("Studio", _STUDIO_HOST)
VERTEX = _google("Vertex", f"{_USUAL_REGION}-aiplatform.googleapis.com")


class GoogleModule(ProviderModule):
    """The common part of Google's modules."""

    address_setting = "apiEndpoint"
    studio_model: ClassVar[str]
    vertex_model: ClassVar[str]
    """The default models."""

    def provider_for(self, settings: ModuleConfig) -> Provider:
        named = text_setting(settings, "apiEndpoint").removeprefix("https://").rstrip("/")
        return VERTEX if text_setting(settings, "projectId") and named != _STUDIO_HOST else STUDIO

    def model_of(self, settings: ModuleConfig) -> str:
        usual = self.studio_model if self.provider_for(settings) is STUDIO else self.vertex_model
        return text_setting(settings, "model") or text_setting(settings, "modelId") or usual

    def key_headers(self, provider: Provider, key: str) -> dict[str, str]:
        return {"x-goog-api-key": key} if provider is STUDIO else super().key_headers(provider, key)

    def url_for(self, settings: ModuleConfig, caller: Caller) -> str:
        settings = with_region(settings)
        provider = self.provider_for(settings)
        if provider is STUDIO:
            return super().url_for(settings, caller)
        region, location = _place(settings, "region", "location"), _place(settings, "location", "region")
        host = "aiplatform.googleapis.com" if location == "global" else f"{region}-aiplatform.googleapis.com"
        return provider.base_url(settings, caller, f"https://{host}", setting=self.address_setting)

    def vertex_path(self, settings: ModuleConfig, model: str, verb: str) -> str:
        """The path of what ``verb`` does with a model of Google's, in the collection's project."""
        settings = with_region(settings)
        project, location = text_setting(settings, "projectId"), _place(settings, "location", "region")
        place = f"/v1/projects/{quote(project, safe='')}/locations/{location}"
        return f"{place}/publishers/google/models/{quote(model, safe='')}:{verb}"


def with_region(settings: ModuleConfig) -> ModuleConfig:
    """``settings`` with the ``region`` that a regional ``apiEndpoint`` names instead of that."""
    named = _REGIONAL.fullmatch(text_setting(settings, "apiEndpoint"))
    if named is None:
        return settings
    return {"region": named.group(1), **{name: value for name, value in settings.items() if name != "apiEndpoint"}}


def _place(settings: ModuleConfig, *names: str) -> str:
    """A region: the first of the settings ``names`` that is given, else the usual one."""
    for name in names:
        if found := text_setting(settings, name):
            if not _REGION.fullmatch(found):
                raise Invalid(f"setting {name} must be a region of Google's, such as {_USUAL_REGION}, not {found!r}")
            return found
    return _USUAL_REGION
