"""Cuts NDJSON, as it comes, into resources."""

import json
from collections.abc import Iterator
from typing import Any

Resource = dict[str, Any]
"""One FHIR resource, as `json` reads it."""


def resources(content: bytes) -> Iterator[Resource]:
    """Yield the resources of a run of whole lines, which is what a chunk of NDJSON is."""
    for line in content.splitlines():
        if line:
            yield json.loads(line)
