"""AWS: what the modules that call its models have in common: Bedrock, SageMaker, regions and keys.

The keys are those of the request (``X-Aws-Access-Key``, ``X-Aws-Secret-Key`` and, if they are temporary,
``X-Aws-Session-Token``), else the server's (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN): all of them
from one of both, so that a request with a key of its own is never signed with the server's secret. They only sign and
are not sent. The region is the setting ``region``, else AWS_REGION. The address is the service's own in that region,
unless header ``X-Aws-Baseurl`` or variable AWS_BASE_URL names another.
Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from urllib.parse import quote

from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.modules.base import ModuleConfig
from weft.modules.providers.aws_signing import AwsCredentials, AwsSigner
from weft.modules.providers.connection import ProviderConnection, ProviderModule
from weft.modules.providers.provider import Provider, explained
from weft.modules.text_vectorizer import text_setting

BEDROCK, SAGEMAKER = "bedrock", "sagemaker"
_HOSTS = {BEDROCK: "bedrock-runtime.{region}.amazonaws.com", SAGEMAKER: "runtime.sagemaker.{region}.amazonaws.com"}
TARGETS = {"targetModel": "X-Amzn-SageMaker-Target-Model", "targetVariant": "X-Amzn-SageMaker-Target-Variant"}
"""The settings that choose among the models of an endpoint of SageMaker, and their headers."""

_REGION = re.compile(r"[a-z0-9-]+")
_TOKEN_HEADER = "X-Aws-Session-Token"

_AWS = Provider(
    "AWS",
    "AWS",
    (),
    explained("connection to AWS"),
    key_headers=("X-Aws-Access-Key",),
    key_variables=("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"),
    own_hosts=re.compile(r"(?:bedrock-runtime|runtime\.sagemaker)\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?"),
)
_SECRET = replace(_AWS, key_headers=("X-Aws-Secret-Key",), key_variables=("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"))


class AwsModule(ProviderModule):
    provider = _AWS
    address_setting = ""  # none: the region has the address

    def service_for(self, settings: ModuleConfig) -> str:
        """The service that is called."""
        return BEDROCK

    def headers_for(self, settings: ModuleConfig, caller: Caller) -> dict[str, str]:
        if self.service_for(settings) != SAGEMAKER:
            return {}
        return {header: value for name, header in TARGETS.items() if (value := text_setting(settings, name))}

    def connect(self, settings: ModuleConfig, caller: Caller, *, importing: bool = False) -> ProviderConnection:
        url = self.url_for(settings, caller)
        credentials = _credentials(caller, trusted=self._client.rules.gets_own_key(_AWS, url, caller))
        signer = AwsSigner(credentials, region_of(settings), self.service_for(settings))
        pace = _AWS.pace(caller) if importing else None
        return ProviderConnection(self._client, _AWS, url, self.headers_for(settings, caller), pace, signer)

    def url_for(self, settings: ModuleConfig, caller: Caller) -> str:
        region = region_of(settings)
        host = _HOSTS[self.service_for(settings)].format(region=region) + (".cn" if region.startswith("cn-") else "")
        return _AWS.base_url({}, caller, f"https://{host}")


def region_of(settings: ModuleConfig) -> str:
    """Raises Invalid if there is none, or if it is no name of a region."""
    region = text_setting(settings, "region") or os.environ.get("AWS_REGION", "")
    if not region:
        raise Invalid("region cannot be empty; set it, or the server's variable AWS_REGION, to one such as us-east-1")
    if not _REGION.fullmatch(region):
        raise Invalid(f"setting region must be one of AWS's, such as us-east-1, not {region!r:.80}")
    return region


def invocation_path(model: str) -> str:
    """Where Bedrock invokes a model."""
    return f"/model/{quote(model, safe='')}/invoke"


def _credentials(caller: Caller, *, trusted: bool) -> AwsCredentials:
    names = (_AWS.headers_of_key[0], _SECRET.headers_of_key[0])
    given = [name for name in names if caller.credentials.get(name).strip()]
    if len(given) == 1:
        (missing,) = {*names} - {*given}
        raise Invalid(f"a request with header {given[0]} also needs header {missing}")
    token = caller.credentials.get(_TOKEN_HEADER) if given else os.environ.get("AWS_SESSION_TOKEN", "")
    return AwsCredentials(_AWS.key(caller, trusted=trusted), _SECRET.key(caller, trusted=trusted), token.strip())
