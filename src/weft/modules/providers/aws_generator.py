"""AWS's generator: ``generative-aws``, by Bedrock and SageMaker. Keys, region and address: see ``aws``.

SageMaker's endpoint gets the prompt alone: what else it takes is its owner's choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.parse import quote, urlsplit

from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject
from weft.modules.base import Generated, ModuleConfig
from weft.modules.providers.answers import text_answer
from weft.modules.providers.aws import BEDROCK, SAGEMAKER, AwsModule, invocation_path, region_of
from weft.modules.providers.bedrock_generation import bedrock_body, bedrock_text
from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.provider import Provider
from weft.modules.text_vectorizer import text_setting

_OLD_NAMES = ("maxTokens", "maxTokenCount", "maxTokensToSample")


class GenerativeAws(AwsModule, ProviderGenerator):
    title = "Generative Search - AWS"
    documentation = "https://docs.aws.amazon.com/bedrock/latest/APIReference/welcome.html"
    model = ""
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"temperature": (0, 1), "topP": (0, 1)}

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        service, model = self.service_for(settings), self.model_of(settings)
        endpoint = text_setting(settings, "endpoint")
        if text_setting(settings, "region"):
            region_of(settings)
        if service == BEDROCK and not model:
            raise Invalid("model has to be defined")
        if service == BEDROCK and endpoint:
            raise Invalid(f"wrong configuration: endpoint {endpoint}, not applicable to {service}")
        if service == SAGEMAKER and not endpoint:
            raise Invalid("endpoint cannot be empty")
        if service == SAGEMAKER and model:
            raise Invalid(f"wrong configuration: model, not applicable to {service}. did you mean targetModel")

    def service_for(self, settings: ModuleConfig) -> str:
        service = text_setting(settings, "service") or BEDROCK
        if service not in (BEDROCK, SAGEMAKER):
            raise Invalid(f"wrong service, available services are: {BEDROCK}, {SAGEMAKER}, not {service!r:.80}")
        return service

    def understood(self, given: ModuleConfig) -> ModuleConfig:
        """The client for Python takes only a URL as the endpoint of a request; its last part is the name."""
        tokens = next((given[name] for name in _OLD_NAMES if given.get(name)), None)
        endpoint = text_setting(given, "endpoint")
        if "://" in endpoint:
            parts = urlsplit(endpoint)
            steps = [one for one in (parts.netloc, *parts.path.split("/")) if one and one != "invocations"]
            endpoint = steps[-1] if steps else ""
        return {**given, "maxTokens": tokens, "endpoint": endpoint or None}

    def path_for(self, chosen: ModuleConfig) -> str:
        if self.service_for(chosen) == SAGEMAKER:
            return f"/endpoints/{quote(text_setting(chosen, 'endpoint'), safe='')}/invocations"
        return invocation_path(self.model_of(chosen))

    def body(self, prompt: str, chosen: ModuleConfig, images: Sequence[str]) -> dict[str, object]:
        if self.service_for(chosen) == SAGEMAKER:
            return {"prompt": prompt}
        return bedrock_body(self.model_of(chosen), prompt, images, chosen)

    def answer(self, answer: JsonObject, provider: Provider) -> Generated:
        return text_answer(bedrock_text(answer), answer.get("usage"), provider, answer.get("stop_reason"))
