"""Owns the shape of a rendered resource, and the one encoder that renders it."""

from typing import Final, NamedTuple

import msgspec

_ENCODER: Final = msgspec.json.Encoder()


class Rendered(NamedTuple):
    """One FHIR resource."""

    type: str
    """Its resource type, such as `Organization`."""
    id: str
    """Its logical id, such as `uf-12`."""
    json: bytes
    """Its compact JSON, in UTF-8."""


def rendered(kind: str, identity: str, resource: msgspec.Struct) -> Rendered:
    """Encodes a resource. The order of its properties is that of its model's fields."""
    return Rendered(kind, identity, _ENCODER.encode(resource))


def encoded(value: object) -> msgspec.Raw:
    """Encodes a constant once, to be copied as it is into every resource that holds it."""
    return msgspec.Raw(_ENCODER.encode(value))
