"""Renders patients as Patient resources, with their contacts inside."""

from collections.abc import Sequence

from fhirexport_server.domain.codes import GENDER
from fhirexport_server.domain.errors import RowNotRenderableError
from fhirexport_server.domain.rows import PatientContactRow, PatientIdentifierRow, PatientRow, Rendered
from fhirexport_server.fhir import ids
from fhirexport_server.fhir import patient_codes as code
from fhirexport_server.fhir.codings import concept, known, known_or_none
from fhirexport_server.fhir.encoder import rendered
from fhirexport_server.fhir.model import Extension, HumanName, Reference
from fhirexport_server.fhir.rendering import identities
from fhirexport_server.fhir.rendering.contact_details import address, telecom
from fhirexport_server.fhir.rendering.ej_context import EjContext
from fhirexport_server.fhir.resources import Patient, PatientContact, PatientLink


def patient(
    row: PatientRow,
    identifiers: Sequence[PatientIdentifierRow],
    contacts: Sequence[PatientContactRow],
    ctx: EjContext,
) -> Rendered:
    """Render a patient (fr-core-patient-ins for a qualified identity, otherwise fr-core-patient).

    Args:
        row: The patient.
        identifiers: The patient's identifiers, in the order of `seq`.
        contacts: The patient's contacts, in the order of `seq`.
        ctx: The context of the export.

    Raises:
        RowNotRenderableError: A row breaks a rule of FHIR or of the profile.
    """
    logical_id = ids.patient_id(row.id)
    qualified = identities.is_qualified(row, identifiers)
    home = address(
        use="home",
        lines=(row.address_line, row.address_line2),
        city=row.city,
        postal_code=row.postal_code,
        country=row.country,
        insee_code=row.insee_code,
    )
    if row.deceased_at is None:
        death_date = _partial(row, "deceased_on", row.deceased_on, row.deceased_on_precision)
    else:
        death_date = ctx.instants[row.deceased_at]
    resource = Patient(
        id=logical_id,
        meta=code.PATIENT_INS if qualified else code.PATIENT,
        extension=_extensions(row) or None,
        identifier=identities.identifiers(identifiers, qualified=qualified) or None,
        active=bool(row.active),
        name=identities.names(row, qualified=qualified) or None,
        telecom=telecom(
            ("phone", row.phone_home, "home"),
            ("phone", row.phone_mobile, "mobile"),
            ("phone", row.phone_work, "work"),
            ("email", row.email, "home"),
        ),
        gender=known_or_none(GENDER, row.gender, ("patient", row.id, "gender")),
        birth_date=_partial(row, "birth_date", row.birth_date, row.birth_date_precision),
        deceased_boolean=None if row.deceased is None or death_date is not None else bool(row.deceased),
        deceased_date_time=death_date,
        address=None if home is None else [home],
        marital_status=known_or_none(
            code.MARITAL_STATUS, row.marital_status, ("patient", row.id, "marital_status")
        ),
        multiple_birth_integer=row.multiple_birth,
        contact=[_contact(contact) for contact in contacts] or None,
        managing_organization=ctx.ej,
        link=None if row.merged_into_id is None else [_replaced_by(row.merged_into_id)],
    )
    return rendered("Patient", logical_id, resource)


def _extensions(row: PatientRow) -> list[Extension]:
    extensions = identities.reliability(row)
    birth_place = address(city=row.birth_city, country=row.birth_country, insee_code=row.birth_insee)
    if birth_place is not None:
        extensions.append(Extension(url=code.BIRTH_PLACE, value_address=birth_place))
    if row.nationality is not None:
        country = Extension(url="code", value_codeable_concept=concept(code.COUNTRY_SYSTEM, row.nationality))
        extensions.append(Extension(url=code.NATIONALITY, extension=[country]))
    if row.birth_date_corrected is not None:
        extensions.append(
            Extension(url=code.BIRTH_DATE_CORRECTED, value_boolean=bool(row.birth_date_corrected))
        )
    if row.lunar_birth_date is not None:
        extensions.append(Extension(url=code.LUNAR_BIRTH_DATE, value_string=row.lunar_birth_date))
    if row.death_city is not None:
        extensions.append(Extension(url=code.DEATH_PLACE, value_address=address(city=row.death_city)))
    return extensions


def _partial(row: PatientRow, column: str, day: str | None, precision: str) -> str | None:
    """A date, cut to its precision."""
    if day is None:
        return None
    return day[: known(code.DATE_LENGTH, precision, ("patient", row.id, f"{column}_precision"))]


def _contact(row: PatientContactRow) -> PatientContact:
    postal_address = address(lines=(row.address_line,), city=row.city, postal_code=row.postal_code)
    contact_points = telecom(("phone", row.phone, None), ("email", row.email, None))
    name = None
    if row.family is not None or row.given is not None:
        name = HumanName(family=row.family, given=None if row.given is None else [row.given])
    if name is None and contact_points is None and postal_address is None:
        # FHIR R4, pat-1.
        raise RowNotRenderableError(
            "patient_contact", row.patient_id, "a contact has a name, a telecom or an address"
        )
    relationship = []
    if row.role_code is not None:
        column = ("patient_contact", row.patient_id, "role_code")
        relationship.append(known(code.CONTACT_ROLE, row.role_code, column))
    if row.relation_code is not None:
        column = ("patient_contact", row.patient_id, "relation_code")
        relationship.append(known(code.CONTACT_RELATION, row.relation_code, column))
    return PatientContact(
        relationship=relationship or None, name=name, telecom=contact_points, address=postal_address
    )


def _replaced_by(patient_id: int) -> PatientLink:
    return PatientLink(other=Reference(reference=f"Patient/{ids.patient_id(patient_id)}"), type="replaced-by")
