"""Owns reading one entry of a Bundle: which resource it is, and what is to be done with it.

Source: FHIR R4, Bundle and RESTful API (transaction).
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from fhirexport_server.fhir.reading.bundles import entry_urls
from fhirexport_server.fhir.reading.bundles.entry_urls import EntryResource, Url
from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.datatypes.own_ids import TYPES, OwnId
from fhirexport_server.fhir.reading.datatypes.references import Identifier, ResourceName, searched
from fhirexport_server.fhir.reading.json.element import Element, JsonObject

_CONDITIONS: Final = ("ifNoneMatch", "ifModifiedSince", "ifMatch")
_NOT_KEPT: Final = "is not kept: this service gives its own, and goes by the numbers"


class Method(StrEnum):
    """What is to be done with an entry."""

    PUT = "PUT"
    """Create or update: by `own`, otherwise by `search`, otherwise by the resource's own numbers."""
    POST = "POST"
    """Create; with a `search`, only where that finds nothing."""
    DELETE = "DELETE"
    """Delete what `own` or `search` names."""


_METHODS: Final = {method.value: method for method in Method}


class BundleEntry(NamedTuple):
    """What is to be done with one resource."""

    place: int
    """Its place in the Bundle, or the line's, from 0."""
    method: Method
    type: str
    """The type of resource: one of `ids.TYPES`."""
    own: OwnId | None
    """The row that it names by id."""
    search: Identifier | None
    """The business number that it names (conditional create, update or delete)."""
    key: str | None
    """As `Source.key`."""
    path: str
    """The resource's path, such as `Bundle.entry[3].resource`, or `Patient` in NDJSON."""
    base: str | None
    """Where its relative references lead; None for this server."""
    resource: JsonObject | None
    """Without its `resourceType` and `id`; None exactly for DELETE."""
    inner: ResourceName | None = None
    """What the id of the resource names, where its fullUrl is none that says so, or where POST ignores it."""
    digest: str | None = None
    """Of its content, however that is written; None but for a line of NDJSON."""

    @property
    def names(self) -> list[str]:
        """What references may call it: `key`, and what its id names."""
        names = [self.key, None if self.inner is None else self.inner.key]
        return [name for name in names if name is not None]

    @property
    def ignored(self) -> ResourceName | None:
        """What its id names, where POST has it ignored."""
        return self.inner if self.method is Method.POST else None


class _Asked(NamedTuple):
    """What an entry with a request asks for."""

    element: Element
    place: int
    request: Element
    target: str
    """`request.url`."""
    condition: str | None
    """`request.ifNoneExist`."""
    url: Url


def alone(root: Element, place: int) -> BundleEntry | None:
    """Read a resource that comes without an entry, to be created or updated. None when it is refused."""
    found = entry_urls.resource(root)
    return None if found is None else _upsert(found, Url(), place, found.type)


def collected(element: Element, place: int) -> BundleEntry | None:
    """Read an entry of a collection: its resource is to be created or updated. None when it is refused."""
    if "request" in element:
        element.skip("request")
        element.error("request", "must not be there in a collection: a transaction or a batch has requests")
    _refuse_answers(element)
    found = entry_urls.inner_resource(element)
    url = entry_urls.full_url(element)
    if found is None or url is None or not entry_urls.agree(element, found, url.name):
        return None
    return _upsert(found, url, place, element.path("resource"))


def requested(element: Element, place: int) -> BundleEntry | None:
    """Read an entry of a transaction or batch. None when it is refused."""
    _refuse_answers(element)
    url = entry_urls.full_url(element)
    request = element.child("request", needed=True)
    found = None
    if request is not None:
        method = texts.one_of(request, "method", _METHODS, needed=True)
        for name in _CONDITIONS:
            if name in request:
                request.skip(name)
                request.error(name, "must not be there: this service does not look at versions")
        target = request.string("url", needed=True)
        condition = request.string("ifNoneExist")
        if condition is not None and method is not Method.POST:
            request.error("ifNoneExist", "must not be there but with POST")
        if method is not None and target is not None and url is not None:
            found = _ASKED[method](_Asked(element, place, request, target, condition, url))
    element.skip("resource")
    return found


def _upsert(found: EntryResource, url: Url, place: int, path: str) -> BundleEntry:
    return BundleEntry(
        place=place,
        method=Method.PUT,
        type=found.type,
        own=entry_urls.own(found, url),
        search=None,
        key=_key(found, url),
        path=path,
        base=None if url.name is None else url.name.base,
        resource=found.json,
        inner=_inner(found, url),
    )


def _inner(found: EntryResource, url: Url) -> ResourceName | None:
    """Return what an id of ours names beside a `urn:`, or nothing at all."""
    name = found.name
    return name if name is not None and url.name is None and name.own is not None else None


def _key(found: EntryResource, url: Url) -> str | None:
    return url.key or (None if found.name is None else found.name.key)


def _deleted(asked: _Asked) -> BundleEntry | None:
    element = asked.element
    found = None
    if "resource" in element:
        element.warning("resource", "is not looked at, but for its id: it is deleted")
        found = entry_urls.inner_resource(element)
        if found is None or not entry_urls.agree(element, found, asked.url.name):
            return None
    target = entry_urls.target(asked.request, asked.target, TYPES if found is None else (found.type,))
    if target is None:
        return None
    own = None if target.name is None else target.name.own
    if target.search is None and own is None:
        asked.request.error(
            "url", "must name a resource by an id that this service gave, or by its identifier"
        )
        return None
    for name, at in ((asked.url.name, "fullUrl"), (None if found is None else found.name, "resource.id")):
        if name is None:
            continue
        if name.base is not None or name.type != target.type or target.name not in {None, name}:
            element.error(at, "must name the resource that request.url names")
            return None
        # A search finds it; it has to be the one that the ids name.
        own = name.own
    path = element.path()
    return BundleEntry(asked.place, Method.DELETE, target.type, own, target.search, None, path, None, None)


def _posted(asked: _Asked) -> BundleEntry | None:
    found = entry_urls.inner_resource(asked.element)
    if found is None or not entry_urls.agree(asked.element, found, asked.url.name):
        return None
    if entry_urls.below_base(asked.target, asked.request.scope) != found.type:
        asked.request.error("url", f"must be the type of the resource: {found.type}")
        return None
    search = None
    if asked.condition is not None:
        search = searched(asked.condition.removeprefix(f"{found.type}?"))
        if search is None:
            asked.request.error("ifNoneExist", "must be identifier=<system>|<value>")
            return None
    # FHIR R4, create: an id is ignored. A fullUrl of this server is none the less a name.
    own = None if asked.url.name is None else asked.url.name.own
    return _written(asked, Method.POST, found, own, search)


def _put(asked: _Asked) -> BundleEntry | None:
    element, url = asked.element, asked.url
    found = entry_urls.inner_resource(element)
    if found is None or not entry_urls.agree(element, found, url.name):
        return None
    target = entry_urls.target(asked.request, asked.target, (found.type,))
    if target is None:
        return None
    if target.name is not None and found.id != target.name.id:
        element.error("resource.id", "must be the id in request.url")
        return None
    own = entry_urls.own(found, url)
    if own is None and found.id is not None and not url.is_elsewhere:
        element.warning("resource.id", _NOT_KEPT)
    return _written(asked, Method.PUT, found, own, target.search)


_ASKED: Final[Mapping[Method, Callable[[_Asked], BundleEntry | None]]] = {
    Method.DELETE: _deleted,
    Method.POST: _posted,
    Method.PUT: _put,
}


def _written(
    asked: _Asked, method: Method, found: EntryResource, own: OwnId | None, search: Identifier | None
) -> BundleEntry:
    url = asked.url
    return BundleEntry(
        place=asked.place,
        method=method,
        type=found.type,
        own=own,
        search=search,
        key=_key(found, url) if method is Method.PUT else url.key,
        path=asked.element.path("resource"),
        base=None if url.name is None else url.name.base,
        resource=found.json,
        inner=_inner(found, url),
    )


def _refuse_answers(element: Element) -> None:
    for name in ("search", "response"):
        if name in element:
            element.skip(name)
            element.error(name, "must not be there: the Bundle is not an answer")
