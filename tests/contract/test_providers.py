"""What every module that calls a provider keeps to: all of them, against a stand-in that speaks their shapes.

What is particular to one of them stands in ``tests/unit/modules/providers``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest

from providers.callers import (
    BELOW,
    CALLER,
    addresses,
    caller_of,
    modules_of,
    near,
    set_own_key,
    settings_of,
    texts,
    with_headers,
)
from providers.standin import CUT, Failure, Request, StandIn
from weft.domain.caller import Caller, Credentials
from weft.domain.errors import Invalid, Overloaded, ProviderError, WeftError
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules import Registry, Resources, registry_of
from weft.modules.base import TEXT, Generator, Media, ModuleInput, Reranker, Vectorizer
from weft.modules.providers.address_rules import AddressRules
from weft.modules.providers.client import ProviderClient
from weft.modules.providers.connection import ProviderModule
from weft.modules.providers.media_embeddings import ProviderMediaVectorizer
from weft.modules.providers.provider import Provider
from weft.modules.providers.reranker import ProviderReranker
from weft.modules.providers.text_embeddings import ProviderTextVectorizer

EVERY = registry_of(Resources())
"""For what modules declare; those that are called have a client of their own."""


def names_of(kind: type) -> list[str]:
    return [name for name in EVERY.meta() if isinstance(EVERY.get(name), kind)]


def module_of(registry: Registry, name: str) -> ProviderModule:
    module = registry.get(name)
    assert isinstance(module, ProviderModule)
    return module


def provider_of(registry: Registry, name: str) -> Provider:
    return module_of(registry, name).provider_for(settings_of(name))


ALL = names_of(ProviderModule)
KEY_VARIABLES = {one for name in ALL for one in provider_of(EVERY, name).variables_of_key}
TEXTS = names_of(ProviderTextVectorizer)
MEDIA = names_of(ProviderMediaVectorizer)
EMBED_TEXTS = [*TEXTS, *(name for name in MEDIA if TEXT in EVERY.vectorizer(name).kinds)]
RERANKERS = names_of(ProviderReranker)
GENERATORS = [name for name in ALL if name.startswith("generative-")]
OF_EACH_PROVIDER = list({provider_of(EVERY, name).name: name for name in ALL}.values())
"""One module of each: for what is done alike for all modules, by their common client."""
WITH_KEY = [name for name in ALL if not name.endswith(("-ollama", "-huggingface"))]


@pytest.fixture(scope="module")
def running_provider() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture
def provider(running_provider: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Every provider's address is that of the stand-in, by the operator's variables."""
    running_provider.reset()
    for variable in KEY_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    for variable, address in addresses(running_provider.url).items():
        monkeypatch.setenv(variable, address)
    return running_provider


@pytest.fixture(scope="module")
def client() -> Iterator[ProviderClient]:
    found = ProviderClient(timeout_s=10, first_wait_s=0)
    yield found
    found.close()


@pytest.fixture(scope="module")
def careful_client() -> Iterator[ProviderClient]:
    found = ProviderClient(rules=AddressRules(public_only=True))
    yield found
    found.close()


@pytest.fixture(scope="module")
def registry(client: ProviderClient) -> Registry:
    return modules_of(client)


def ask(registry: Registry, name: str, caller: Caller = CALLER, settings: dict[str, Any] | None = None) -> Any:
    """One call of the provider, whatever it is for, as a search makes it."""
    module, chosen = registry.get(name), settings_of(name) | (settings or {})
    match module:
        case Vectorizer():
            return module.embed_query(["a"], chosen, caller)
        case Reranker():
            return module.rank("a", ["a b"], chosen, caller)
        case Generator():
            return module.generate("a", chosen, {}, caller)
    raise AssertionError(f"{name} is of no kind")


def vectors(found: Sequence[Vector | WeftError]) -> list[Vector]:
    return [one for one in found if isinstance(one, np.ndarray)]


def given_to(request: Request) -> list[Any]:
    """The texts or documents of a request."""
    known = ("input", "inputs", "texts", "documents", "passages", "instances", "requests")
    (found,) = (request.body[key] for key in known if key in request.body)
    assert isinstance(found, list)
    return found


def test_every_module_of_a_provider_is_tested() -> None:
    assert sorted([*TEXTS, *MEDIA, *RERANKERS, *GENERATORS]) == ALL
    assert len(ALL) >= 20


# -- any call


@pytest.mark.parametrize("name", ALL)
def test_failures_that_may_pass_are_tried_again(provider: StandIn, registry: Registry, name: str) -> None:
    provider.failures = [Failure(429, {}, {"retry-after": "0"}), Failure(500, {}), Failure(503, {}), CUT]
    ask(registry, name)
    assert len(provider.requests) == 5
    assert len({str(request.body) for request in provider.requests}) == 1


@pytest.mark.parametrize("name", ALL)
def test_other_failures_are_the_callers_at_once(provider: StandIn, registry: Registry, name: str) -> None:
    """Redirects too: a key goes to the address that was meant, and to no other."""
    known = provider_of(registry, name)
    for status in (302, 400, 401, 404, 422):
        provider.reset()
        provider.failures = [Failure(status, {"message": "the reason"}, {"location": provider.url})]
        with pytest.raises(ProviderError, match=rf"{status}.*the reason") as raised:
            ask(registry, name)
        assert (raised.value.status, raised.value.provider) == (status, known.name)
        assert len(provider.requests) == 1


@pytest.mark.parametrize("name", OF_EACH_PROVIDER)
def test_at_last_it_gives_up(provider: StandIn, registry: Registry, name: str) -> None:
    provider.refuse = lambda request: Failure(503, {"message": "busy"})
    with pytest.raises(ProviderError, match=r"503.*busy"):
        ask(registry, name)
    assert len(provider.requests) == 6


@pytest.mark.parametrize("name", ALL)
def test_answers_that_make_no_sense_are_named(provider: StandIn, registry: Registry, name: str) -> None:
    known = provider_of(registry, name)
    twists: list[Callable[[Any], Any]] = [lambda _: {}, lambda _: [], lambda _: b"<html>", lambda _: None]
    for provider.twist in twists:
        with pytest.raises(ProviderError, match=f"^{known.name} (answered|was asked)"):
            ask(registry, name)


@pytest.mark.parametrize("name", OF_EACH_PROVIDER)
def test_an_answer_that_is_late_is_not_asked_for_again(provider: StandIn, name: str) -> None:
    provider.hold.clear()
    impatient = ProviderClient(timeout_s=0.2, first_wait_s=0)
    tries = 0
    try:
        while not provider.requests:  # a busy machine may give up before it has sent anything
            with pytest.raises(ProviderError, match=r"did not answer: ReadTimeout .*0.2 s \(MODULES_CLIENT_TIMEOUT\)"):
                ask(modules_of(impatient), name)
            tries += 1
    finally:
        provider.hold.set()
        impatient.close()
    assert len(provider.requests) <= tries


@pytest.mark.parametrize("name", OF_EACH_PROVIDER)
def test_a_server_that_stops_waits_for_no_one(provider: StandIn, name: str) -> None:
    client = ProviderClient(first_wait_s=10)
    provider.refuse = lambda request: Failure(500, {})
    failed: list[BaseException] = []

    def call() -> None:
        try:
            ask(modules_of(client), name)
        except Overloaded as error:
            failed.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    while not provider.requests:
        thread.join(0.01)
    client.close()
    thread.join(30)
    assert not thread.is_alive()
    assert "stopping" in str(failed[0])
    with pytest.raises(Overloaded, match="stopping"):
        ask(modules_of(client), name)


# -- keys and addresses


@pytest.mark.parametrize("name", WITH_KEY)
def test_a_missing_key_says_where_it_was_looked_for(provider: StandIn, registry: Registry, name: str) -> None:
    known = provider_of(registry, name)
    headers, variables = " or ".join(known.headers_of_key), " or ".join(known.variables_of_key)
    message = f"in request header: {headers} nor in environment variable under {variables}"
    with pytest.raises(Invalid, match=message):
        ask(registry, name, Caller())
    assert not provider.requests


@pytest.mark.parametrize("name", [name for name in ALL if name not in WITH_KEY])
def test_others_are_called_without_a_key(provider: StandIn, registry: Registry, name: str) -> None:
    ask(registry, name, Caller())
    assert not provider.requests[0].key


@pytest.mark.parametrize("name", ALL)
def test_a_key_of_the_request_or_of_the_environment_is_sent(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    known = provider_of(registry, name)
    ask(registry, name, caller_of(known, " mine "))
    set_own_key(monkeypatch, known, "the server's own")
    ask(registry, name, Caller())
    assert [request.key for request in provider.requests] == ["mine", "the server's own"]


@pytest.mark.parametrize("name", ALL)
def test_the_servers_own_key_goes_to_no_address_of_a_request(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    known = provider_of(registry, name)
    set_own_key(monkeypatch, known, "the server's own")
    foreign = {known.address_header: provider.url + BELOW.get(known.env_prefix, "")}
    if name in WITH_KEY:
        with pytest.raises(Invalid, match=r"the server's own key is never sent to an address in a request"):
            ask(registry, name, Caller(credentials=Credentials.of(foreign)))
    else:
        ask(registry, name, Caller(credentials=Credentials.of(foreign)))
    ask(registry, name, caller_of(known, "mine", foreign))
    assert not [request for request in provider.requests if "the server's own" in str(request.headers)]


@pytest.mark.parametrize("name", ALL)
def test_private_addresses_are_refused_where_the_operator_says_so(
    provider: StandIn, careful_client: ProviderClient, name: str
) -> None:
    registry = modules_of(careful_client)
    known = provider_of(registry, name)
    for url in ("https://127.0.0.1", "https://10.1.2.3:8443/x", "http://8.8.8.8"):
        foreign = with_headers(**{known.address_header: url, "x_ollama_api_key": "ol"})
        with pytest.raises(Invalid, match=r"refused: .*MODULES_VALIDATE_BASE_URL.*WEFT_PROVIDER_HOSTS"):
            ask(registry, name, foreign)
    ask(registry, name)


@pytest.mark.parametrize("name", ALL)
def test_an_invalid_address_is_refused_and_its_origin_named(provider: StandIn, registry: Registry, name: str) -> None:
    module, known = module_of(registry, name), provider_of(registry, name)
    with pytest.raises(Invalid, match=rf"of header {known.address_header} must begin with http"):
        ask(registry, name, with_headers(**{known.address_header: "ftp://host"}))
    if module.address_setting:
        with pytest.raises(Invalid, match=f"of setting {module.address_setting} must begin with http"):
            ask(registry, name, settings={module.address_setting: "file:///etc/passwd"})
        with pytest.raises(Invalid, match=f"of setting {module.address_setting} must begin with http"):
            module.check_settings(
                settings_of(name) | {"imageFields": ["image"], module.address_setting: "file:///etc/passwd"}
            )


# -- vectors


@pytest.mark.parametrize("name", EMBED_TEXTS)
def test_vectors_are_finite_float32_in_the_order_of_the_objects(
    provider: StandIn, registry: Registry, name: str
) -> None:
    module = registry.vectorizer(name)
    given = [f"text number {i}" for i in range(5)]
    together = vectors(module.embed_objects(texts(*given), settings_of(name), CALLER))
    alone = [vectors(module.embed_objects(texts(one), settings_of(name), CALLER))[0] for one in given]
    assert len(together) == 5
    for one, other in zip(together, alone, strict=True):
        assert one.dtype == np.float32
        assert one.ndim == (2 if module.multi else 1)
        assert np.isfinite(one).all()
        assert near(one, other.tolist())
    assert module.embed_query(["text"], settings_of(name), CALLER).shape[-1] == together[0].shape[-1]


@pytest.mark.parametrize("name", TEXTS)
def test_batches_are_as_large_as_the_provider_takes(provider: StandIn, registry: Registry, name: str) -> None:
    module = registry.get(name)
    assert isinstance(module, ProviderTextVectorizer)
    given = [f"t{i}" for i in range(module.texts_per_call + 3)]
    found = vectors(module.embed_objects(texts(*given), settings_of(name), CALLER))
    sizes = [len(given_to(request)) for request in provider.requests]
    assert sum(sizes) == len(given) == len(found)
    assert max(sizes) <= module.texts_per_call and len(sizes) >= 2
    (last,) = vectors(module.embed_objects(texts(given[-1]), settings_of(name), CALLER))
    assert near(found[-1], last.tolist())


@pytest.mark.parametrize("name", EMBED_TEXTS)
def test_one_text_that_is_refused_costs_the_others_nothing(provider: StandIn, registry: Registry, name: str) -> None:
    def refuse(request: Request) -> Failure | None:
        return Failure(400, {"message": "too long"}) if "bad" in str(request.body) else None

    provider.refuse = refuse
    module = registry.vectorizer(name)
    found = module.embed_objects(texts("t0", "t1", "t2", "bad", "t4"), settings_of(name), CALLER)
    assert [i for i, one in enumerate(found) if isinstance(one, ProviderError)] == [3]
    assert len(vectors(found)) == 4


@pytest.mark.parametrize("name", EMBED_TEXTS)
def test_what_fails_for_all_is_the_error_of_each(provider: StandIn, registry: Registry, name: str) -> None:
    provider.refuse = lambda request: Failure(403, {"detail": "no"})
    found = registry.vectorizer(name).embed_objects(texts("a", "b"), settings_of(name), CALLER)
    assert [isinstance(one, ProviderError) and one.status for one in found] == [403, 403]
    if name in WITH_KEY:
        keyless = registry.vectorizer(name).embed_objects(texts("a", "b"), settings_of(name), Caller())
        assert [isinstance(one, Invalid) for one in keyless] == [True, True]


@pytest.mark.parametrize("name", [*TEXTS, *MEDIA])
def test_the_fingerprint_names_the_space(registry: Registry, name: str) -> None:
    module = registry.vectorizer(name)
    usual = settings_of(name)
    assert module.fingerprint(usual) == module.fingerprint(usual | {"vectorizeClassName": False})
    assert module.fingerprint(usual) != module.fingerprint(usual | {"model": "another", "endpoint": "https://another"})
    assert module.fingerprint(usual).split("|")[1], "the model's name stands second: only what is before it may differ"


@pytest.mark.parametrize("name", [*TEXTS, *MEDIA])
def test_what_a_module_writes_into_new_collections_is_valid(registry: Registry, name: str) -> None:
    module, given = registry.vectorizer(name), dict(settings_of(name))
    if name in MEDIA:
        given["imageFields"] = ["image"]
    if name == "text2vec-databricks":
        given["endpoint"] = "https://host/serving-endpoints/e/invocations"
    chosen = module.defaults(given)
    module.check_settings(chosen)
    assert given.items() <= chosen.items()


@pytest.mark.parametrize("name", MEDIA)
def test_an_image_is_found_by_itself(provider: StandIn, registry: Registry, name: str) -> None:
    module = registry.vectorizer(name)
    (stored,) = vectors(
        module.embed_objects([ModuleInput(media=(Media(MediaKind.IMAGE, "aGk="),))], settings_of(name), CALLER)
    )
    assert near(module.embed_media(MediaKind.IMAGE, "aGk=", settings_of(name), CALLER), stored.tolist())
    assert MediaKind.THERMAL not in module.kinds
    with pytest.raises(Invalid, match=f"{name} does not embed thermal; it embeds {', '.join(sorted(module.kinds))}"):
        module.embed_media(MediaKind.THERMAL, "aGk=", settings_of(name), CALLER)


# -- scores and texts


@pytest.mark.parametrize("name", RERANKERS)
def test_documents_are_ranked_in_their_order_and_in_batches(provider: StandIn, registry: Registry, name: str) -> None:
    module = registry.get(name)
    assert isinstance(module, ProviderReranker)
    count = module.documents_per_call + 5
    scores = module.rank("red green", [f"red {'green ' * (i % 3)}{i}" for i in range(count)], settings_of(name), CALLER)
    assert scores == [1.0 + (i % 3 > 0) for i in range(count)]
    assert sorted(len(given_to(request)) for request in provider.requests) == [5, module.documents_per_call]


@pytest.mark.parametrize("name", RERANKERS)
def test_a_ranking_is_of_all_documents_or_of_none(provider: StandIn, registry: Registry, name: str) -> None:
    def without_one(answer: Any) -> Any:
        return {key: value[1:] if isinstance(value, list) else value for key, value in answer.items()}

    provider.twist = without_one
    with pytest.raises(ProviderError, match="was asked for 2 scores and gave 1"):
        registry.reranker(name).rank("a", ["a", "b"], settings_of(name), CALLER)


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generation_is_of_the_model_that_the_request_names(provider: StandIn, registry: Registry, name: str) -> None:
    generator = registry.generator(name)
    found = generator.generate(
        "Hi",
        settings_of(name) | {"model": "anthropic.claude of the collection"},
        {"model": "anthropic.claude of the request"},
        CALLER,
    )
    assert found.text == "Answer to: Hi"
    generator.generate("Hi", settings_of(name) | {"model": "anthropic.claude of the collection"}, {"model": ""}, CALLER)
    asked = [unquote(request.path) + str(request.body) for request in provider.requests]
    assert ["of the request" in one for one in asked] == [True, False]
    assert ["of the collection" in one for one in asked] == [False, True]


@pytest.mark.parametrize("name", [name for name in GENERATORS if module_of(EVERY, name).address_setting])
def test_the_servers_own_key_goes_to_no_address_among_the_parameters_of_a_generation(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    module, known, usual = module_of(registry, name), provider_of(registry, name), settings_of(name)
    set_own_key(monkeypatch, known, "the server's own")
    monkeypatch.delenv(f"{known.env_prefix}_BASE_URL")
    below = BELOW.get(known.env_prefix, "")
    generator, named = registry.generator(name), {module.address_setting: provider.url + below}
    try:
        generator.generate("p", usual, named, Caller())
    except Invalid as error:
        assert "the server's own key is never sent to an address" in error.message
    generator.generate("p", usual, named, caller_of(known, "mine"))
    assert not [request for request in provider.requests if "the server's own" in str(request.headers)]
    monkeypatch.setenv(f"{known.env_prefix}_BASE_URL", provider.url + below)
    generator.generate("p", usual, named, Caller())
    assert provider.requests[-1].key == "the server's own"


@pytest.mark.parametrize("name", [name for name in ALL if module_of(EVERY, name).address_setting])
def test_the_servers_own_key_goes_to_no_address_of_a_collection(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Unless the operator lists its host."""
    module, known = module_of(registry, name), provider_of(registry, name)
    set_own_key(monkeypatch, known, "the server's own")
    monkeypatch.delenv(f"{known.env_prefix}_BASE_URL")
    named = {module.address_setting: provider.url + BELOW.get(known.env_prefix, "")}
    if name in WITH_KEY:
        with pytest.raises(Invalid, match="never sent to an address in a request or a collection, unless"):
            ask(registry, name, Caller(), named)
    else:
        ask(registry, name, Caller(), named)
    ask(registry, name, caller_of(known, "mine"), named)
    assert not [request for request in provider.requests if "the server's own" in str(request.headers)]
    rules = AddressRules(public_only=True, hosts=frozenset([provider.url.partition("//")[2]]))
    listing = ProviderClient(timeout_s=10, first_wait_s=0, rules=rules)
    try:
        ask(modules_of(listing), name, Caller(), named)
    finally:
        listing.close()
    assert provider.requests[-1].key == "the server's own"
