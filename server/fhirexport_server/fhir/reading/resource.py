"""Owns what every resource has in common: its profiles, and the numbers that its EJ gives."""

from collections.abc import Container
from typing import Final

from fhirexport_server.fhir.reading import texts
from fhirexport_server.fhir.reading.element import Element

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


def number(element: Element, kind: str, longest: int = 64) -> tuple[str, str] | None:
    """The value and system of an Identifier with a number that the EJ gives.

    Args:
        element: the Identifier.
        kind: of `codes.NAMESPACE_KIND`.
        longest: how many characters the number may have.
    """
    system = texts.uri(element, "system")
    value = texts.label(element, "value", longest, needed=True)
    own = element.scope.context.systems.get(kind)
    if system is not None and own is not None and system != own:
        element.error("system", f"must be {own}")
        return None
    return None if system is None or value is None else (value, system)
