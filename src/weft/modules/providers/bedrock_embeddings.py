"""The bodies and answers of Bedrock's embedding models: Amazon's Titan and Nova, which embed one text or image a call,
and Cohere's.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
"""

from __future__ import annotations

from collections.abc import Sequence

from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject, JsonValue
from weft.domain.objects import Vector
from weft.modules.media.encoded import data_url, image_data, image_type
from weft.modules.providers.answers import list_of, member, vector_of
from weft.modules.providers.provider import Provider

COHERE_TEXTS_PER_CALL = 96


def is_cohere(model: str) -> bool:
    """Raises Invalid for a model of neither. Profiles of several regions begin with more than the provider."""
    if "cohere." not in model and "amazon." not in model:
        raise Invalid(f"unknown model provider: {model}; amazon.… and cohere.… embed")
    return "cohere." in model


def cohere_texts(model: str, texts: Sequence[str], searching: bool, dimensions: int | None) -> dict[str, object]:
    """The body for texts of stored objects, or of a query."""
    role = "search_query" if searching else "search_document"
    return {"texts": list(texts), "input_type": role, **_output_dimension(dimensions)}


def cohere_image(model: str, image: str, dimensions: int | None) -> dict[str, object]:
    """The body for one image, which has one vector in both roles."""
    return {"images": [data_url(image, image_type(image))], "input_type": "image", **_output_dimension(dimensions)}


def _output_dimension(dimensions: int | None) -> dict[str, object]:
    return {} if dimensions is None else {"output_dimension": dimensions}


def amazon_text(model: str, text: str, searching: bool, dimensions: int | None) -> dict[str, object]:
    """The body for one text of a stored object, or of a query."""
    if "amazon.nova" in model:
        return _nova({"text": {"truncationMode": "END", "value": text}}, searching, dimensions)
    return _titan(model, {"inputText": text}, dimensions)


def amazon_image(model: str, image: str, searching: bool, dimensions: int | None) -> dict[str, object]:
    """The body for one image of a stored object, or of a query."""
    if "amazon.nova" in model:
        form = image_type(image, "image/jpeg").removeprefix("image/")
        return _nova({"image": {"format": form, "source": {"bytes": image_data(image)}}}, searching, dimensions)
    return _titan(model, {"inputImage": image_data(image)}, dimensions)


def _titan(model: str, given: dict[str, object], dimensions: int | None) -> dict[str, object]:
    """The second text model takes the dimensions at another place than the models of images."""
    if dimensions is None:
        return given
    if "titan-embed-text-v2" in model:
        return {**given, "dimensions": dimensions}
    return {**given, "embeddingConfig": {"outputEmbeddingLength": dimensions}}


def _nova(given: dict[str, object], searching: bool, dimensions: int | None) -> dict[str, object]:
    purpose = "GENERIC_RETRIEVAL" if searching else "GENERIC_INDEX"
    size = {} if dimensions is None else {"embeddingDimension": dimensions}
    return {
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": {"embeddingPurpose": purpose, **size, **given},
    }


def vectors_in(answer: JsonObject, count: int, provider: Provider) -> list[Vector]:
    """The ``count`` vectors of an answer, in the order of the inputs: of Titan one, of the others a list, which may be
    by type, or of objects."""
    if "embedding" in answer and count == 1:
        return [vector_of(answer["embedding"], provider)]
    given = answer.get("embeddings")
    listed = member(given, "float") if isinstance(given, dict) else given
    return [vector_of(_numbers(one), provider) for one in list_of(listed, "embeddings", provider, count)]


def _numbers(one: JsonValue) -> JsonValue:
    return member(one, "embedding") if isinstance(one, dict) else one
