"""Owns reading a Bundle, or a line of NDJSON, into entries: what is to be done with which resource.

Source: FHIR R4, Bundle (invariants bdl-1 to bdl-8).
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import StrEnum
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from fhirexport_server.fhir.reading.bundles import entry_urls
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry, alone, collected, requested
from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.json.element import Element, Scope
from fhirexport_server.fhir.reading.json.problems import Problems, Severity
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext
from fhirexport_server.fhir.reading.json.strict_json import MalformedJsonError, decode

_ABOUT_ITSELF: Final = ("id", "meta", "identifier", "timestamp", "link")
MOST_ENTRIES: Final = 50_000
_TOO_MANY: Final = f"must hold at most {MOST_ENTRIES} entries: send several Bundles, or NDJSON"
_AN_OBJECT: Final = "must be a JSON object that is not empty"
# The same resource gives the same bytes, whatever the order of its properties.
_CANONICAL: Final = msgspec.json.Encoder(order="deterministic")


class BundleType(StrEnum):
    """The types of Bundle that can be imported; a collection is one transaction of upserts."""

    TRANSACTION = "transaction"
    BATCH = "batch"
    COLLECTION = "collection"


class Bundle(NamedTuple):
    """A Bundle's entries. Those that were refused are not among them."""

    type: BundleType
    entries: Sequence[BundleEntry]
    nowhere: AbstractSet[str] = frozenset()
    """Names, as `Source.key`, that lead nowhere: those of entries that were refused, and ids that POST
    ignores."""


def bundle(data: bytes, context: ReadingContext, problems: Problems) -> Bundle | None:
    """Read a Bundle; None when it is none, or of a type with which nothing can be done.

    Raises:
        MalformedJsonError: The bytes are no JSON that is read.
    """
    value = decode(data)
    if not isinstance(value, dict) or not value:
        problems.tell(Severity.ERROR, None, "Bundle", _AN_OBJECT)
        return None
    listed = value.get("entry")
    if isinstance(listed, list) and len(listed) > MOST_ENTRIES:
        problems.tell(Severity.ERROR, None, "Bundle.entry", _TOO_MANY)
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
    entries: dict[int, BundleEntry] = {}
    claimed: dict[int, list[str]] = {}
    for place, json in root.objects("entry"):
        scope = Scope(context, problems, place, "Bundle", None)
        element = Element(json, scope, root, "entry", place)
        entry = read(element, place)
        if entry is not None:
            entries[place] = entry
        element.unread()
        claimed[place] = entry_urls.claimed(json, scope)
    root.unread()
    _refuse_same({place: _names(entries.get(place), claimed[place]) for place in claimed}, problems)
    refused = problems.refused
    return Bundle(
        type_,
        [entry for place, entry in entries.items() if place not in refused],
        {name for place, names in claimed.items() if place in refused for name in names}
        | {entry.ignored.key for entry in entries.values() if entry.ignored is not None},
    )


def line(data: bytes, place: int, context: ReadingContext, problems: Problems) -> BundleEntry | None:
    """Read one line of NDJSON: a resource, to be created or updated. None when it is refused.

    Args:
        data: The line, with or without its end.
        place: The line's, from 0, as the problems name it.
        context: Who reads.
        problems: What is to be said of it.
    """
    try:
        value = decode(data)
    except MalformedJsonError as malformed:
        problems.tell(Severity.ERROR, place, "", malformed.rule)
        return None
    if not isinstance(value, dict) or not value:
        problems.tell(Severity.ERROR, place, "", _AN_OBJECT)
        return None
    entry = alone(Element(value, Scope(context, problems, place, "", None)), place)
    if entry is None:
        return None
    return entry._replace(digest=blake2b(_CANONICAL.encode(value), digest_size=16).hexdigest())


def _names(entry: BundleEntry | None, claimed: Iterable[str]) -> set[object]:
    """Return what no other entry may name itself by: its id, its search, its fullUrl."""
    if entry is None:
        return set(claimed)
    names: tuple[object, ...] = (entry.key, entry.own, entry.search and (entry.type, *entry.search))
    return {name for name in names if name is not None}


def _refuse_same(names: Mapping[int, set[object]], problems: Problems) -> None:
    """Refuse entries that name the same resource, all of them: who names it could mean any."""
    first: dict[object, int] = {}
    pairs: dict[int, int] = {}
    for place, of_entry in names.items():
        before = min((first[name] for name in of_entry if name in first), default=None)
        if before is not None:
            pairs[place] = before
            pairs.setdefault(before, place)
        for name in of_entry:
            first.setdefault(name, place)
    for place, other in pairs.items():
        text = f"must not name the same resource as Bundle.entry[{other}]"
        problems.tell(Severity.ERROR, place, f"Bundle.entry[{place}]", text)
