"""``Answer`` → ``weaviate.v1.SearchReply`` bytes.

A reply is joined from encoded parts: each hit's properties are stored in the form of the reply, and building messages
instead was measured at about 40% of a whole request.

    SearchReply    took 1 · results 2 · generative_grouped_result 3 · group_by_results 4 · generative_grouped_results 5
                   query_profile 6
    SearchResult   properties 1 · metadata 2 · generative 3
    GroupByResult  name 1 · min_distance 2 · max_distance 3 · number_of_objects 4 · objects 5 · rerank 6 · generative 7
                   generative_result 8
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from weft.domain.answer import Answer, GenerationDetails, Group, Hit
from weft.domain.query import Query, Returns
from weft.domain.schema import CollectionConfig
from weft.protocol import generative as generative_messages
from weft.protocol import search_get
from weft.wire.grpc.encode_metadata import encode_group_metadata, encode_metadata
from weft.wire.grpc.encode_properties import encode_properties_result
from weft.wire.grpc.wire_format import pack_f32, pack_f64, sized, varint

_log = logging.getLogger(__name__)
_NO_GROUPED_RESULT = b"\x1a\x00"


def encode_search(answer: Answer, query: Query, config: CollectionConfig, *, before_127: bool = False) -> bytes:
    """The reply to ``query``. ``before_127`` puts generated texts where clients of before 1.27 look for them; what is
    generated from all groups goes there too, for the clients look for it nowhere else."""
    parts = [b"\x0d" + pack_f32(answer.took_s)]
    if answer.groups is not None:
        parts.extend(b"\x22" + sized(_group(group, query.returns, config)) for group in answer.groups)
    elif _is_plain(query.returns, answer):
        _plain_results(parts, answer.hits, query.returns, config)
    else:
        parts.extend(b"\x12" + sized(_result(hit, query.returns, config, before_127)) for hit in answer.hits)
    if answer.generated is None:
        parts.append(_NO_GROUPED_RESULT)
    else:
        old_place = before_127 or answer.groups is not None
        parts.append(b"\x1a" + sized(answer.generated.encode()) if old_place else _NO_GROUPED_RESULT)
        if not before_127:
            parts.append(b"\x2a" + sized(_generated(answer.generated, answer.generation)))
    if answer.profile:
        parts.append(b"\x32" + sized(_profile(answer)))
    return b"".join(parts)


def _is_plain(returns: Returns, answer: Answer) -> bool:
    """All stored properties, and nothing generated: then a result is a mere concatenation."""
    return (
        returns.properties is None
        and not returns.nested
        and not returns.references
        and all(hit.generated is None for hit in answer.hits)
    )


def _plain_results(parts: list[bytes], hits: list[Hit], returns: Returns, config: CollectionConfig) -> None:
    collection = b"\x1a" + sized(config.name.encode()) + b"\x5a"
    for hit in hits:
        properties = hit.record.encoded_properties
        metadata = encode_metadata(hit, returns, config)
        inner = collection + varint(len(properties))
        head = b"\x0a" + varint(len(inner) + len(properties)) + inner
        tail = b"\x12" + varint(len(metadata)) + metadata
        parts += (b"\x12" + varint(len(head) + len(properties) + len(tail)) + head, properties, tail)


def _result(hit: Hit, returns: Returns, config: CollectionConfig, before_127: bool) -> bytes:
    properties = encode_properties_result(hit, returns, config)
    metadata = encode_metadata(hit, returns, config)
    generative = b""
    if hit.generated is not None:
        if before_127:
            metadata += b"\x82\x01" + sized(hit.generated.encode()) + b"\x88\x01\x01"
        else:
            generative = b"\x1a" + sized(_generated(hit.generated, hit.generation))
    return b"\x0a" + sized(properties) + b"\x12" + sized(metadata) + generative


def _group(group: Group, returns: Returns, config: CollectionConfig) -> bytes:
    parts = [
        b"\x0a" + sized(group.name.encode()),
        b"\x15" + pack_f32(group.min_distance) + b"\x1d" + pack_f32(group.max_distance),
        b"\x20" + varint(len(group.hits)),
    ]
    for hit in group.hits:
        properties = encode_properties_result(hit, returns, config)
        metadata = encode_group_metadata(hit, returns, config)
        parts.append(b"\x2a" + sized(b"\x0a" + sized(properties) + b"\x12" + sized(metadata)))
    if group.rerank_score is not None:
        parts.append(b"\x32\x09\x09" + pack_f64(group.rerank_score))
    if group.generated is not None:
        parts.append(b"\x3a" + sized(_generative_reply(group.generated, group.generation)))
        parts.append(b"\x42" + sized(_generated(group.generated, group.generation)))
    return b"".join(parts)


def _generated(text: str, details: GenerationDetails | None) -> bytes:
    """A ``GenerativeResult`` with one value."""
    return b"\x0a" + sized(_generative_reply(text, details))


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
