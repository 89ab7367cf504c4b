"""The JSON encoder of all resources."""

from typing import Final

import msgspec

from fhirexport_server.domain.rows import Rendered

_ENCODER: Final = msgspec.json.Encoder()


def rendered(resource_type: str, logical_id: str, resource: msgspec.Struct) -> Rendered:
    """Encode a resource. The order of its properties is that of its model's fields."""
    return Rendered(resource_type, logical_id, _ENCODER.encode(resource))


def encoded(value: object) -> msgspec.Raw:
    """Encode a constant once, so that resources can copy its bytes."""
    return msgspec.Raw(_ENCODER.encode(value))
