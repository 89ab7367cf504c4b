"""Owns what every resource has in common: its profiles, and the numbers that its EJ gives."""

from collections.abc import Container
from typing import Final, NamedTuple

from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.json.element import Element

_LONGEST_NAME: Final = 200
_VERSION: Final = "|2.2.0"


def profiles(meta: Element | None, known: Container[str]) -> set[str]:
    """The profiles of FR Core that the resource of a `meta` claims, without a version."""
    claimed: set[str] = set()
    if meta is None:
        return claimed
    # FHIR R4, RESTful API: these are the server's to say.
    meta.skip("versionId", "lastUpdated")
    for index, url in enumerate(meta.strings("profile")):
        plain = url.removesuffix(_VERSION)
        if plain in known:
            claimed.add(plain)
        else:
            meta.warning(f"profile[{index}]", "is not a profile of FR Core 2.2.0 that is known here")
    return claimed


class DisplayName(NamedTuple):
    """The name of a unit or place."""

    text: str
    is_said: bool
    """Whether it is the name, not what stands for a missing one."""


def name(root: Element, number: str) -> DisplayName:
    """The name of a unit or place; of one without any, an alias or its number stands for it.

    Args:
        root: The resource.
        number: Of the unit or place.
    """
    errors = root.errors
    said = texts.label(root, "name", _LONGEST_NAME)
    if said is not None or root.errors > errors:
        return DisplayName(said or "", is_said=True)
    alias = root.strings("alias")
    if alias:
        root.warning("name", "is missing: the first alias is kept as the name, where there was none before")
        kept = texts.fitted(root, "alias[0]", alias[0], _LONGEST_NAME)
        if kept is not None:
            return DisplayName(kept, is_said=False)
    root.warning("name", "is missing: the number is kept as the name, where there was none before")
    return DisplayName(number[:_LONGEST_NAME], is_said=False)


def number(element: Element, kind: str, longest: int = 64) -> tuple[str, str] | None:
    """The value and system of an Identifier with a number that the EJ gives.

    Args:
        element: The Identifier.
        kind: Of `codes.NAMESPACE_KIND`.
        longest: How many characters the number may have.
    """
    system = texts.uri(element, "system")
    value = texts.business_number(element, "value", longest)
    own = element.scope.context.systems.get(kind)
    if system is not None and own is not None and system != own:
        element.error("system", f"must be {own}")
        return None
    return None if system is None or value is None else (value, system)
