"""Reads an entry of a Bundle: which resource it is, and what to do with it.

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
    """What to do with an entry."""

    PUT = "PUT"
    """Create or update the resource, found by `own`, otherwise by `search`, otherwise by its numbers."""
    POST = "POST"
    """Create the resource; if there is a `search`, only if it finds nothing."""
    DELETE = "DELETE"
    """Delete the resource that `own` or `search` names."""


_METHODS: Final = {method.value: method for method in Method}


class BundleEntry(NamedTuple):
    """What to do with one resource."""

    place: int
    """The index of the entry in the Bundle, or of the line, from 0."""
    method: Method
    type: str
    """The resource type: one of `own_ids.TYPES`."""
    own: OwnId | None
    """The row that it names by id, if it does."""
    search: Identifier | None
    """The business identifier that it names (conditional create, update or delete)."""
    key: str | None
    """As in `DraftOrigin.key`."""
    path: str
    """The path of the resource, such as `Bundle.entry[3].resource`, or `Patient` in NDJSON."""
    base: str | None
    """The base URL of its relative references; None for this server."""
    resource: JsonObject | None
    """The resource, without `resourceType` and `id`; None for DELETE, and only then."""
    inner: ResourceName | None = None
    """What the resource's id names, if its fullUrl does not say so or POST ignores the id."""
    digest: str | None = None
    """A digest of the content, the same for equal content; only for a line of NDJSON."""

    @property
    def names(self) -> list[str]:
        """The names that references may use for it: `key`, and what its id names."""
        names = [self.key, None if self.inner is None else self.inner.key]
        return [name for name in names if name is not None]

    @property
    def ignored(self) -> ResourceName | None:
        """What its id names, if it is a POST, which ignores it."""
        return self.inner if self.method is Method.POST else None


class _Interaction(NamedTuple):
    """An entry with its request: FHIR calls that an interaction."""

    element: Element
    place: int
    request: Element
    target: str
    """`request.url`."""
    condition: str | None
    """`request.ifNoneExist`."""
    url: Url


def alone(root: Element, place: int) -> BundleEntry | None:
    """Read a resource without an entry, to create or update. None if it is refused."""
    resource = entry_urls.resource(root)
    return None if resource is None else _upsert(resource, Url(), place, resource.type)


def collected(element: Element, place: int) -> BundleEntry | None:
    """Read an entry of a collection: a resource to create or update. None if it is refused."""
    if "request" in element:
        element.skip("request")
        element.error("request", "must not be there in a collection: a transaction or a batch has requests")
    _refuse_answers(element)
    resource = entry_urls.inner_resource(element)
    url = entry_urls.full_url(element)
    if resource is None or url is None or not entry_urls.agree(element, resource, url.name):
        return None
    return _upsert(resource, url, place, element.path("resource"))


def requested(element: Element, place: int) -> BundleEntry | None:
    """Read an entry of a transaction or batch. None if it is refused."""
    _refuse_answers(element)
    url = entry_urls.full_url(element)
    request = element.child("request", needed=True)
    entry = None
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
            entry = _INTERACTIONS[method](_Interaction(element, place, request, target, condition, url))
    element.skip("resource")
    return entry


def _upsert(resource: EntryResource, url: Url, place: int, path: str) -> BundleEntry:
    return BundleEntry(
        place=place,
        method=Method.PUT,
        type=resource.type,
        own=entry_urls.own(resource, url),
        search=None,
        key=_key(resource, url),
        path=path,
        base=None if url.name is None else url.name.base,
        resource=resource.json,
        inner=_inner(resource, url),
    )


def _inner(resource: EntryResource, url: Url) -> ResourceName | None:
    """Return what an id of this service names, if the fullUrl is absent or a `urn:`."""
    name = resource.name
    return name if name is not None and url.name is None and name.own is not None else None


def _key(resource: EntryResource, url: Url) -> str | None:
    return url.key or (None if resource.name is None else resource.name.key)


def _deleted(interaction: _Interaction) -> BundleEntry | None:
    element = interaction.element
    resource = None
    if "resource" in element:
        element.warning("resource", "is not looked at, but for its id: it is deleted")
        resource = entry_urls.inner_resource(element)
        if resource is None or not entry_urls.agree(element, resource, interaction.url.name):
            return None
    target = entry_urls.target(
        interaction.request, interaction.target, TYPES if resource is None else (resource.type,)
    )
    if target is None:
        return None
    own = None if target.name is None else target.name.own
    if target.search is None and own is None:
        interaction.request.error(
            "url", "must name a resource by an id that this service gave, or by its identifier"
        )
        return None
    for name, at in (
        (interaction.url.name, "fullUrl"),
        (None if resource is None else resource.name, "resource.id"),
    ):
        if name is None:
            continue
        if name.base is not None or name.type != target.type or target.name not in {None, name}:
            element.error(at, "must name the resource that request.url names")
            return None
        # The search finds the resource; it must be the one that the ids name.
        own = name.own
    path = element.path()
    return BundleEntry(
        interaction.place, Method.DELETE, target.type, own, target.search, None, path, None, None
    )


def _posted(interaction: _Interaction) -> BundleEntry | None:
    resource = entry_urls.inner_resource(interaction.element)
    if resource is None or not entry_urls.agree(interaction.element, resource, interaction.url.name):
        return None
    if entry_urls.below_base(interaction.target, interaction.request.scope) != resource.type:
        interaction.request.error("url", f"must be the type of the resource: {resource.type}")
        return None
    search = None
    if interaction.condition is not None:
        search = searched(interaction.condition.removeprefix(f"{resource.type}?"))
        if search is None:
            interaction.request.error("ifNoneExist", "must be identifier=<system>|<value>")
            return None
    # FHIR R4, create: the id is ignored. A fullUrl of this server still names the resource.
    own = None if interaction.url.name is None else interaction.url.name.own
    return _written(interaction, Method.POST, resource, own, search)


def _put(interaction: _Interaction) -> BundleEntry | None:
    element, url = interaction.element, interaction.url
    resource = entry_urls.inner_resource(element)
    if resource is None or not entry_urls.agree(element, resource, url.name):
        return None
    target = entry_urls.target(interaction.request, interaction.target, (resource.type,))
    if target is None:
        return None
    if target.name is not None and resource.id != target.name.id:
        element.error("resource.id", "must be the id in request.url")
        return None
    own = entry_urls.own(resource, url)
    if own is None and resource.id is not None and not url.is_elsewhere:
        element.warning("resource.id", _NOT_KEPT)
    return _written(interaction, Method.PUT, resource, own, target.search)


_INTERACTIONS: Final[Mapping[Method, Callable[[_Interaction], BundleEntry | None]]] = {
    Method.DELETE: _deleted,
    Method.POST: _posted,
    Method.PUT: _put,
}


def _written(
    interaction: _Interaction,
    method: Method,
    resource: EntryResource,
    own: OwnId | None,
    search: Identifier | None,
) -> BundleEntry:
    url = interaction.url
    return BundleEntry(
        place=interaction.place,
        method=method,
        type=resource.type,
        own=own,
        search=search,
        key=_key(resource, url) if method is Method.PUT else url.key,
        path=interaction.element.path("resource"),
        base=None if url.name is None else url.name.base,
        resource=resource.json,
        inner=_inner(resource, url),
    )


def _refuse_answers(element: Element) -> None:
    for name in ("search", "response"):
        if name in element:
            element.skip(name)
            element.error(name, "must not be there: the Bundle is not an answer")
