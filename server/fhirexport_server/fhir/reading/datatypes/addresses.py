"""Reads addresses: the one in force, into the columns that there are."""

from collections.abc import Container
from typing import Final, NamedTuple

from fhirexport_server.fhir.codings import fr_definition, nos_system
from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.datatypes.countries import three_letters
from fhirexport_server.fhir.reading.datatypes.extensions import Extensions
from fhirexport_server.fhir.reading.datatypes.in_force import in_force, not_in_force
from fhirexport_server.fhir.reading.json.element import Element

_INSEE_CODE: Final = fr_definition("fr-core-address-insee-code")
_COMMUNE: Final = nos_system("TRE_R13-CommuneOM")
_LONGEST_LINE: Final = 200
_PARTS: Final = ("line", "city", "postalCode", "country", "district", "state", "extension")


class AddressColumns(NamedTuple):
    """The columns of a postal address."""

    address_line: str | None = None
    address_line2: str | None = None
    postal_code: str | None = None
    city: str | None = None
    insee_code: str | None = None
    country: str | None = None


def only_address(element: Element, use: str) -> AddressColumns:
    """The resource's address in force with this use; otherwise one without a use, or none."""
    candidates = [candidate for candidate in in_force(element.children("address")) if _may_be(candidate, use)]
    candidates.sort(key=lambda candidate: candidate.peek("use") is None)
    for other in candidates[1:]:
        other.drop(_not_kept(use))
    if not candidates:
        return AddressColumns()
    candidates[0].skip("use")
    return address_of(candidates[0])


def _may_be(address: Element, use: str) -> bool:
    if address.peek("use") in (None, use):
        return True
    address.drop(_not_kept(use))
    return False


def _not_kept(use: str) -> str:
    return f"is not kept: only one address is, whose use is {use}"


def address(element: Element, name: str, kept: Container[str]) -> AddressColumns:
    """A property that is one Address, if it is in force; only the given columns are kept."""
    child = element.child(name)
    if child is None:
        return AddressColumns()
    reason = not_in_force(child)
    if reason is not None:
        child.drop(reason)
        return AddressColumns()
    return address_of(child, kept)


def address_of(element: Element, kept: Container[str] = AddressColumns._fields) -> AddressColumns:
    """The columns of an Address; only the given ones are kept."""
    lines = _lines(element, ("address_line" in kept) + ("address_line2" in kept))
    return AddressColumns(
        address_line=lines[0] if lines else None,
        address_line2=lines[1] if len(lines) > 1 else None,
        postal_code=texts.whole(element, "postalCode", 20) if "postal_code" in kept else None,
        city=texts.label(element, "city", 100) if "city" in kept else None,
        insee_code=_insee_code(element) if "insee_code" in kept else None,
        country=_country(element) if "country" in kept else None,
    )


def _lines(element: Element, most: int) -> list[str]:
    lines: list[str] = []
    is_text_alone = most > 0 and all(name not in element for name in _PARTS)
    for index, line in enumerate(element.strings("line")):
        at = f"line[{index}]"
        if len(lines) >= most:
            element.warning(at, f"is not kept: {most or 'none'} of its lines can be")
            continue
        kept = texts.fitted(element, at, line, _LONGEST_LINE)
        if kept is not None:
            lines.append(kept)
    if is_text_alone and "text" in element:
        return _lines_of_text(element, most)
    return lines


def _lines_of_text(element: Element, most: int) -> list[str]:
    """The lines of an address that has only a text."""
    text = element.string("text") or ""
    lines = [kept for line in text.splitlines() if (kept := line.strip())]
    if lines:
        element.warning("text", "is kept as the address's lines: there are no parts of it")
    if len(lines) > most:
        lines[most - 1 :] = [", ".join(lines[most - 1 :])]
    fitted_lines = (texts.fitted(element, "text", line, _LONGEST_LINE) for line in lines)
    return [line for line in fitted_lines if line is not None]


def _country(element: Element) -> str | None:
    text = element.string("country")
    if text is None:
        return None
    country = three_letters(text)
    if country is None:
        element.warning("country", "is not kept: it is no country of ISO 3166-1, such as FRA")
    elif country != text:
        element.warning("country", "is kept as the country's code of three letters (ISO 3166-1)")
    return country


def _insee_code(element: Element) -> str | None:
    extension = Extensions(element, (_INSEE_CODE,)).only(_INSEE_CODE)
    coding = None if extension is None else extension.child("valueCoding", needed=True)
    if coding is None:
        return None
    coding.skip("display")
    if coding.string("system", needed=True) not in {None, _COMMUNE}:
        coding.error("system", f"must be {_COMMUNE}")
    return texts.insee(coding, "code")
