"""Owns reading addresses and contact points, wherever a resource has them."""

import re
from collections.abc import Container, Mapping
from typing import Final, NamedTuple

from fhirexport_server.fhir.codings import fr_definition, nos_system
from fhirexport_server.fhir.reading import texts
from fhirexport_server.fhir.reading.element import Element
from fhirexport_server.fhir.reading.extensions import Extensions

_INSEE_CODE: Final = fr_definition("fr-core-address-insee-code")
_COMMUNE: Final = nos_system("TRE_R13-CommuneOM")
_COUNTRY: Final = re.compile(r"[A-Z]{3}")
_COUNTRY_RULE: Final = "a country of ISO 3166-1 in three letters, such as FRA"
_TELECOM: Final = {"phone": 40, "email": 100}
_LONGEST_LINE: Final = 200
_SYSTEMS: Final = {code: code for code in ("phone", "fax", "email", "pager", "url", "sms", "other")}

Points = Mapping[tuple[str, str | None], str]
"""From system and use of a contact point to the column that keeps it; a use of None stands for any other."""


class Address(NamedTuple):
    """The columns of a postal address."""

    address_line: str | None = None
    address_line2: str | None = None
    postal_code: str | None = None
    city: str | None = None
    insee_code: str | None = None
    country: str | None = None


def only_address(element: Element, use: str) -> Address:
    """The first of a resource's addresses that has this use, or none."""
    found: Address | None = None
    for one in element.children("address"):
        if found is None and one.peek("use") in (None, use):
            one.skip("use")
            found = address_of(one)
        else:
            one.drop(f"is not kept: only one address is, whose use is {use}")
    return found or Address()


def address(element: Element, name: str, kept: Container[str], *, needed: bool = False) -> Address:
    """A property that is one address, as far as these of its columns go."""
    child = element.child(name, needed=needed)
    return Address() if child is None else address_of(child, kept)


def address_of(element: Element, kept: Container[str] = Address._fields) -> Address:
    """An address, as far as these of its columns go."""
    lines = _lines(element, ("address_line" in kept) + ("address_line2" in kept))
    country = None
    if "country" in kept and "country" in element:
        country = texts.matching(element, "country", _COUNTRY, _COUNTRY_RULE)
    return Address(
        address_line=lines[0] if lines else None,
        address_line2=lines[1] if len(lines) > 1 else None,
        postal_code=texts.label(element, "postalCode", 20) if "postal_code" in kept else None,
        city=texts.label(element, "city", 100) if "city" in kept else None,
        insee_code=_insee_code(element) if "insee_code" in kept else None,
        country=country,
    )


def _lines(element: Element, most: int) -> list[str]:
    found = []
    for index, line in enumerate(element.strings("line")):
        at = f"line[{index}]"
        if index >= most:
            element.warning(at, f"is not kept: {most or 'none'} of its lines can be")
        elif texts.is_label(line, _LONGEST_LINE):
            found.append(line)
        else:
            element.error(at, texts.label_rule(_LONGEST_LINE))
    return found


def _insee_code(element: Element) -> str | None:
    found = Extensions(element, (_INSEE_CODE,)).only(_INSEE_CODE)
    coding = None if found is None else found.child("valueCoding", needed=True)
    if coding is None:
        return None
    coding.skip("display")
    if coding.string("system", needed=True) not in {None, _COMMUNE}:
        coding.error("system", f"must be {_COMMUNE}")
    return texts.insee(coding, "code")


def telecom(element: Element, points: Points) -> dict[str, str]:
    """The contact points of a resource, by the column that keeps each."""
    found: dict[str, str] = {}
    for point in element.children("telecom"):
        system = texts.one_of(point, "system", _SYSTEMS, needed=True)
        use = point.peek("use")
        if system is None:
            point.skip("use", "value")
            continue
        column = points.get((system, use if isinstance(use, str) else None))
        if column is not None:
            point.skip("use")
        else:
            column = points.get((system, None))
        if column is None or column in found:
            point.drop("is not kept: this service has no place for a contact point of this kind, or one more")
            continue
        value = texts.label(point, "value", _TELECOM[system], needed=True)
        if value is not None:
            found[column] = value
    return found
