"""Reads references to other resources, and the URLs of FHIR servers.

Source: FHIR R4, references and Bundle (resolving references).
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from fhirexport_server.domain import codes
from fhirexport_server.fhir.reading.datatypes.own_ids import OwnId, own_id
from fhirexport_server.fhir.reading.datatypes.texts import trimmed
from fhirexport_server.fhir.reading.json.element import Element, Scope

_LITERAL: Final = re.compile(r"(?:(https?://\S+)/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})")
# FHIR R4, RESTful API (vread): a version of a resource is still that resource.
_VERSION: Final = re.compile(r"/_history/[A-Za-z0-9\-.]{1,64}\Z")
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_URN: Final = re.compile(
    r"urn:(?:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|oid:[0-2](?:\.(?:0|[1-9][0-9]*))+)"
)
_CONTAINED: Final = "#"
_RULE: Final = (
    "must be a reference such as {type}/<id>, below the base URL or the Bundle's own, a urn:uuid: of the"
    " Bundle, or a search such as {type}?identifier=<system>|<value>"
)
# FR Core 2.2.0, fr-core-vs-organization-type: extensible for `Organization.partOf.type`.
_UNIT_TYPES: Final = frozenset((*codes.ORG_KIND.values(), "GHT", "LEGAL-ENTITY", "GROUP"))
Identifier = tuple[str, str]
"""System and value."""


class Ref(NamedTuple):
    """A reference that is not resolved yet. At least one of `own`, `key` and `identifier` is set."""

    type: str
    """The resource type that it names."""
    own: OwnId | None
    """The row that it names by id, if it does."""
    key: str | None
    """The name by which a resource of the same Bundle is found: see `DraftOrigin.key`."""
    identifier: Identifier | None
    """The business identifier that it names, if it does."""
    at: str
    """The path of the reference below its resource, for problems that are found later."""
    also: Identifier | None = None
    """Another business identifier beside a search: it must not name anything else."""

    @property
    def target(self) -> object:
        """What it names: equal for references that name the same thing in the same way."""
        return self.own or self.key or self.identifier


class ResourceName(NamedTuple):
    """The resource that a URL names."""

    type: str
    id: str
    base: str | None
    """The base URL of another server, without a final slash; None for this server."""

    @property
    def key(self) -> str:
        """The name by which the resource is found in its Bundle."""
        literal = f"{self.type}/{self.id}"
        return literal if self.base is None else f"{self.base}/{literal}"

    @property
    def own(self) -> OwnId | None:
        """The row that it names, if the id is this service's own."""
        return own_id(self.type, self.id) if self.base is None else None


class _Target(NamedTuple):
    """The fields of a Ref that a URL gives."""

    type: str
    own: OwnId | None
    key: str


def literal(text: str, scope: Scope) -> ResourceName | None:
    """Return what an absolute or relative URL names; None if it names no resource."""
    return _literal(text, scope.base, scope.context.prefix)


# Thousands of movements name the same unit or bed, and all of a patient's name the patient.
@lru_cache(maxsize=4096)
def _target(text: str, base: str | None, prefix: str) -> _Target | None:
    named = _literal(text, base, prefix)
    return None if named is None else _Target(named.type, named.own, named.key)


def _literal(text: str, base: str | None, prefix: str) -> ResourceName | None:
    if text.startswith(prefix):
        text, base = text[len(prefix) :], None
    match = _LITERAL.fullmatch(text)
    if match is None:
        return None
    return ResourceName(match[2], match[3], match[1] or base)


def is_urn(text: str) -> bool:
    """Return whether a text is a `urn:uuid:` or `urn:oid:`, as a fullUrl may be."""
    return _URN.fullmatch(text) is not None


def searched(query: str) -> Identifier | None:
    """Return the identifier of a search `identifier=<system>|<value>`; None for any other search."""
    parameters = parse_qsl(query, keep_blank_values=True)
    if len(parameters) != 1 or parameters[0][0] != "identifier":
        return None
    system, _, value = parameters[0][1].partition("|")
    return (system, value) if system and value else None


def reference(element: Element, name: str, type_: str, *, needed: bool = False) -> Ref | None:
    """A property that is a Reference to a resource of one type.

    If it is not needed, one that has only a display or names a contained resource is left out.
    """
    value = element.peek(name)
    if isinstance(value, dict) and len(value) == 1:
        text = value.get("reference")
        ref = _to(text, type_, None, element.scope, element.within(name)) if isinstance(text, str) else None
        if ref is not None:
            element.skip(name)
            return ref
    child = element.child(name, needed=needed)
    return None if child is None else _reference_of(child, type_, needed=needed)


def is_resolvable(value: object) -> bool:
    """Return whether a JSON value is a Reference that can be resolved."""
    if not isinstance(value, dict):
        return False
    text = value.get("reference")
    is_contained = isinstance(text, str) and text.startswith(_CONTAINED)
    return ("reference" in value and not is_contained) or _is_number(value.get("identifier"))


def _is_number(value: object) -> bool:
    return isinstance(value, dict) and "system" in value and "value" in value


def _reference_of(element: Element, type_: str, *, needed: bool) -> Ref | None:
    if not needed and not is_resolvable(element.unread()):
        element.drop("is not kept: it names no resource by reference, or by identifier with system and value")
        return None
    element.skip("display")
    stated_type = element.string("type")
    # FR Core has codes of its own for `partOf.type` of an Organization.
    if stated_type is not None and stated_type != type_ and stated_type not in _UNIT_TYPES:
        element.skip("reference", "identifier")
        element.error("type", f"must be {type_}")
        return None
    identifier = _logical(element)
    text = element.string("reference")
    if text is not None and text.startswith(_CONTAINED) and identifier is not None:
        element.warning("reference", "is not kept: it names a contained resource; the identifier is")
        text = None
    if text is None:
        if identifier is None:
            element.error("", "must name its target: by reference, or by identifier with system and value")
            return None
        return Ref(type_, None, None, identifier, element.within(""))
    ref = _to(text, type_, identifier, element.scope, element.within(""))
    if ref is None:
        element.error("reference", _RULE.format(type=type_))
    return ref


def unit_below(base: str, logical_id: str, scope: Scope, at: str) -> Ref | None:
    """A reference to the unit with this logical id on a server; None if it cannot be an id."""
    if _ID.fullmatch(logical_id) is None:
        return None
    context = scope.context
    target = _target(f"Organization/{logical_id}", None if base == context.base_url else base, context.prefix)
    return None if target is None else Ref("Organization", target.own, target.key, None, at)


def _to(text: str, type_: str, identifier: Identifier | None, scope: Scope, at: str) -> Ref | None:
    if "/_history/" in text:
        text = _VERSION.sub("", text)
    named = _target(text, scope.base, scope.context.prefix)
    if named is not None:
        return Ref(type_, named.own, named.key, identifier, at) if named.type == type_ else None
    if is_urn(text):
        return Ref(type_, None, text, identifier, at)
    path, _, query = text.removeprefix(scope.context.prefix).partition("?")
    search = searched(query) if path == type_ else None
    return None if search is None else Ref(type_, None, None, search, at, identifier)


def _logical(element: Element) -> Identifier | None:
    """The identifier by which a Reference names its target; it needs a system and a value."""
    identifier = element.child("identifier")
    if identifier is None:
        return None
    if not _is_number(identifier.unread()):
        identifier.drop("is not kept: it has no system or no value")
        return None
    identifier.skip("type", "use")
    system, value = identifier.string("system", needed=True), identifier.string("value", needed=True)
    if system is None or value is None:
        return None
    return trimmed(identifier, "system", system), trimmed(identifier, "value", value)
