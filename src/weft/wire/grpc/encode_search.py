"""``Answer`` → ``weaviate.v1.SearchReply`` bytes.

A reply is joined from encoded parts: each hit's properties are stored in the form of the reply, and building messages
instead was measured at about 40% of a whole request.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from weft.domain.answer import Answer, GenerationDetails, Group, Hit
from weft.domain.errors import TooLarge
from weft.domain.query import Query, Returns
from weft.domain.schema import CollectionConfig
from weft.protocol import generative as generative_messages
from weft.protocol import search_get
from weft.wire.grpc.encode_metadata import encode_group_metadata, encode_metadata
from weft.wire.grpc.encode_page import encode_page
from weft.wire.grpc.encode_properties import VALUES, PropertiesEncoder
from weft.wire.grpc.wire_format import TRUE, VARINTS, pack_f32, pack_f64, sized, tag_of, varint

_log = logging.getLogger(__name__)

_TOOK, _RESULTS = tag_of(search_get.SearchReply, "took"), tag_of(search_get.SearchReply, "results")
_GROUPS, _PROFILE = tag_of(search_get.SearchReply, "group_by_results"), tag_of(search_get.SearchReply, "query_profile")
_OLD_GROUPED_RESULT = tag_of(search_get.SearchReply, "generative_grouped_result")
_GROUPED_RESULT = tag_of(search_get.SearchReply, "generative_grouped_results")
_NO_GROUPED_RESULT = _OLD_GROUPED_RESULT + sized(b"")
_PROPERTIES, _METADATA = tag_of(search_get.SearchResult, "properties"), tag_of(search_get.SearchResult, "metadata")
_GENERATIVE = tag_of(search_get.SearchResult, "generative")
_OLD_GENERATED = tag_of(search_get.MetadataResult, "generative")
_OLD_GENERATED_PRESENT = tag_of(search_get.MetadataResult, "generative_present") + TRUE
_GROUP_NAME, _GROUP_HITS = (tag_of(search_get.GroupByResult, field) for field in ("name", "objects"))
_GROUP_SIZE = tag_of(search_get.GroupByResult, "number_of_objects")
_MIN_DISTANCE, _MAX_DISTANCE = (tag_of(search_get.GroupByResult, f"{end}_distance") for end in ("min", "max"))
_GROUP_RERANK, _RERANK_SCORE = tag_of(search_get.GroupByResult, "rerank"), tag_of(search_get.RerankReply, "score")
_OLD_GROUP_GENERATED = tag_of(search_get.GroupByResult, "generative")
_GROUP_GENERATED = tag_of(search_get.GroupByResult, "generative_result")
_GENERATED_VALUE = tag_of(generative_messages.GenerativeResult, "values")


def encode_search(
    answer: Answer, query: Query, config: CollectionConfig, *, before_127: bool = False, most_bytes: int = sys.maxsize
) -> bytes:
    """The reply to ``query``. ``before_127`` puts generated texts where clients of before 1.27 look for them; what is
    generated from all groups goes there too, for the clients look for it nowhere else. Raises TooLarge for one of more
    than ``most_bytes``, which no client would take."""
    parts = [_TOOK + pack_f32(answer.took_s)]
    returns = query.returns
    page = None if answer.page is None else encode_page(answer.page, returns, config.name, most_bytes)
    if page is None:
        parts += _hits(answer, returns, config, before_127)
        _check_size(sum(map(len, parts)), most_bytes)
    else:
        parts.append(page)
    if answer.generated is None:
        parts.append(_NO_GROUPED_RESULT)
    else:
        old_place = before_127 or answer.groups is not None
        parts.append(_OLD_GROUPED_RESULT + sized(answer.generated.encode()) if old_place else _NO_GROUPED_RESULT)
        if not before_127:
            parts.append(_GROUPED_RESULT + sized(_generated(answer.generated, answer.generation)))
    if answer.profile:
        parts.append(_PROFILE + sized(_profile(answer)))
    return b"".join(parts)


def _check_size(size: int, most_bytes: int) -> None:
    """Raises TooLarge for a reply of about ``size`` bytes."""
    if size > most_bytes:
        raise TooLarge(
            f"the reply would have about {size} bytes, and may have {most_bytes} (GRPC_MAX_MESSAGE_SIZE); request "
            "fewer objects, or fewer of their properties and vectors",
            limit_bytes=most_bytes,
        )


def _hits(answer: Answer, returns: Returns, config: CollectionConfig, before_127: bool) -> list[bytes]:
    """The hits, or the groups of them, one by one."""
    encoder = PropertiesEncoder(returns, config)
    if answer.groups is not None:
        return [_GROUPS + sized(_group(group, encoder, returns, config)) for group in answer.groups]
    hits, metadata = answer.hits, encode_metadata(answer.hits, returns, config)
    if returns.references or any(hit.generated is not None for hit in hits):
        encoded = zip(hits, encoder.results(hits), metadata, strict=True)
        return [_RESULTS + sized(_result(*one, before_127)) for one in encoded]
    return _plain_results(encoder.values(hits), metadata, encoder.collection)


def _plain_results(values: list[bytes], metadata: list[bytes], collection: bytes) -> list[bytes]:
    """Results of values and metadata alone: mere concatenations."""
    parts: list[bytes] = []
    before, few = collection + VALUES, len(VARINTS)
    for properties, meta in zip(values, metadata, strict=True):
        size, meta_size = len(properties), len(meta)
        n = VARINTS[size] if size < few else varint(size)
        m = VARINTS[meta_size] if meta_size < few else varint(meta_size)
        inner = len(before) + len(n) + size
        head = VARINTS[inner] if inner < few else varint(inner)
        whole = len(_PROPERTIES) + len(head) + inner + len(_METADATA) + len(m) + meta_size
        total = VARINTS[whole] if whole < few else varint(whole)
        parts += (_RESULTS, total, _PROPERTIES, head, before, n, properties, _METADATA, m, meta)
    return parts


def _result(hit: Hit, properties: bytes, metadata: bytes, before_127: bool) -> bytes:
    generative = b""
    if hit.generated is not None:
        if before_127:
            metadata += _OLD_GENERATED + sized(hit.generated.encode()) + _OLD_GENERATED_PRESENT
        else:
            generative = _GENERATIVE + sized(_generated(hit.generated, hit.generation))
    return _PROPERTIES + sized(properties) + _METADATA + sized(metadata) + generative


def _group(group: Group, encoder: PropertiesEncoder, returns: Returns, config: CollectionConfig) -> bytes:
    parts = [
        _GROUP_NAME + sized(group.name.encode()),
        _MIN_DISTANCE + pack_f32(group.min_distance) + _MAX_DISTANCE + pack_f32(group.max_distance),
        _GROUP_SIZE + varint(len(group.hits)),
    ]
    metadata = encode_group_metadata(group.hits, returns, config)
    for properties, meta in zip(encoder.results(group.hits), metadata, strict=True):
        parts.append(_GROUP_HITS + sized(_PROPERTIES + sized(properties) + _METADATA + sized(meta)))
    if group.rerank_score is not None:
        parts.append(_GROUP_RERANK + sized(_RERANK_SCORE + pack_f64(group.rerank_score)))
    if group.generated is not None:
        parts.append(_OLD_GROUP_GENERATED + sized(_generative_reply(group.generated, group.generation)))
        parts.append(_GROUP_GENERATED + sized(_generated(group.generated, group.generation)))
    return b"".join(parts)


def _generated(text: str, details: GenerationDetails | None) -> bytes:
    """A ``GenerativeResult`` with one value."""
    return _GENERATED_VALUE + sized(_generative_reply(text, details))


def _generative_reply(text: str, details: GenerationDetails | None) -> bytes:
    reply = generative_messages.GenerativeReply(result=text)
    if details is not None:
        if details.full_prompt is not None:
            reply.debug.full_prompt = details.full_prompt
        if details.provider is not None and details.provider in reply.metadata.DESCRIPTOR.fields_by_name:
            _account(getattr(reply.metadata, details.provider), details.usage)
    return reply.SerializeToString()


def _account(message: Message, usage: Mapping[str, object]) -> None:
    """Fills a provider's own message; what the provider has written in no form that fits there is left out."""
    message.SetInParent()
    account = {"usage": usage} if "usage" in message.DESCRIPTOR.fields_by_name else usage
    try:
        message.CopyFrom(ParseDict(account, type(message)(), ignore_unknown_fields=True))
    except ParseError as error:
        _log.info("a provider's account of its work does not fit its message and is left out: %s", error)


def _profile(answer: Answer) -> bytes:
    message = search_get.QueryProfile()
    for shard in answer.profile:
        sent = message.shards.add(name=shard.name, node=shard.node)
        for kind, details in shard.searches.items():
            sent.searches[kind].details.update(details)
    return message.SerializeToString()
