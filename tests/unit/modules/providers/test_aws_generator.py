"""AWS's generator: the shapes of Bedrock's families, and SageMaker's endpoints."""

from __future__ import annotations

from typing import Any

import pytest

from providers.callers import CALLER
from providers.standin import Failure, StandIn
from weft.domain.caller import Caller, Credentials
from weft.domain.errors import Invalid, ProviderError
from weft.modules.providers.aws import AwsModule
from weft.modules.registry import Registry

MESSAGES = {"messages": [{"role": "user", "content": "Hi"}]}
JPEG = "/9j/4AAQ"
REGION = {"region": "us-east-1"}


def generate(
    registry: Registry, settings: dict[str, Any], parameters: dict[str, Any] | None = None, *images: str
) -> Any:
    return registry.generator("generative-aws").generate("Hi", settings, parameters or {}, CALLER, images)


@pytest.mark.parametrize(
    ("model", "chosen", "sent"),
    [
        ("amazon.titan-text-express-v1", {}, {"inputText": "Hi"}),
        (
            "amazon.titan-text-express-v1",
            {"maxTokens": 9, "stopSequences": ["."]},
            {"inputText": "Hi", "textGenerationConfig": {"maxTokenCount": 9, "stopSequences": ["."]}},
        ),
        (
            "us.amazon.nova-lite-v1:0",
            {"maxTokens": 9},
            {
                "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
                "inferenceConfig": {"temperature": 0.0, "maxTokens": 9},
            },
        ),
        (
            "anthropic.claude-3-haiku-20240307-v1:0",
            {"topP": 0.5},
            {**MESSAGES, "anthropic_version": "bedrock-2023-05-31", "max_tokens": 300, "top_p": 0.5},
        ),
        (
            "anthropic.claude-v2",
            {"maxTokensToSample": 9},
            {
                "prompt": "\n\nHuman: Hi\n\nAssistant:",
                "anthropic_version": "bedrock-2023-05-31",
                "max_tokens_to_sample": 9,
                "temperature": 1.0,
                "top_p": 0.999,
                "top_k": 250,
                "stop_sequences": ["\n\nHuman:"],
            },
        ),
        ("ai21.j2-mid-v1", {}, {"prompt": "Hi", "maxTokens": 300, "temperature": 0.7}),
        (
            "ai21.jamba-1-5-large-v1:0",
            {"stopSequences": ["."]},
            {**MESSAGES, "max_tokens": 300, "temperature": 0.7, "stop": ["."]},
        ),
        ("cohere.command-r-v1:0", {"temperature": 0.5}, {"message": "Hi", "temperature": 0.5}),
        ("cohere.command-text-v14", {}, {"prompt": "Hi", "max_tokens": 100, "temperature": 0.8}),
        (
            "mistral.mistral-7b-instruct-v0:2",
            {},
            {"prompt": "<s>[INST] Hi [/INST]", "max_tokens": 200, "temperature": 0.5},
        ),
        ("meta.llama3-8b-instruct-v1:0", {}, {"prompt": "Hi", "max_gen_len": 512, "temperature": 0.5}),
    ],
)
def test_each_family_of_bedrock_has_its_shape(
    provider: StandIn,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    chosen: dict[str, Any],
    sent: dict[str, Any],
) -> None:
    monkeypatch.setenv("AWS_BASE_URL", provider.url)
    found = generate(registry, {**REGION, "model": model, **chosen})
    assert found.text.startswith("Answer to: ") and "Hi" in found.text
    (request,) = provider.requests
    assert request.path == f"/model/{model.replace(':', '%3A')}/invoke"
    assert request.body == sent
    assert "/us-east-1/bedrock/aws4_request" in request.headers["authorization"]
    assert "as" not in request.headers.values(), "the secret signs and is not sent"


def test_images_go_to_the_models_of_bedrock_that_see(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_BASE_URL", provider.url)
    generate(registry, {**REGION, "model": "amazon.nova-lite-v1:0"}, {}, JPEG)
    generate(registry, {**REGION, "model": "anthropic.claude-3"}, {}, JPEG)
    nova, claude = (request.body["messages"][0]["content"] for request in provider.requests)
    assert nova == [{"image": {"format": "jpeg", "source": {"bytes": JPEG}}}, {"text": "Hi"}]
    assert claude[1]["source"] == {"type": "base64", "media_type": "image/jpeg", "data": JPEG}


@pytest.mark.parametrize(
    "endpoint", ["chat", "https://chat", "https://runtime.sagemaker.us-east-1.amazonaws.com/endpoints/chat/invocations"]
)
def test_sagemaker_is_asked_at_an_endpoint(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv("AWS_BASE_URL", provider.url)
    settings = {**REGION, "service": "sagemaker", "endpoint": "another", "targetModel": "m"}
    assert generate(registry, settings, {"endpoint": endpoint, "target_variant": "v"}).text == "Answer to: Hi"
    (request,) = provider.asked("/endpoints/chat/invocations")
    assert request.body == {"prompt": "Hi"}
    assert request.headers["x-amzn-sagemaker-target-model"] == "m"
    assert request.headers["x-amzn-sagemaker-target-variant"] == "v"
    signed = request.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert {"content-type", "x-amzn-sagemaker-target-model", "x-amzn-sagemaker-target-variant"} < set(signed)
    assert "/us-east-1/sagemaker/aws4_request" in request.headers["authorization"]


@pytest.mark.parametrize(
    ("region", "host"), [("eu-west-1", "eu-west-1.amazonaws.com"), ("cn-north-1", "cn-north-1.amazonaws.com.cn")]
)
def test_the_address_is_that_of_the_region(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, region: str, host: str
) -> None:
    monkeypatch.delenv("AWS_BASE_URL", raising=False)
    module = registry.generator("generative-aws")
    assert isinstance(module, AwsModule)
    assert module.url_for({"region": region}, CALLER) == f"https://bedrock-runtime.{host}"
    assert module.url_for({"region": region, "service": "sagemaker"}, CALLER) == f"https://runtime.sagemaker.{host}"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "model has to be defined"),
        ({"service": "lambda"}, "wrong service, available services are: bedrock, sagemaker"),
        ({"model": "m", "endpoint": "e"}, "endpoint e, not applicable to bedrock"),
        ({"service": "sagemaker"}, "endpoint cannot be empty"),
        ({"service": "sagemaker", "endpoint": "e", "model": "m"}, "did you mean targetModel"),
        ({"model": "m", "temperature": 2}, "Wrong temperature configuration, values are between 0 and 1"),
        ({"model": "m", "region": "evil.example/"}, "region must be one of AWS's"),
    ],
)
def test_wrong_settings_of_aws_are_refused(registry: Registry, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        registry.generator("generative-aws").check_settings(settings)


def test_aws_needs_a_known_model_and_a_region(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Invalid, match=r"unsupported model: 'llama'; .* one of amazon.titan, amazon.nova, anthropic"):
        generate(registry, {**REGION, "model": "llama"})
    monkeypatch.delenv("AWS_REGION", raising=False)
    with pytest.raises(Invalid, match="region cannot be empty"):
        generate(registry, {"model": "meta.llama"})


@pytest.mark.parametrize("token", ["töken", "a\nb", "to\u2028ken"])
def test_a_token_that_no_header_can_have_is_refused_and_not_repeated(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("AWS_BASE_URL", provider.url)
    keys = {"x-aws-access-key": "a", "x-aws-secret-key": "s", "x-aws-session-token": token}
    caller = Caller(credentials=Credentials.of(keys))
    settings = {**REGION, "model": "meta.llama"}
    with pytest.raises(Invalid, match="header X-Amz-Security-Token for AWS would have characters") as raised:
        registry.generator("generative-aws").generate("Hi", settings, {}, caller)
    assert token not in str(raised.value)
    target = {**REGION, "service": "sagemaker", "endpoint": "e", "targetModel": token}
    with pytest.raises(Invalid, match="header X-Amzn-SageMaker-Target-Model for AWS"):
        generate(registry, target)
    assert not provider.requests


@pytest.mark.parametrize(
    ("given", "missing"), [("X-Aws-Access-Key", "X-Aws-Secret-Key"), ("X-Aws-Secret-Key", "X-Aws-Access-Key")]
)
def test_keys_of_two_owners_are_not_mixed(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch, given: str, missing: str
) -> None:
    for name, value in {"BASE_URL": provider.url, "ACCESS_KEY_ID": "own", "SECRET_ACCESS_KEY": "s"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    settings = {**REGION, "model": "meta.llama"}
    half = Caller(credentials=Credentials.of({given.lower(): "k", missing.lower(): " "}))
    with pytest.raises(Invalid, match=f"a request with header {given} also needs header {missing}"):
        registry.generator("generative-aws").generate("Hi", settings, {}, half)
    assert not provider.requests
    registry.generator("generative-aws").generate("Hi", settings, {}, Caller())
    assert provider.requests[0].key == "own"


def test_the_words_of_aws_stand_in_the_error(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_BASE_URL", provider.url)
    provider.failures = [Failure(403, {"Message": "User: x is not authorized"})]
    with pytest.raises(ProviderError, match="connection to AWS failed with status: 403 error: User: x is not"):
        generate(registry, {**REGION, "model": "meta.llama"})
