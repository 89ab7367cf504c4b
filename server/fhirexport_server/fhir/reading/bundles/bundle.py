"""Reads a Bundle, or a line of NDJSON, into entries: resources, each with what to do with it.

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
# Equal resources give equal bytes, whatever the order of their properties.
_CANONICAL: Final = msgspec.json.Encoder(order="deterministic")


class BundleType(StrEnum):
    """The types of Bundle that can be imported; a collection is a transaction of upserts."""

    TRANSACTION = "transaction"
    BATCH = "batch"
    COLLECTION = "collection"


class Bundle(NamedTuple):
    """A Bundle, without the entries that were refused."""

    type: BundleType
    entries: Sequence[BundleEntry]
    nowhere: AbstractSet[str] = frozenset()
    """Names, as in `DraftOrigin.key`, that name nothing: of refused entries, and ids that POST ignores."""


def bundle(data: bytes, context: ReadingContext, problems: Problems) -> Bundle | None:
    """Read a Bundle; None if it is not a Bundle, or of a type that cannot be imported.

    Raises:
        MalformedJsonError: The bytes are not JSON that this service accepts.
    """
    value = decode(data)
    if not isinstance(value, dict) or not value:
        problems.report(Severity.ERROR, None, "Bundle", _AN_OBJECT)
        return None
    entry_list = value.get("entry")
    if isinstance(entry_list, list) and len(entry_list) > MOST_ENTRIES:
        problems.report(Severity.ERROR, None, "Bundle.entry", _TOO_MANY)
        return None
    root = Element(value, Scope(context, problems, None, "Bundle", None))
    is_bundle = texts.one_of(root, "resourceType", {"Bundle": True}, needed=True)
    type_ = texts.one_of(root, "type", {type_.value: type_ for type_ in BundleType}, needed=True)
    if type_ is None or not is_bundle:
        return None
    root.skip(*_ABOUT_ITSELF)
    if "total" in root:
        root.skip("total")
        root.error("total", "must not be there: the Bundle is not the answer to a search")
    read_entry = collected if type_ is BundleType.COLLECTION else requested
    entries: dict[int, BundleEntry] = {}
    claimed_names: dict[int, list[str]] = {}
    for place, content in root.objects("entry"):
        scope = Scope(context, problems, place, "Bundle", None)
        element = Element(content, scope, root, "entry", place)
        entry = read_entry(element, place)
        if entry is not None:
            entries[place] = entry
        element.report_unread()
        claimed_names[place] = entry_urls.claimed(content, scope)
    root.report_unread()
    _refuse_same(
        {place: _names(entries.get(place), claimed_names[place]) for place in claimed_names}, problems
    )
    refused = problems.refused
    return Bundle(
        type_,
        [entry for place, entry in entries.items() if place not in refused],
        {name for place, names in claimed_names.items() if place in refused for name in names}
        | {entry.ignored.key for entry in entries.values() if entry.ignored is not None},
    )


def line(data: bytes, place: int, context: ReadingContext, problems: Problems) -> BundleEntry | None:
    """Read a line of NDJSON: a resource to create or update. None if it is refused.

    Args:
        data: The line, with or without its end.
        place: The line's number, from 0, which problems give as their entry.
        context: The context to read in.
        problems: Where its problems go.
    """
    try:
        value = decode(data)
    except MalformedJsonError as error:
        problems.report(Severity.ERROR, place, "", error.rule)
        return None
    if not isinstance(value, dict) or not value:
        problems.report(Severity.ERROR, place, "", _AN_OBJECT)
        return None
    entry = alone(Element(value, Scope(context, problems, place, "", None)), place)
    if entry is None:
        return None
    return entry._replace(digest=content_digest(value))


def content_digest(value: object) -> str:
    """Return the digest of a decoded line: the same for equal content, in whichever order it is written."""
    return blake2b(_CANONICAL.encode(value), digest_size=16).hexdigest()


def _names(entry: BundleEntry | None, claimed: Iterable[str]) -> set[object]:
    """Return the names that no other entry may have: its id, its search, its fullUrl."""
    if entry is None:
        return set(claimed)
    names: tuple[object, ...] = (entry.key, entry.own, entry.search and (entry.type, *entry.search))
    return {name for name in names if name is not None}


def _refuse_same(names: Mapping[int, set[object]], problems: Problems) -> None:
    """Refuse all entries that name the same resource: a reference to it could mean any of them."""
    first: dict[object, int] = {}
    pairs: dict[int, int] = {}
    for place, entry_names in names.items():
        before = min((first[name] for name in entry_names if name in first), default=None)
        if before is not None:
            pairs[place] = before
            pairs.setdefault(before, place)
        for name in entry_names:
            first.setdefault(name, place)
    for place, other in pairs.items():
        text = f"must not name the same resource as Bundle.entry[{other}]"
        problems.report(Severity.ERROR, place, f"Bundle.entry[{place}]", text)
