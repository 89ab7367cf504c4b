"""Elements that resources share: profiles, names, and the numbers that the EJ gives."""

from collections.abc import Container
from typing import Final, NamedTuple

from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.json.element import Element

_LONGEST_NAME: Final = 200
_VERSION: Final = "|2.2.0"


def profiles(meta: Element | None, known: Container[str]) -> set[str]:
    """The FR Core profiles that a `meta` claims, without their version."""
    claimed: set[str] = set()
    if meta is None:
        return claimed
    # FHIR R4, RESTful API: the server sets these, and ignores what is sent.
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
    """False if the resource has no name, and something else stands for it."""


def name(root: Element, number: str) -> DisplayName:
    """The name of a unit or place; if it has none, its first alias, otherwise its number.

    Args:
        root: The resource.
        number: The number of the unit or place.
    """
    errors = root.errors
    text = texts.label(root, "name", _LONGEST_NAME)
    if text is not None or root.errors > errors:
        return DisplayName(text or "", is_said=True)
    alias = root.strings("alias")
    if alias:
        root.warning("name", "is missing: the first alias is kept as the name, where there was none before")
        fitted_alias = texts.fitted(root, "alias[0]", alias[0], _LONGEST_NAME)
        if fitted_alias is not None:
            return DisplayName(fitted_alias, is_said=False)
    root.warning("name", "is missing: the number is kept as the name, where there was none before")
    return DisplayName(number[:_LONGEST_NAME], is_said=False)


def number(element: Element, kind: str, longest: int = 64) -> tuple[str, str] | None:
    """The value and system of an Identifier whose number the EJ gives.

    Args:
        element: The Identifier.
        kind: The kind of number, of `codes.NAMESPACE_KIND`.
        longest: The most characters of the number.
    """
    system = texts.uri(element, "system")
    value = texts.business_number(element, "value", longest)
    own = element.scope.context.systems.get(kind)
    if system is not None and own is not None and system != own:
        element.error("system", f"must be {own}")
        return None
    return None if system is None or value is None else (value, system)
