"""Owns reading one entry of a Bundle: which resource it is, and what is to be done with it.

Source: FHIR R4, Bundle and RESTful API (transaction).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from fhirexport_server.fhir.reading import texts
from fhirexport_server.fhir.reading.element import Element, JsonObject
from fhirexport_server.fhir.reading.ids import TYPES, OwnId
from fhirexport_server.fhir.reading.references import Identifier, Name, is_urn, literal, searched

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_CONDITIONS: Final = ("ifNoneMatch", "ifModifiedSince", "ifMatch")
_TYPES: Final = {type_: type_ for type_ in TYPES}


class Method(StrEnum):
    """What is to be done with an entry."""

    PUT = "PUT"
    """Create or update: by `own`, otherwise by `search`, otherwise by the resource's own numbers."""
    POST = "POST"
    """Create; with a `search`, only where that finds nothing."""
    DELETE = "DELETE"
    """Delete what `own` or `search` names."""


_METHODS: Final = {method.value: method for method in Method}


class Entry(NamedTuple):
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


class _Resource(NamedTuple):
    json: JsonObject
    type: str
    id: str | None


class _Url(NamedTuple):
    """What a fullUrl says."""

    key: str | None = None
    name: Name | None = None
    """None for a urn:."""


class _Target(NamedTuple):
    """What a URL of a request names: a row by its id, or what a search finds."""

    type: str
    id: str | None
    own: OwnId | None
    search: Identifier | None


class _Asked(NamedTuple):
    """What an entry with a request asks for."""

    element: Element
    place: int
    request: Element
    target: str
    """`request.url`."""
    condition: str | None
    """`request.ifNoneExist`."""
    url: _Url


def alone(root: Element, place: int) -> Entry | None:
    """Reads a resource that comes without an entry, to be created or updated. None when it is refused."""
    found = _resource(root)
    return None if found is None else _upsert(found, _Url(), place, found.type)


def collected(element: Element, place: int) -> Entry | None:
    """Reads an entry of a collection: its resource is to be created or updated. None when it is refused."""
    if "request" in element:
        element.skip("request")
        element.error("request", "must not be there in a collection: a transaction or a batch has requests")
    _refuse_answers(element)
    found = _inner_resource(element)
    url = _full_url(element)
    if found is None or url is None or not _agree(element, found, url.name):
        return None
    return _upsert(found, url, place, element.path("resource"))


def requested(element: Element, place: int) -> Entry | None:
    """Reads an entry of a transaction or batch. None when it is refused."""
    _refuse_answers(element)
    url = _full_url(element)
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


def _upsert(found: _Resource, url: _Url, place: int, path: str) -> Entry:
    name = url.name
    if url.key is None and found.id is not None:
        name = Name(found.type, found.id, None)
    return Entry(
        place=place,
        method=Method.PUT,
        type=found.type,
        own=None if name is None else name.own,
        search=None,
        key=url.key if name is None else name.key,
        path=path,
        base=None if name is None else name.base,
        resource=found.json,
    )


def _deleted(asked: _Asked) -> Entry | None:
    if "resource" in asked.element:
        asked.element.warning("resource", "is not looked at: it is deleted")
    target = _target(asked.request, asked.target, TYPES)
    if target is None:
        return None
    if target.search is None and target.own is None:
        asked.request.error(
            "url", "must name a resource by an id that this service gave, or by its identifier"
        )
        return None
    path = asked.element.path()
    return Entry(asked.place, Method.DELETE, target.type, target.own, target.search, None, path, None, None)


def _posted(asked: _Asked) -> Entry | None:
    found = _inner_resource(asked.element)
    if found is None or not _agree(asked.element, found, asked.url.name):
        return None
    if asked.target.removeprefix(asked.element.scope.context.prefix) != found.type:
        asked.request.error("url", f"must be the type of the resource: {found.type}")
        return None
    search = None
    if asked.condition is not None:
        search = searched(asked.condition.removeprefix(f"{found.type}?"))
        if search is None:
            asked.request.error("ifNoneExist", "must be identifier=<system>|<value>")
            return None
    return _written(asked, Method.POST, found, None, search)


def _put(asked: _Asked) -> Entry | None:
    found = _inner_resource(asked.element)
    if found is None or not _agree(asked.element, found, asked.url.name):
        return None
    target = _target(asked.request, asked.target, (found.type,))
    if target is None:
        return None
    own = target.own
    if target.id is not None:
        if found.id != target.id:
            asked.element.error("resource.id", "must be the id in request.url")
            return None
        if asked.url.name is not None and asked.url.name.base is not None:
            # Another server's id names nothing here, though it may look like one of ours.
            own = None
        elif own is None:
            asked.element.warning(
                "resource.id", "is not kept: this service gives its own, and goes by the numbers"
            )
    return _written(asked, Method.PUT, found, own, target.search)


_ASKED: Final[Mapping[Method, Callable[[_Asked], Entry | None]]] = {
    Method.DELETE: _deleted,
    Method.POST: _posted,
    Method.PUT: _put,
}


def _written(
    asked: _Asked, method: Method, found: _Resource, own: OwnId | None, search: Identifier | None
) -> Entry:
    url = asked.url
    return Entry(
        place=asked.place,
        method=method,
        type=found.type,
        own=own,
        search=search,
        key=url.key
        or (f"{found.type}/{found.id}" if method is Method.PUT and found.id is not None else None),
        path=asked.element.path("resource"),
        base=None if url.name is None else url.name.base,
        resource=found.json,
    )


def _target(request: Element, target: str, types: Sequence[str]) -> _Target | None:
    """What `request.url` names, by id or by a search."""
    name = literal(target, request.scope)
    if name is not None and name.base is None and name.type in types:
        return _Target(name.type, name.id, name.own, None)
    path, _, query = target.removeprefix(request.scope.context.prefix).partition("?")
    search = searched(query)
    if search is not None and path in types:
        return _Target(path, None, None, search)
    of = types[0] if len(types) == 1 else "<type>"
    rule = f"must be {of}/<id> or {of}?identifier=<system>|<value>"
    request.error("url", rule if len(types) == 1 else f"{rule}, of {' or '.join(types)}")
    return None


def _inner_resource(element: Element) -> _Resource | None:
    json = element.child("resource", needed=True)
    return None if json is None else _resource(json)


def _resource(json: Element) -> _Resource | None:
    """The resource, of a type that can be imported, and its id."""
    json.scope.opened.remove(json)
    type_ = texts.one_of(json, "resourceType", _TYPES, needed=True)
    id_ = None
    if "id" in json:
        id_ = texts.matching(json, "id", _ID, "64 letters, digits, dashes and dots at most")
        if id_ is None:
            return None
    return None if type_ is None else _Resource(json.whole(), type_, id_)


def _full_url(element: Element) -> _Url | None:
    """The fullUrl; None when it is refused."""
    text = element.string("fullUrl")
    if text is None:
        return _Url()
    if is_urn(text):
        return _Url(text)
    name = literal(text, element.scope) if ":" in text else None
    if name is None:
        element.error(
            "fullUrl", "must be an absolute URL that ends with <type>/<id>, or a urn:uuid: or urn:oid:"
        )
        return None
    return _Url(name.key, name)


def _agree(element: Element, found: _Resource, name: Name | None) -> bool:
    """Whether a fullUrl that is a URL names the resource that comes with it."""
    if name is None or (name.type == found.type and found.id in {None, name.id}):
        return True
    element.error("fullUrl", "must end with the type and the id of the resource")
    return False


def _refuse_answers(element: Element) -> None:
    for name in ("search", "response"):
        if name in element:
            element.skip(name)
            element.error(name, "must not be there: the Bundle is not an answer")
