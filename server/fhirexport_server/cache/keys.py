"""Owns the names of our keys in Redis: every one, and nothing but these, is ours.

A head is named as its users know it. What belongs to a head has the head's name in braces, which puts it
into the head's slot of a cluster and out of the sight of `SCAN MATCH fhir:export:*`.
"""

import re

from fhirexport_server.cache.entry import Variant
from fhirexport_server.domain.datasets import Dataset, Detail, Format

PREFIX = "fhir:export:"
"""What every head begins with; every other key of ours begins with a brace and this."""

_HEAD = re.compile(
    rf"{PREFIX}(?P<dataset>{'|'.join(Dataset)}):ej:(?P<ej_id>[1-9]\d{{0,18}})"
    rf"(:v:(?P<format>{'|'.join(Format)})(?P<detail>\.{Detail.MOVEMENTS})?)?",
    re.ASCII,
)


def head(variant: Variant) -> str:
    """Returns the key of a rendering: `fhir:export:venues:ej:1`, and `...:v:ndjson` for another layout."""
    plain = f"{PREFIX}{variant.dataset}:ej:{variant.ej_id}"
    movements = variant.detail is Detail.MOVEMENTS
    if variant.format is Format.BUNDLE and not movements:
        return plain
    return f"{plain}:v:{variant.format}{f'.{Detail.MOVEMENTS}' if movements else ''}"


def variant(key: str) -> Variant | None:
    """Returns what a key is the head of; None when it is no head of ours."""
    match = _HEAD.fullmatch(key)
    if match is None:
        return None
    found = Variant(
        ej_id=int(match["ej_id"]),
        dataset=Dataset(match["dataset"]),
        format=Format(match["format"] or Format.BUNDLE),
        detail=Detail.MOVEMENTS if match["detail"] else Detail.SUMMARY,
    )
    return found if head(found) == key else None


def generation(head_key: str, name: str) -> str:
    """Returns the key of the chunks of one rendering, which are never changed."""
    return f"{{{head_key}}}:g:{name}"


def lease(head_key: str, etag: str) -> str:
    """Returns the key that whoever makes this rendering holds."""
    return f"{{{head_key}}}:lease:{etag}"


def probe(name: str) -> str:
    """Returns the key by which a server finds out whether it can write."""
    return f"{{{PREFIX}probe}}:{name}"
