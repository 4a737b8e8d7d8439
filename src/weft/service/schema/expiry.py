"""``objectTtlConfig``: when objects expire: defaults, limits, typed view."""

from __future__ import annotations

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.json_fields import shorten
from weft.domain.schema import DataType, Expiry
from weft.service.schema.documents import Document, Stated, filled

_MINIMUM_TTL_S = 60


def complete(document: Document, where: str, existing: Stated | None) -> None:
    given = json_fields.object_(document, "objectTtlConfig", where)
    document.pop("objectTtlConfig", None)
    if not given:
        return
    config = filled(
        given, {"enabled": False, "defaultTtl": 0, "deleteOn": "", "filterExpiredObjects": False}, "objectTtlConfig"
    )
    config["deleteOn"] = config["deleteOn"].strip()
    document["objectTtlConfig"] = config
    by_timestamp = config["deleteOn"] in ("_creationTimeUnix", "_lastUpdateTimeUnix")
    if config["enabled"] and by_timestamp and existing is None:
        document["invertedIndexConfig"]["indexTimestamps"] = True


def validate(document: Stated) -> None:
    config = document.get("objectTtlConfig")
    if config is None or not config["enabled"]:
        return
    on = config["deleteOn"]
    if not on:
        raise Invalid(
            'ObjectTTLConfig: missing value for "deleteOn". Set "_creationTimeUnix", "_lastUpdateTimeUnix" or a '
            'property of "date" type'
        )
    if on in ("_creationTimeUnix", "_lastUpdateTimeUnix"):
        if not document["invertedIndexConfig"].get("indexTimestamps"):
            raise Invalid(
                f'ObjectTTLConfig: "deleteOn"="{on}" requires indexed timestamps. '
                'Enable "invertedIndexConfig.indexTimestamps"'
            )
        if config["defaultTtl"] < _MINIMUM_TTL_S:
            raise Invalid(
                f'ObjectTTLConfig: defaultTtl value too small for "deleteOn"="{on}". Required minimum '
                f'"{_MINIMUM_TTL_S}" seconds, given "{config["defaultTtl"]}" seconds'
            )
        return
    for one in document["properties"]:
        if one["name"] == on:
            if one["dataType"] != [DataType.DATE]:
                raise Invalid(
                    f'ObjectTTLConfig: property "{on}" set as "deleteOn" should have "date" data type, '
                    f'"{one["dataType"][0]}" given'
                )
            if not one["indexFilterable"] and not one["indexRangeFilters"]:
                raise Invalid(
                    f'ObjectTTLConfig: property "{on}" set as "deleteOn" should have filterable or rangeable index '
                    "enabled"
                )
            return
    raise Invalid(f'ObjectTTLConfig: property "{shorten(on)}" set as "deleteOn" not found among collection properties')


def parse(stated: Stated) -> Expiry | None:
    if not stated.get("enabled"):
        return None
    return Expiry(stated["deleteOn"], stated["defaultTtl"], stated["filterExpiredObjects"])
