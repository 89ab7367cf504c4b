"""Reads the URLs of an entry, `fullUrl` and `request.url`, and checks that they agree.

Source: FHIR R4, Bundle (fullUrl) and RESTful API (update, conditional update).
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.datatypes.own_ids import TYPES, OwnId
from fhirexport_server.fhir.reading.datatypes.references import (
    Identifier,
    ResourceName,
    is_urn,
    literal,
    searched,
)
from fhirexport_server.fhir.reading.json.element import Element, JsonObject, Scope

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_TYPES: Final = {type_: type_ for type_ in TYPES}


class EntryResource(NamedTuple):
    """The resource of an entry."""

    json: JsonObject
    """The resource, without `resourceType` and `id`."""
    type: str
    id: str | None

    @property
    def name(self) -> ResourceName | None:
        """What its id names on this server."""
        return None if self.id is None else ResourceName(self.type, self.id, None)


class Url(NamedTuple):
    """A fullUrl, or the absence of one."""

    key: str | None = None
    name: ResourceName | None = None
    """What it names; None for a `urn:`."""

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is of another server: its ids name nothing here, whatever they look like."""
        return self.name is not None and self.name.base is not None


class Target(NamedTuple):
    """What `request.url` names: a resource by its id, or what a search finds."""

    type: str
    name: ResourceName | None
    search: Identifier | None


def resource(json: Element) -> EntryResource | None:
    """Return a resource and its id; None if its type cannot be imported, or the id is malformed."""
    json.scope.opened.remove(json)
    type_ = texts.one_of(json, "resourceType", _TYPES, needed=True)
    id_ = None
    if "id" in json:
        id_ = texts.matching(json, "id", _ID, "64 letters, digits, dashes and dots at most")
        if id_ is None:
            return None
    return None if type_ is None else EntryResource(json.unread(), type_, id_)


def inner_resource(element: Element) -> EntryResource | None:
    """Return the resource of an entry."""
    json = element.child("resource", needed=True)
    return None if json is None else resource(json)


def full_url(element: Element) -> Url | None:
    """Return the fullUrl of an entry; None if it is refused."""
    text = element.string("fullUrl")
    if text is None:
        return Url()
    if is_urn(text):
        return Url(text)
    name = literal(text, element.scope) if ":" in text else None
    if name is None:
        element.error(
            "fullUrl", "must be an absolute URL that ends with <type>/<id>, or a urn:uuid: or urn:oid:"
        )
        return None
    return Url(name.key, name)


def agree(element: Element, entry_resource: EntryResource, name: ResourceName | None) -> bool:
    """Return whether a fullUrl names the resource of its entry; report an error if not."""
    if name is None or (name.type == entry_resource.type and entry_resource.id in {None, name.id}):
        return True
    element.error("fullUrl", "must end with the type and the id of the resource")
    return False


def below_base(url: str, scope: Scope) -> str:
    """Return a request's URL relative to this server's base URL."""
    path = url.removeprefix(scope.context.prefix)
    return path[1:] if path[:1] == "/" and path[1:2] != "/" else path


def target(request: Element, url: str, types: Sequence[str]) -> Target | None:
    """Return what `request.url` names, by id or by search; None if it is refused."""
    relative = below_base(url, request.scope)
    name = literal(relative, request.scope)
    if name is not None and name.base is None and name.type in types:
        return Target(name.type, name, None)
    path, _, query = relative.partition("?")
    search = searched(query)
    if search is not None and path in types:
        return Target(path, None, search)
    expected_type = types[0] if len(types) == 1 else "<type>"
    rule = f"must be {expected_type}/<id> or {expected_type}?identifier=<system>|<value>"
    request.error("url", rule if len(types) == 1 else f"{rule}, of {' or '.join(types)}")
    return None


def own(entry_resource: EntryResource, url: Url) -> OwnId | None:
    """Return the row that the ids of an entry name; `agree` has checked that they agree."""
    if url.name is not None:
        return url.name.own
    return None if entry_resource.name is None else entry_resource.name.own


def claimed(entry: JsonObject, scope: Scope) -> list[str]:
    """Return the names of an entry, as in `DraftOrigin.key`, even if the entry is refused."""
    names = []
    url, body, request = (entry.get(name) for name in ("fullUrl", "resource", "request"))
    if isinstance(url, str):
        name = literal(url, scope)
        names.append(url if name is None else name.key)
    if isinstance(body, dict):
        type_, id_ = body.get("resourceType"), body.get("id")
        if isinstance(type_, str) and isinstance(id_, str):
            names.append(f"{type_}/{id_}")
    if isinstance(request, dict) and isinstance(request.get("url"), str):
        name = literal(below_base(request["url"], scope), scope)
        if name is not None:
            names.append(name.key)
    return names
