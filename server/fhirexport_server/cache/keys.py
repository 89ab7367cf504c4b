"""The names of our keys in Redis. All our keys have these names, and no other keys do.

A head has the name that operators know. The keys that belong to a head have its name in braces, which puts
them into the head's slot of a cluster and hides them from `SCAN MATCH fhir:export:*`.
"""

import re

from fhirexport_server.cache.entry import Variant
from fhirexport_server.domain.datasets import Dataset, Detail, Format

PREFIX = "fhir:export:"
"""The prefix of every head. Our other keys begin with a brace and this prefix."""

_HEAD = re.compile(
    rf"{PREFIX}(?P<dataset>{'|'.join(Dataset)}):ej:(?P<ej_id>[1-9]\d{{0,18}})"
    rf"(:v:(?P<format>{'|'.join(Format)})(?P<detail>\.{Detail.MOVEMENTS})?)?",
    re.ASCII,
)


def head(variant: Variant) -> str:
    """Return the key of a head: `fhir:export:venues:ej:1`, with `:v:ndjson` for another layout."""
    plain = f"{PREFIX}{variant.dataset}:ej:{variant.ej_id}"
    movements = variant.detail is Detail.MOVEMENTS
    if variant.format is Format.BUNDLE and not movements:
        return plain
    return f"{plain}:v:{variant.format}{f'.{Detail.MOVEMENTS}' if movements else ''}"


def variant(key: str) -> Variant | None:
    """Return the variant that a key is the head of; None where it is no head of ours."""
    match = _HEAD.fullmatch(key)
    if match is None:
        return None
    candidate = Variant(
        ej_id=int(match["ej_id"]),
        dataset=Dataset(match["dataset"]),
        format=Format(match["format"] or Format.BUNDLE),
        detail=Detail.MOVEMENTS if match["detail"] else Detail.SUMMARY,
    )
    return candidate if head(candidate) == key else None


def segment(head_key: str, digest: bytes) -> str:
    """Return the key of a segment, by the digest of its text: what it holds never changes."""
    return f"{{{head_key}}}:s:{digest.hex()}"


def lease(head_key: str, etag: str) -> str:
    """Return the key of the lease that the maker of this rendering holds."""
    return f"{{{head_key}}}:lease:{etag}"


def probe_head(tag: str = "") -> str:
    """Return a key that is named as a head is, and is none: that of a server of a cluster, by its tag."""
    return f"{PREFIX}probe{tag and ':'}{tag}"


def probe(name: str, tag: str = "") -> str:
    """Return a key that a server probes with, to see whether it can write; in the slot of `probe_head`."""
    return f"{{{probe_head(tag)}}}:{name}"
