"""Keys, addresses and failures of calls to providers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from providers.callers import CALLER, modules_of, near, texts, with_headers
from providers.standin import CUT, Failure, StandIn, vector_of
from weft.domain.caller import Caller, Credentials
from weft.domain.errors import Invalid, Misconfigured, Overloaded, ProviderError, WeftError
from weft.domain.metering import metered_by_collection, metering
from weft.domain.place import Elsewhere, placed
from weft.modules.base import Vectorizer
from weft.modules.providers.address_rules import AddressRules
from weft.modules.providers.client import ProviderClient
from weft.modules.providers.connection import ProviderModule
from weft.modules.providers.provider import Provider, failure
from weft.modules.providers.stated_tokens import stated_tokens
from weft.modules.registry import Registry

MAKER = Provider(
    "Maker", "MAKER", ("https://maker.example", "https://other.example"), lambda s, b: failure("it", s, "")
)


def nvidia(client: ProviderClient) -> Vectorizer:
    return modules_of(client).vectorizer("text2vec-nvidia")


def jinaai(client: ProviderClient) -> Vectorizer:
    return modules_of(client).vectorizer("text2vec-jinaai")


def openai(client: ProviderClient) -> Vectorizer:
    return modules_of(client).vectorizer("text2vec-openai")


def test_the_header_wins_except_for_jinas_reranker(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JINAAI_APIKEY", "env")
    monkeypatch.setenv("JINAAI_BASE_URL", provider.url)
    settings: dict[str, str] = {}
    registry.vectorizer("text2vec-jinaai").embed_query(["a"], settings, CALLER)
    registry.reranker("reranker-jinaai").rank("q", ["d"], settings, CALLER)
    registry.vectorizer("text2vec-jinaai").embed_query(["a"], settings, Caller())
    assert [r.headers["authorization"] for r in provider.requests] == ["Bearer ji", "Bearer env", "Bearer env"]


@pytest.mark.parametrize("key", ["clé", "a\nb", "a b\x7f"])
def test_a_key_that_no_header_can_carry_is_refused(registry: Registry, key: str) -> None:
    caller = Caller(credentials=Credentials.of({"x-jinaai-api-key": key}))
    (found,) = registry.vectorizer("text2vec-jinaai").embed_objects(texts("a"), {}, caller)
    assert isinstance(found, Invalid)
    assert "a header cannot have" in found.message
    assert key not in found.message


@pytest.mark.parametrize("target", [" m", "m ", "m\n", "m\nX-Other: 1", "é"])
def test_a_setting_that_no_header_can_carry_is_refused_before_a_call(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.setenv("AWS_BASE_URL", provider.url)
    settings = {"service": "sagemaker", "endpoint": "e", "region": "us-east-1", "targetModel": target}
    with pytest.raises(Invalid, match="header X-Amzn-SageMaker-Target-Model for AWS would have characters"):
        registry.vectorizer("text2vec-aws").embed_query(["a"], settings, CALLER)
    assert not provider.requests


def test_no_message_and_no_representation_has_a_secret(
    registry: Registry, client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator's gateway may want a password."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://me:the secret@127.0.0.1:9")
    with pytest.raises(Misconfigured, match=r"base URL 'http://127\.0\.0\.1:9' of variable OPENAI_BASE_URL"):
        registry.vectorizer("text2vec-openai").embed_query(["a"], {}, CALLER)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://me:the-secret@127.0.0.1:9")
    with pytest.raises(ProviderError, match=r"OpenAI at http://127\.0\.0\.1:9/v1/embeddings did not answer"):
        openai(client).embed_query(["a"], {}, CALLER)
    module = registry.get("text2vec-openai")
    assert isinstance(module, ProviderModule)
    connection = module.connect({}, CALLER)
    assert "Bearer oa" in str(connection.headers) and "the-secret" in connection.url
    assert "Bearer" not in repr(connection) and "secret" not in repr(connection)


def test_azures_key_of_the_server_goes_to_no_address_of_a_request(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The header that names Azure's address is OpenAI's."""
    monkeypatch.setenv("AZURE_APIKEY", "the server's own")
    settings = {"isAzure": True, "deploymentId": "d"}
    with pytest.raises(Invalid, match="the server's own key is never sent to an address"):
        registry.vectorizer("text2vec-openai").embed_query(
            ["a"], settings, Caller(credentials=Credentials.of({"x-openai-baseurl": provider.url}))
        )
    assert not provider.requests


@pytest.mark.parametrize("given", ["http://h", "http://h/", "http://h/v1", "http://h/v1/", "http://h//", " http://h "])
def test_addresses_lose_what_the_path_has(given: str) -> None:
    assert MAKER.base_url({"baseURL": given}, Caller()) == "http://h"
    assert (
        MAKER.base_url({"baseURL": "http://no"}, Caller(credentials=Credentials.of({"x-maker-baseurl": given})))
        == "http://h"
    )


def test_header_over_setting_over_variable_over_the_providers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    header, setting = (
        Caller(credentials=Credentials.of({"x-maker-baseurl": "http://header"})),
        {"baseURL": "http://setting"},
    )
    assert MAKER.base_url({}, Caller()) == "https://maker.example"
    assert MAKER.base_url({}, Caller(), "https://other.example") == "https://other.example"
    monkeypatch.setenv("MAKER_BASE_URL", "http://variable/v1")
    assert MAKER.base_url({}, Caller(), "https://other.example") == "http://variable"
    assert MAKER.base_url(setting, Caller()) == "http://setting"
    assert MAKER.base_url(setting, header) == "http://header"


@pytest.mark.parametrize("written", ["https://maker.example", "https://maker.example/v1", "https://other.example/"])
def test_a_default_written_into_the_collection_does_not_hide_the_variable(
    monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    assert MAKER.base_url({"baseURL": written}, Caller(), "https://other.example") == "https://other.example"
    monkeypatch.setenv("MAKER_BASE_URL", "http://variable")
    assert MAKER.base_url({"baseURL": written}, Caller()) == "http://variable"


def test_an_address_that_is_none_is_named_by_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("ftp://h", "h", "http://", "http://[h", "http://h:x", "http://h h", "http://h#x"):
        with pytest.raises(Invalid, match="of setting baseURL must"):
            MAKER.base_url({"baseURL": wrong}, Caller())
        with pytest.raises(Invalid, match="of header X-Maker-Baseurl must"):
            MAKER.base_url({}, Caller(credentials=Credentials.of({"x-maker-baseurl": wrong})))
    monkeypatch.setenv("MAKER_BASE_URL", "h")
    with pytest.raises(Misconfigured, match="of variable MAKER_BASE_URL must"):
        MAKER.base_url({}, Caller())


def test_one_variable_stands_for_all_hosts_and_modules_of_a_provider(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for word in ("NVIDIA", "JINAAI", "OPENAI", "COHERE", "OLLAMA"):
        monkeypatch.setenv(f"{word}_BASE_URL", provider.url)
    for name in ("text2vec-nvidia", "text2vec-jinaai", "text2vec-openai", "text2vec-cohere", "text2vec-ollama"):
        module = registry.vectorizer(name)
        module.embed_query(["a"], module.defaults({}), CALLER)
    for name in ("reranker-nvidia", "reranker-jinaai", "reranker-cohere"):
        registry.reranker(name).rank("q", ["d"], {}, CALLER)
    for name in ("generative-nvidia", "generative-openai", "generative-cohere", "generative-ollama"):
        registry.generator(name).generate("p", {}, {}, CALLER)
    assert len(provider.requests) == 12


def test_azure_is_not_called_at_openais_variable(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    module = registry.vectorizer("text2vec-openai")
    settings = module.defaults({"resourceName": "my", "deploymentId": "d"})
    client = ProviderClient(timeout_s=1, tries=1)
    with pytest.raises(ProviderError, match=r"Azure OpenAI at https://my\.openai\.azure\.com/openai/deployments/d"):
        openai(client).embed_query(["a"], settings, CALLER)
    client.close()
    with pytest.raises(Invalid, match="Azure OpenAI needs deploymentId, and resourceName or baseURL"):
        module.embed_query(["a"], {"isAzure": True}, CALLER)


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, {"message": "bad input"}, "connection to NVIDIA API failed with status: 400 error: bad input"),
        (402, {"detail": "pay"}, "connection to NVIDIA API failed with status: 402 error: pay"),
        (422, {"title": "wrong"}, "connection to NVIDIA API failed with status: 422 error: wrong"),
        (404, b"<html>", "connection to NVIDIA API failed with status: 404"),
        (404, b"no such\nroute", "connection to NVIDIA API failed with status: 404 error: no such route"),
        (
            413,
            b"<html><head><title>x</title></head><body><h1>413 Too &amp; Large</h1><script>y</script></body></html>",
            "connection to NVIDIA API failed with status: 413 error: 413 Too & Large",
        ),
        (302, {}, "connection to NVIDIA API failed with status: 302"),
        (200, {"error": {"message": "no credit"}}, "connection to NVIDIA API failed with status: 200 error: no credit"),
        (
            200,
            {"error": {"message": "gone", "code": "410"}},
            "connection to NVIDIA API failed with status: 410 error: gone",
        ),
        (200, {"object": "error", "message": "bad"}, "connection to NVIDIA API failed with status: 200 error: bad"),
        (
            200,
            {"errors": ["one", {"detail": "two"}]},
            "connection to NVIDIA API failed with status: 200 error: one, two",
        ),
    ],
)
def test_what_will_not_pass_is_reported_at_once(
    provider: StandIn, client: ProviderClient, status: int, body: Any, message: str
) -> None:
    provider.failures = [Failure(status, body)]
    (found,) = nvidia(client).embed_objects(texts("a"), {"baseURL": provider.url}, CALLER)
    assert isinstance(found, ProviderError)
    assert found.message == message
    assert found.status == (status if "410" not in message else 410)
    assert len(provider.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_tried_again(provider: StandIn, client: ProviderClient, status: int) -> None:
    provider.failures = [Failure(status, {}, {"retry-after": "0"}), Failure(status, {}), CUT]
    (found,) = jinaai(client).embed_objects(texts("a"), {"baseURL": provider.url}, CALLER)
    assert near(found, vector_of("a"))
    assert len(provider.requests) == 4


def test_calls_retries_and_tokens_are_counted_for_an_import(provider: StandIn, client: ProviderClient) -> None:
    provider.failures = [Failure(503, {}, {"retry-after": "0"})]
    many = texts(*(f"text {n}" for n in range(1_200)))  # several calls, each in a thread of its own
    with metered_by_collection() as meters, metering("Article"):
        jinaai(client).embed_objects(many, {"baseURL": provider.url}, CALLER)
    jinaai(client).embed_objects(texts("a"), {"baseURL": provider.url}, CALLER)
    meter = meters["Article"]
    assert meter.retries == 1
    assert meter.calls == len(provider.requests) - 2 > 1


@pytest.mark.parametrize(
    ("answer", "tokens"),
    [
        ({"usage": {"prompt_tokens": 3, "total_tokens": 4}}, 4),
        ({"usage": {"prompt_tokens": 3}}, 3),
        ({"meta": {"billed_units": {"input_tokens": 5}}}, 5),
        ({"inputTextTokenCount": 6}, 6),
        ({"usage": {"total_tokens": True}}, 0),
        ({"usage": []}, 0),
        ([], 0),
        (None, 0),
    ],
)
def test_stated_tokens(answer: Any, tokens: int) -> None:
    assert stated_tokens(answer) == tokens


def test_a_throttling_of_aws_is_no_refusal(provider: StandIn, client: ProviderClient) -> None:
    throttled = Failure(400, {"message": "Rate exceeded"}, {"x-amzn-ErrorType": "ThrottlingException:http://x/"})
    provider.failures = [throttled, throttled]
    found = jinaai(client).embed_objects(texts("a", "b"), {"baseURL": provider.url}, CALLER)
    assert near(found[0], vector_of("a")) and near(found[1], vector_of("b"))
    assert [len(request.body["input"]) for request in provider.requests] == [2, 2, 2], "it is not halved"


def test_google_states_its_wait_in_the_answer(provider: StandIn, client: ProviderClient) -> None:
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3600.5s"}
    error = {"code": 429, "message": "quota", "details": [{"@type": "other"}, "odd", {"retryDelay": 3}, retry]}
    provider.failures = [Failure(429, {"error": error})]
    with pytest.raises(ProviderError, match=r"status: 429 error: quota \(it asks to wait 360\d s\)"):
        nvidia(client).embed_query(["a"], {"baseURL": provider.url}, CALLER)
    assert len(provider.requests) == 1


def test_an_answer_that_states_a_passing_failure_is_tried_again(provider: StandIn, client: ProviderClient) -> None:
    loading = {"error": {"message": "the model is still loading", "code": 503}}
    provider.failures = [Failure(200, loading), Failure(200, loading)]
    (found,) = jinaai(client).embed_objects(texts("a"), {"baseURL": provider.url}, CALLER)
    assert near(found, vector_of("a"))
    assert len(provider.requests) == 3


@pytest.mark.parametrize("stated", ["3600", "3600.5", "in an hour"])
def test_what_asks_to_wait_too_long_fails_at_once(provider: StandIn, client: ProviderClient, stated: str) -> None:
    if stated == "in an hour":
        stated = format_datetime(datetime.now(UTC) + timedelta(hours=1))
    provider.failures = [Failure(429, {"detail": "slow down"}, {"retry-after": stated})]
    module, settings = nvidia(client), {"baseURL": provider.url}
    with pytest.raises(ProviderError, match=r"status: 429 error: slow down \(it asks to wait 3\d\d\d s\)"):
        module.embed_query(["a"], settings, CALLER)
    again = r"NVIDIA can be called again in (600|59\d) s, but a call waits {} s at most: it asked for a pause"
    with pytest.raises(ProviderError, match=again.format(20)):
        module.embed_query(["a"], settings, CALLER)
    (imported,) = module.embed_objects(texts("a"), settings, CALLER)
    assert re.match(again.format(120), str(imported)), "an import does not wait as long either"
    other = with_headers(x_nvidia_api_key="of another")
    module.embed_query(["a"], settings, other)
    assert [r.headers["authorization"] for r in provider.requests] == ["Bearer nv", "Bearer of another"]


def test_a_limit_that_is_used_up_is_heeded_before_it_is_refused(provider: StandIn, client: ProviderClient) -> None:
    provider.headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s"}
    module, settings = openai(client), {"baseURL": provider.url}
    module.embed_query(["a"], settings, CALLER)
    with pytest.raises(ProviderError, match=r"OpenAI can be called again in (89|90) s"):
        module.embed_query(["a"], settings, CALLER)
    assert len(provider.requests) == 1


def test_the_callers_own_limit_holds_for_imports_and_not_for_queries(
    provider: StandIn, client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        raise ProviderError("would wait", provider="test")

    monkeypatch.setattr(client, "_sleep", wait)
    module, settings = nvidia(client), {"baseURL": provider.url}
    caller = with_headers(x_nvidia_ratelimit_requestpm_embedding="3")
    found = module.embed_objects(texts(*[f"t{i}" for i in range(50)]), settings, caller)
    assert sum(isinstance(one, ProviderError) for one in found) == 20
    assert len(provider.requests) == 3
    assert len(waits) == 2
    assert all(50 < seconds <= 60 for seconds in waits)
    module.embed_query(["a"], settings, caller)
    odd = with_headers(x_nvidia_ratelimit_requestpm_embedding="many")
    assert not [one for one in module.embed_objects(texts("b"), settings, odd) if isinstance(one, ProviderError)]


def test_a_batch_whose_halves_are_refused_alike_is_halved_no_further(provider: StandIn, client: ProviderClient) -> None:
    provider.refuse = lambda request: Failure(422, {"title": "no such model"})
    found = (
        modules_of(client)
        .vectorizer("text2vec-nvidia")
        .embed_objects(texts(*[f"t{i}" for i in range(20)]), {"baseURL": provider.url}, CALLER)
    )
    assert all(isinstance(one, ProviderError) and one.status == 422 for one in found)
    assert len(provider.requests) == 6


def test_one_call_of_several_fails_for_its_own_texts_only(provider: StandIn, client: ProviderClient) -> None:
    provider.failures = [Failure(403, {"detail": "no"})]
    found = (
        modules_of(client)
        .vectorizer("text2vec-nvidia")
        .embed_objects(texts(*[f"t{i}" for i in range(20)]), {"baseURL": provider.url}, CALLER)
    )
    assert sum(isinstance(one, ProviderError) for one in found) == 10


def test_texts_that_are_no_unicode_are_sent_as_they_can_be(provider: StandIn, client: ProviderClient) -> None:
    (found,) = (
        modules_of(client)
        .vectorizer("text2vec-nvidia")
        .embed_objects(texts("a \ud800 é日"), {"baseURL": provider.url}, CALLER)
    )
    assert provider.requests[0].body["input"] == ["a ? é日"]
    assert near(found, vector_of("a ? é日", role="passage"))


def test_no_one_there(client: ProviderClient) -> None:
    with StandIn() as gone:
        settings = {"baseURL": gone.url}
    with pytest.raises(ProviderError, match="did not answer: ConnectError"):
        nvidia(client).embed_query(["a"], settings, CALLER)


def test_an_answer_that_trickles_in_is_not_waited_for(provider: StandIn) -> None:
    provider.drip_s = 0.05
    impatient = ProviderClient(timeout_s=0.4, first_wait_s=0)
    try:
        with pytest.raises(ProviderError, match=r"did not answer: (Read)?Timeout(Error)?"):
            nvidia(impatient).embed_query(["a"], {"baseURL": provider.url}, CALLER)
    finally:
        impatient.close()
    assert len(provider.requests) == 1


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("_LARGEST_ANSWER_BYTES", "the answer is longer than 40 bytes"),
        ("_DECODED_BYTES", "would take too much memory"),
    ],
)
def test_an_answer_that_is_too_large_is_not_read(
    provider: StandIn, client: ProviderClient, monkeypatch: pytest.MonkeyPatch, limit: str, message: str
) -> None:
    monkeypatch.setattr(f"weft.modules.providers.client.{limit}", 40)
    monkeypatch.setattr("weft.modules.providers.client._UNCHECKED_BYTES", 0)
    with pytest.raises(ProviderError, match=message):
        nvidia(client).embed_query(["a"], {"baseURL": provider.url}, CALLER)
    assert len(provider.requests) == 1
    assert not client._receiving.held("")


def test_answers_take_so_much_together(provider: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.modules.providers.client._RECEIVED_BYTES", 40)
    small = ProviderClient(first_wait_s=0)
    try:
        with pytest.raises(Overloaded, match="take too much"):
            nvidia(small).embed_query(["a"], {"baseURL": provider.url}, CALLER)
    finally:
        small.close()


def test_imports_of_one_caller_take_no_threads_of_another(provider: StandIn, client: ProviderClient) -> None:
    provider.hold.clear()
    importing = nvidia(client)

    def embed(caller: str) -> int:
        with placed(Elsewhere(caller)):
            found = importing.embed_objects(texts(*[f"t{i}" for i in range(100)]), {"baseURL": provider.url}, CALLER)
        return sum(not isinstance(one, WeftError) for one in found)

    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(embed, caller) for caller in ("greedy", "greedy", "other")]
        while len(provider.requests) < 16:  # eight calls of each
            time.sleep(0.01)
        assert len(client._crews) == 2
        provider.hold.set()
        assert [one.result() for one in waiting] == [100] * 3
    assert not client._crews


@pytest.mark.parametrize(
    ("twist", "message"),
    [
        (lambda a: {**a, "data": []}, "empty embeddings response"),
        (lambda a: {**a, "data": a["data"] * 2}, "sent 1 inputs but answered with 2"),
        (lambda a: {}, "without a list of data$"),
        (lambda a: {"message": "quota"}, "without a list of data: quota$"),
        (lambda a: b"<p>Down</p>", "not a JSON object: Down$"),
        (lambda a: {"data": [{"index": 0, "embedding": [[1], [2, 3]]}]}, "mixed shape"),
        (lambda a: {"data": [{"index": 0, "embedding": []}]}, "not an embedding"),
        (lambda a: {"data": [{"index": 0, "embedding": ["x"]}]}, "mixed shape"),
        (lambda a: {"data": [{"index": 5, "embedding": [1.0]}]}, "wrong indexes"),
        (lambda a: b'{"data": [{"index": 0, "embedding": [NaN]}]}', "not a JSON object"),
        (lambda a: b"[" * 100_000, "not a JSON object"),
        (lambda a: {"data": [{"index": 0, "embedding": [1e99]}]}, "not an embedding"),
        (lambda a: {"data": [{"index": [], "embedding": [1.0]}]}, "wrong indexes"),
        (lambda a: [a], "not a JSON object"),
    ],
)
def test_answers_that_make_no_sense_are_refused(
    provider: StandIn, client: ProviderClient, twist: Callable[[dict[str, Any]], dict[str, Any]], message: str
) -> None:
    provider.twist = twist
    with pytest.raises(ProviderError, match=message):
        jinaai(client).embed_query(["a"], {"baseURL": provider.url}, CALLER)


def test_the_operators_own_address_may_be_private(provider: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    client = ProviderClient(rules=AddressRules(public_only=True))
    monkeypatch.setenv("NVIDIA_BASE_URL", provider.url)
    vector = nvidia(client).embed_query(["a"], {}, CALLER)
    assert near(vector, vector_of("a", role="query"))
    client.close()


def test_errors_of_a_private_network_are_not_returned_where_others_may_call(provider: StandIn) -> None:
    """One who names an address would read there what only the server may, or learn which ports are open."""
    rules = AddressRules(private_errors=False)
    listed = AddressRules(private_errors=False, hosts=frozenset([provider.url.partition("//")[2]]))
    for chosen, hidden in ((rules, True), (listed, False)):
        client = ProviderClient(timeout_s=5, tries=1, rules=chosen)
        try:
            for harm in (Failure(500, {"error": {"message": "the secret"}}), {"message": "the secret"}):
                provider.reset()
                if isinstance(harm, Failure):
                    provider.failures = [harm]
                else:
                    provider.twist = lambda answer: {"message": "the secret"}
                with pytest.raises(ProviderError) as failed:
                    openai(client).embed_query(["a"], {"baseURL": provider.url}, CALLER)
                assert ("the secret" in failed.value.message) is not hidden
            with pytest.raises(ProviderError) as closed:
                openai(client).embed_query(["a"], {"baseURL": "http://127.0.0.1:9"}, CALLER)
            assert "WEFT_PROVIDER_PRIVATE_ERRORS" in closed.value.message
        finally:
            client.close()
