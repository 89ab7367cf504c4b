"""Owns the one encoder that every resource goes through."""

from typing import Final

import msgspec

from fhirexport_server.domain.rows import Rendered

_ENCODER: Final = msgspec.json.Encoder()


def rendered(kind: str, identity: str, resource: msgspec.Struct) -> Rendered:
    """Encodes a resource. The order of its properties is that of its model's fields."""
    return Rendered(kind, identity, _ENCODER.encode(resource))


def encoded(value: object) -> msgspec.Raw:
    """Encodes a constant once, to be copied as it is into every resource that holds it."""
    return msgspec.Raw(_ENCODER.encode(value))
