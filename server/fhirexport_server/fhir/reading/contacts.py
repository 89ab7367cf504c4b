"""Owns reading the contacts of a patient."""

from typing import Final

from fhirexport_server.fhir.codings import fr_definition
from fhirexport_server.fhir.reading import patient_tables as tables
from fhirexport_server.fhir.reading import texts
from fhirexport_server.fhir.reading.codings import concept_of
from fhirexport_server.fhir.reading.contact_points import Points, address, telecom
from fhirexport_server.fhir.reading.drafts import PatientContactDraft
from fhirexport_server.fhir.reading.element import Element
from fhirexport_server.fhir.reading.extensions import Extensions
from fhirexport_server.fhir.reading.names import given

_CATEGORY: Final = fr_definition("fr-core-patient-contact-relationship-category")
_TELECOM: Final[Points] = {("phone", None): "phone", ("email", None): "email"}
_ADDRESS: Final = ("address_line", "postal_code", "city")
_CATEGORIES: Final = {name: name for name in ("role", "relationType")}


def contacts(root: Element) -> tuple[PatientContactDraft, ...]:
    """Reads `contact`; one that says nothing which can be kept is given up."""
    found: list[PatientContactDraft] = []
    for contact in root.children("contact"):
        errors = root.errors
        draft = _contact(contact, len(found) + 1)
        if any(value is not None for value in draft[_SAID:]):
            found.append(draft)
        elif "organization" in contact:
            contact.drop("is not kept: an organization as a contact has no place here")
        elif root.errors == errors:
            contact.error("", "must have a name, a telecom or an address")
    return tuple(found)


_SAID: Final = PatientContactDraft._fields.index("family")


def _contact(contact: Element, seq: int) -> PatientContactDraft:
    codes: dict[str, str] = {}
    for relationship in contact.children("relationship"):
        _relationship(relationship, codes)
    family = first = None
    name = contact.child("name")
    if name is not None:
        family, first = texts.label(name, "family", 100), given(name)
    points = telecom(contact, _TELECOM)
    where = address(contact, "address", _ADDRESS)
    return PatientContactDraft(
        seq=seq,
        role_code=codes.get("role"),
        relation_code=codes.get("relationType"),
        family=family,
        given=first,
        phone=points.get("phone"),
        email=points.get("email"),
        address_line=where.address_line,
        postal_code=where.postal_code,
        city=where.city,
    )


def _relationship(relationship: Element, codes: dict[str, str]) -> None:
    extension = Extensions(relationship, (_CATEGORY,)).only(_CATEGORY)
    said = None if extension is None else texts.one_of(extension, "valueCode", _CATEGORIES, needed=True)
    found = concept_of(relationship, tables.CONTACT)
    if found is None:
        return
    category, code = found
    if said not in {None, category}:
        relationship.error("extension", f"must say the category {category} with a code of this list")
    elif category in codes:
        relationship.drop("is not kept: only one role and one relation of a contact are")
    else:
        codes[category] = code
