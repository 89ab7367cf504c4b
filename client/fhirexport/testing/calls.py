"""What the server has received, for a test to look at."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message


@dataclass(frozen=True)
class ReceivedCall:
    """One call, answered or failed."""

    method: str
    """Its name in the contract, such as `StreamExport`."""
    request: Message
    """The message, of `fhirexport.v1`; the first one where several came."""
    metadata: Mapping[str, str | bytes]
    """What the caller sent with it, such as `authorization`."""


@dataclass(frozen=True)
class ReceivedImport:
    """One import that was answered."""

    ej_id: int
    """0 where the caller named none."""
    resources: tuple[dict[str, Any], ...]
    """What came, in its order; of a Bundle, the resources of its entries."""
    validate_only: bool
    request_id: str
    if_revision: str


def of_bundle(text: str) -> tuple[dict[str, Any], ...]:
    """Return the resources of a Bundle.

    Raises:
        ValueError: it is no Bundle.
    """
    bundle = json.loads(text)
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise ValueError("is no Bundle")
    return tuple(entry["resource"] for entry in bundle.get("entry", ()) if "resource" in entry)


def of_lines(content: bytes) -> tuple[dict[str, Any], ...]:
    """Return the resources of NDJSON.

    Raises:
        ValueError: a line is no JSON.
    """
    return tuple(json.loads(line) for line in content.splitlines() if line)
