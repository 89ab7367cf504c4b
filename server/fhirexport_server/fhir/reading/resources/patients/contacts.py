"""Reads the contacts of a patient."""

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
    """Read `contact`; a contact that has ended, or holds nothing that can be kept, is discarded."""
    drafts: list[PatientContactDraft] = []
    for contact in root.children("contact"):
        reason = not_during(contact)
        if reason is not None:
            contact.drop(reason)
            continue
        # FHIR R4, pat-1.
        has_details = any(name in contact for name in _DETAILS)
        errors = root.errors
        draft = _contact(contact, len(drafts) + 1)
        if any(value is not None for value in draft[_FIRST_DETAIL:]):
            drafts.append(draft)
        elif has_details and root.errors == errors:
            contact.drop("is not kept: it has no name, phone, e-mail or address that this service can hold")
        elif root.errors == errors:
            contact.error("", "must have a name, a telecom or an address")
    return tuple(drafts)


_DETAILS: Final = ("name", "telecom", "address", "organization")
_FIRST_DETAIL: Final = PatientContactDraft._fields.index("family")


def _contact(contact: Element, seq: int) -> PatientContactDraft:
    codes: dict[str, str] = {}
    for relationship in contact.children("relationship"):
        _relationship(relationship, codes)
    family = first = None
    name = contact.child("name")
    if name is not None:
        reason = not_in_force(name)
        if reason is None:
            family, first = family_and_given(name)
        else:
            name.drop(reason)
    contact_points = telecom(contact, _TELECOM)
    postal_address = address(contact, "address", _ADDRESS)
    return PatientContactDraft(
        seq=seq,
        role_code=codes.get("role"),
        relation_code=codes.get("relationType"),
        family=family,
        given=first,
        phone=contact_points.get("phone"),
        email=contact_points.get("email"),
        address_line=postal_address.address_line,
        postal_code=postal_address.postal_code,
        city=postal_address.city,
    )


def _relationship(relationship: Element, codes: dict[str, str]) -> None:
    extension = Extensions(relationship, (_CATEGORY,)).only(_CATEGORY)
    stated_category = (
        None if extension is None else texts.one_of(extension, "valueCode", _CATEGORIES, needed=True)
    )
    meaning = concept_of(relationship, tables.CONTACT)
    if meaning is None:
        return
    category, code = meaning
    if stated_category not in {None, category}:
        relationship.warning("extension", f"is not kept: the code is one of the category {category}")
    if category in codes:
        relationship.drop("is not kept: only one role and one relation of a contact are")
    else:
        codes[category] = code
