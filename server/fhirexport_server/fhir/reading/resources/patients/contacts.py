"""Owns reading the contacts of a patient."""

from typing import Final

from fhirexport_server.fhir.codings import fr_definition
from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.datatypes.addresses import address
from fhirexport_server.fhir.reading.datatypes.code_tables import concept_of
from fhirexport_server.fhir.reading.datatypes.contact_points import ANY_USE, Points, telecom
from fhirexport_server.fhir.reading.datatypes.extensions import Extensions
from fhirexport_server.fhir.reading.datatypes.in_force import not_during, not_in_force
from fhirexport_server.fhir.reading.json.element import Element
from fhirexport_server.fhir.reading.resources.drafts import PatientContactDraft
from fhirexport_server.fhir.reading.resources.patients import patient_tables as tables
from fhirexport_server.fhir.reading.resources.patients.human_names import family_and_given

_CATEGORY: Final = fr_definition("fr-core-patient-contact-relationship-category")
_TELECOM: Final[Points] = {("phone", ANY_USE): "phone", ("email", ANY_USE): "email"}
_ADDRESS: Final = ("address_line", "postal_code", "city")
_CATEGORIES: Final = {name: name for name in ("role", "relationType")}


def contacts(root: Element) -> tuple[PatientContactDraft, ...]:
    """Read `contact`; one that is over, or says nothing which can be kept, is given up."""
    found: list[PatientContactDraft] = []
    for contact in root.children("contact"):
        over = not_during(contact)
        if over is not None:
            contact.drop(over)
            continue
        # FHIR R4, pat-1.
        says = any(name in contact for name in _SAYS)
        errors = root.errors
        draft = _contact(contact, len(found) + 1)
        if any(value is not None for value in draft[_SAID:]):
            found.append(draft)
        elif says and root.errors == errors:
            contact.drop("is not kept: it has no name, phone, e-mail or address that this service can hold")
        elif root.errors == errors:
            contact.error("", "must have a name, a telecom or an address")
    return tuple(found)


_SAYS: Final = ("name", "telecom", "address", "organization")
_SAID: Final = PatientContactDraft._fields.index("family")


def _contact(contact: Element, seq: int) -> PatientContactDraft:
    codes: dict[str, str] = {}
    for relationship in contact.children("relationship"):
        _relationship(relationship, codes)
    family = first = None
    name = contact.child("name")
    if name is not None:
        over = not_in_force(name)
        if over is None:
            family, first = family_and_given(name)
        else:
            name.drop(over)
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
        relationship.warning("extension", f"is not kept: the code is one of the category {category}")
    if category in codes:
        relationship.drop("is not kept: only one role and one relation of a contact are")
    else:
        codes[category] = code
