"""Owns reading a Bundle, or a line of NDJSON, into entries: what is to be done with which resource.

Source: FHIR R4, Bundle (invariants bdl-1 to bdl-8).
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from fhirexport_server.fhir.reading import texts
from fhirexport_server.fhir.reading.context import ReadingContext
from fhirexport_server.fhir.reading.element import Element, Scope
from fhirexport_server.fhir.reading.entries import Entry, alone, collected, requested
from fhirexport_server.fhir.reading.problems import Problems, Severity
from fhirexport_server.fhir.reading.strict_json import MalformedJsonError, decode

_ABOUT_ITSELF: Final = ("id", "meta", "identifier", "timestamp", "link")
_AN_OBJECT: Final = "must be a JSON object that is not empty"


class BundleType(StrEnum):
    """The types of Bundle that can be imported; a collection is one transaction of upserts."""

    TRANSACTION = "transaction"
    BATCH = "batch"
    COLLECTION = "collection"


class Bundle(NamedTuple):
    """A Bundle's entries. Those that were refused are not among them."""

    type: BundleType
    entries: Sequence[Entry]


def bundle(data: bytes, context: ReadingContext, problems: Problems) -> Bundle | None:
    """Reads a Bundle; None when it is none, or of a type with which nothing can be done.

    Raises:
        MalformedJsonError: the bytes are no JSON that is read.
    """
    value = decode(data)
    if not isinstance(value, dict) or not value:
        problems.tell(Severity.ERROR, None, "Bundle", _AN_OBJECT)
        return None
    root = Element(value, Scope(context, problems, None, "Bundle", None))
    is_bundle = texts.one_of(root, "resourceType", {"Bundle": True}, needed=True)
    type_ = texts.one_of(root, "type", {one.value: one for one in BundleType}, needed=True)
    if type_ is None or not is_bundle:
        return None
    root.skip(*_ABOUT_ITSELF)
    if "total" in root:
        root.skip("total")
        root.error("total", "must not be there: the Bundle is not the answer to a search")
    read = collected if type_ is BundleType.COLLECTION else requested
    found = []
    named: dict[object, int] = {}
    for place, json in root.objects("entry"):
        element = Element(json, Scope(context, problems, place, "Bundle", None), root, "entry", place)
        entry = read(element, place)
        if entry is not None and _is_new(entry, element, named):
            found.append(entry)
        element.unread()
    root.unread()
    return Bundle(type_, found)


def line(data: bytes, place: int, context: ReadingContext, problems: Problems) -> Entry | None:
    """Reads one line of NDJSON: a resource, to be created or updated. None when it is refused.

    Args:
        data: the line, with or without its end.
        place: the line's, from 0, as the problems name it.
        context: who reads.
        problems: what is to be said of it.
    """
    try:
        value = decode(data)
    except MalformedJsonError as malformed:
        problems.tell(Severity.ERROR, place, "", malformed.rule)
        return None
    if not isinstance(value, dict) or not value:
        problems.tell(Severity.ERROR, place, "", _AN_OBJECT)
        return None
    return alone(Element(value, Scope(context, problems, place, "", None)), place)


def _is_new(entry: Entry, element: Element, named: dict[object, int]) -> bool:
    """Whether no entry before names the same resource, by its id, its search or its fullUrl."""
    names = {entry.key, entry.own, entry.search and (entry.type, *entry.search)} - {None}
    before = min((named[name] for name in names if name in named), default=None)
    named.update(dict.fromkeys(names, entry.place))
    if before is None:
        return True
    element.error("", f"must not name the same resource as Bundle.entry[{before}]")
    return False
