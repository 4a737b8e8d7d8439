"""Property values in JSON."""

from __future__ import annotations

from collections.abc import Mapping

from weft.domain.beacon import format_beacon
from weft.domain.objects import GeoPoint, PhoneNumber, Reference, Value
from weft.domain.schema import CollectionConfig


def properties_to_json(
    config: CollectionConfig, properties: Mapping[str, Value], *, figures: bool = False
) -> dict[str, Value]:
    """The values that are there; geo points, phone numbers and references as objects. ``figures``: with those of the
    classifications that made references."""
    encoded: dict[str, Value] = {}
    for name, value in properties.items():
        if value is None:
            continue
        if isinstance(value, GeoPoint):
            value = {"latitude": value.latitude, "longitude": value.longitude}
        elif isinstance(value, PhoneNumber):
            value = _phone(value)
        elif isinstance(value, list) and value and isinstance(value[0], Reference):
            value = [_reference(config, name, reference, figures) for reference in value]
        encoded[name] = value
    return encoded


def _phone(phone: PhoneNumber) -> dict[str, object]:
    return {
        "input": phone.input,
        "defaultCountry": phone.default_country,
        "countryCode": phone.country_code,
        "national": phone.national,
        "internationalFormatted": phone.international_formatted,
        "nationalFormatted": phone.national_formatted,
        "valid": phone.valid,
    }


def _reference(config: CollectionConfig, name: str, reference: Reference, figures: bool) -> dict[str, object]:
    collection = reference.collection
    if not collection and (property := config.by_name.get(name)) and len(property.target_collections) == 1:
        collection = property.target_collections[0]
    beacon = format_beacon(collection, reference.uuid)
    pointer = {"beacon": beacon, "href": f"/v1/objects/{beacon.removeprefix('weaviate://localhost/')}"}
    return (
        {**pointer, "classification": reference.figures} if figures and reference.figures is not None else {**pointer}
    )
