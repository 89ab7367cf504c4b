"""Reads what was rendered, and writes what is expected."""

from typing import Any

import msgspec
from fhirexport_server.domain.rows import (
    Rendered,
)


def content(resource: Rendered) -> dict[str, Any]:
    """The resource that was rendered, whose type and id are those that it carries itself."""
    decoded: dict[str, Any] = msgspec.json.decode(resource.json)
    assert (decoded["resourceType"], decoded["id"]) == (resource.type, resource.id)
    return decoded


def concept(system: str, code: str, display: str | None = None) -> dict[str, Any]:
    """A CodeableConcept with one coding, as JSON."""
    coding = {"system": system, "code": code}
    return {"coding": [coding if display is None else coding | {"display": display}]}
