"""Reads a Patient, with its contacts. The inverse of `fhir/rendering/patients.py`."""

from typing import Final, NamedTuple

from fhirexport_server.fhir import patient_codes as code
from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.datatypes.addresses import AddressColumns, address_of, only_address
from fhirexport_server.fhir.reading.datatypes.code_tables import concept
from fhirexport_server.fhir.reading.datatypes.contact_points import ANY_USE, Points, telecom
from fhirexport_server.fhir.reading.datatypes.countries import two_letters
from fhirexport_server.fhir.reading.datatypes.dates import moments, times
from fhirexport_server.fhir.reading.datatypes.extensions import Extensions
from fhirexport_server.fhir.reading.datatypes.in_force import over
from fhirexport_server.fhir.reading.datatypes.references import Ref, reference
from fhirexport_server.fhir.reading.json.element import Element
from fhirexport_server.fhir.reading.resources.common_elements import profiles
from fhirexport_server.fhir.reading.resources.drafts import DraftOrigin, PatientDraft
from fhirexport_server.fhir.reading.resources.patients import identity_reliability
from fhirexport_server.fhir.reading.resources.patients import patient_tables as tables
from fhirexport_server.fhir.reading.resources.patients.contacts import contacts
from fhirexport_server.fhir.reading.resources.patients.human_names import names
from fhirexport_server.fhir.reading.resources.patients.patient_identifiers import identifiers

_TELECOM: Final[Points] = {
    ("phone", "home"): "phone_home",
    ("phone", "mobile"): "phone_mobile",
    ("phone", "work"): "phone_work",
    ("phone", None): "phone_home",
    ("email", "home"): "email",
    ("email", ANY_USE): "email",
}
_LONGEST_LUNAR_DATE: Final = 40
_BIRTH_PLACE: Final = ("city", "country", "insee_code")


class _Death(NamedTuple):
    deceased: bool | None
    moment: moments.Moment


def patient(root: Element, source: DraftOrigin) -> PatientDraft:
    """Read a Patient without its `resourceType` and `id`."""
    claimed = profiles(root.child("meta"), (tables.PATIENT, tables.PATIENT_INS))
    extension = Extensions(root, tables.EXTENSIONS)
    identity = identity_reliability.reliability(root, extension)
    name = names(root)
    birth_place = _place(extension, code.BIRTH_PLACE, _BIRTH_PLACE)
    born, precision = times.partial_day(root, "birthDate") or (None, "D")
    death = _death(root)
    home = only_address(root, "home")
    points = telecom(root, _TELECOM)
    active = root.boolean("active")
    if "multipleBirthBoolean" in root and "multipleBirthInteger" in root:
        root.error("multipleBirth", "must be one of multipleBirthBoolean and multipleBirthInteger")
    errors = root.errors
    kept_identifiers, lost_matricule = identifiers(root)
    has_all_identifiers = root.errors == errors
    draft = PatientDraft(
        source=source,
        ej=reference(root, "managingOrganization", "Organization"),
        identifiers=kept_identifiers,
        contacts=contacts(root),
        birth_family=name.birth_family,
        first_given=name.first_given,
        birth_given_names=name.birth_given_names,
        used_family=name.used_family,
        used_given=name.used_given,
        prefix=name.prefix,
        gender=_gender(root),
        birth_date=born,
        birth_date_precision=precision,
        birth_date_corrected=extension.flag(code.BIRTH_DATE_CORRECTED),
        lunar_birth_date=extension.text(code.LUNAR_BIRTH_DATE, _LONGEST_LUNAR_DATE),
        birth_insee=birth_place.insee_code,
        birth_city=birth_place.city,
        birth_country=birth_place.country,
        multiple_birth=root.integer("multipleBirthInteger", 1, 20),
        deceased=death.deceased,
        deceased_at=death.moment.at,
        deceased_on=death.moment.on,
        deceased_on_precision=death.moment.precision or "D",
        death_city=_place(extension, code.DEATH_PLACE, ("city",)).city,
        identity_status=identity.status,
        is_homonym="HOMA" in identity.attributes,
        is_fictitious="FICT" in identity.attributes,
        is_doubtful="DOUT" in identity.attributes,
        identity_method=identity.method,
        identity_collected_on=identity.collected_on,
        identity_validated_on=identity.validated_on,
        identity_validation_mode=identity.mode,
        marital_status=concept(root, "maritalStatus", tables.MARITAL_STATUS),
        nationality=_nationality(extension),
        address_line=home.address_line,
        address_line2=home.address_line2,
        postal_code=home.postal_code,
        city=home.city,
        insee_code=home.insee_code,
        country=home.country,
        phone_home=points.get("phone_home"),
        phone_mobile=points.get("phone_mobile"),
        phone_work=points.get("phone_work"),
        email=points.get("email"),
        active=active is not False,
        merged_into=_merged_into(root),
        unsaid=frozenset(("matricule",)) if lost_matricule else frozenset(),
    )
    if has_all_identifiers:
        identity_reliability.check(root, draft, claims_ins=tables.PATIENT_INS in claimed)
    _check_death(root, draft)
    return draft


def _place(extension: Extensions, url: str, kept: tuple[str, ...]) -> AddressColumns:
    place_extension = extension.only(url)
    value = None if place_extension is None else place_extension.child("valueAddress", needed=True)
    return AddressColumns() if value is None else address_of(value, kept)


def _gender(root: Element) -> str | None:
    if root.peek("gender") == "other":
        root.warning("gender", "is kept as unknown: FR Core knows male, female and unknown")
    return texts.one_of(root, "gender", tables.GENDER, rule="male, female or unknown")


def _death(root: Element) -> _Death:
    if "deceasedBoolean" in root and "deceasedDateTime" in root:
        root.error("deceased", "must be one of deceasedBoolean and deceasedDateTime")
    if "deceasedDateTime" not in root:
        return _Death(root.boolean("deceasedBoolean"), moments.Moment())
    root.skip("deceasedBoolean")
    return _Death(deceased=True, moment=times.moment(root, "deceasedDateTime"))


def _check_death(root: Element, draft: PatientDraft) -> None:
    born = draft.birth_date
    died = draft.deceased_at
    if draft.deceased_on is not None:
        death_text = draft.deceased_on[: code.DATE_LENGTH[draft.deceased_on_precision]]
        died = moments.midnight(
            moments.last_day(death_text, root.scope.context.time_zone) or draft.deceased_on
        )
    # A day of tolerance, since the time zone of the place of birth is not known.
    if born is not None and died is not None and died < moments.midnight(born) - moments.DAY:
        root.warning("deceasedDateTime", "is before birthDate: one of both is to be looked at")


def _nationality(extension: Extensions) -> str | None:
    current: list[Element] = []
    for part in extension.all(code.NATIONALITY):
        reason = over(_period_of(part), part.scope.context)
        if reason is None and current:
            reason = "is not kept: only one nationality is"
        if reason is None:
            current.append(part)
        else:
            part.drop(reason)
    if not current:
        return None
    concept_ = Extensions(current[0], ("code",)).only("code")
    value = None if concept_ is None else concept_.child("valueCodeableConcept", needed=True)
    if value is None:
        return None
    country: str | None = None
    for part in value.children("coding"):
        if country is None and part.peek("system") == code.COUNTRY_SYSTEM:
            part.skip("system", "display")
            country = _country(part)
        else:
            part.drop(f"is not kept: only one code of {code.COUNTRY_SYSTEM} is")
    return country


def _period_of(nationality: Element) -> object:
    """The Period inside an extension of the nationality, as JSON."""
    parts = nationality.peek("extension")
    periods = (
        [part for part in parts if isinstance(part, dict) and part.get("url") == "period"]
        if isinstance(parts, list)
        else []
    )
    return periods[0].get("valuePeriod") if periods else None


def _country(coding: Element) -> str | None:
    text = coding.string("code", needed=True)
    if text is None:
        return None
    country = two_letters(text)
    if country is None:
        coding.warning("code", "is not kept: it is no country of ISO 3166-1, such as FR")
    elif country != text:
        coding.warning("code", "is kept as the country's code of two letters (ISO 3166-1)")
    return country


def _merged_into(root: Element) -> Ref | None:
    target: Ref | None = None
    for link in root.children("link"):
        if target is None and link.peek("type") == "replaced-by":
            link.skip("type")
            target = reference(link, "other", "Patient", needed=True)
        else:
            link.drop("is not kept: only one link is, whose type is replaced-by")
    return target
