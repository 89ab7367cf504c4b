"""Owns reading a Patient, with its contacts. The inverse of `fhir/patients.py`."""

import re
from typing import Final, NamedTuple

from fhirexport_server.fhir import patient_codes as code
from fhirexport_server.fhir.reading import identities, texts, times
from fhirexport_server.fhir.reading import patient_tables as tables
from fhirexport_server.fhir.reading.codings import concept
from fhirexport_server.fhir.reading.contact_points import Address, Points, address, only_address, telecom
from fhirexport_server.fhir.reading.contacts import contacts
from fhirexport_server.fhir.reading.drafts import PatientDraft, Source
from fhirexport_server.fhir.reading.element import Element
from fhirexport_server.fhir.reading.extensions import Extensions
from fhirexport_server.fhir.reading.names import names
from fhirexport_server.fhir.reading.references import Ref, reference
from fhirexport_server.fhir.reading.resource import profiles

_TELECOM: Final[Points] = {
    ("phone", "home"): "phone_home",
    ("phone", "mobile"): "phone_mobile",
    ("phone", "work"): "phone_work",
    ("email", "home"): "email",
    ("email", None): "email",
}
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_COUNTRY_RULE: Final = "a country of ISO 3166-1 in two letters, such as FR"
_BIRTH_PLACE: Final = ("city", "country", "insee_code")


class _Death(NamedTuple):
    deceased: bool | None
    at: int | None


def patient(root: Element, source: Source) -> PatientDraft:
    """Reads a Patient, whose `resourceType` and `id` were read."""
    claimed = profiles(root.child("meta"), (tables.PATIENT, tables.PATIENT_INS))
    extension = Extensions(root, tables.EXTENSIONS)
    identity = identities.reliability(extension)
    name = names(root)
    birth_place = _place(extension, code.BIRTH_PLACE, _BIRTH_PLACE)
    born, precision = times.partial_day(root, "birthDate") or (None, "D")
    death = _death(root)
    home = only_address(root, "home")
    points = telecom(root, _TELECOM)
    active = root.boolean("active")
    errors = root.errors
    numbers = identities.identifiers(root)
    whole = root.errors == errors
    if "multipleBirthBoolean" in root and "multipleBirthInteger" in root:
        root.error("multipleBirth", "must be one of multipleBirthBoolean and multipleBirthInteger")
    found = PatientDraft(
        source=source,
        ej=reference(root, "managingOrganization", "Organization"),
        identifiers=numbers,
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
        birth_insee=birth_place.insee_code,
        birth_city=birth_place.city,
        birth_country=birth_place.country,
        multiple_birth=root.integer("multipleBirthInteger", 1, 20),
        deceased=death.deceased,
        deceased_at=death.at,
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
    )
    identities.check(root, found, claims_ins=tables.PATIENT_INS in claimed, whole=whole)
    _check_death(root, found)
    return found


def _place(extension: Extensions, url: str, kept: tuple[str, ...]) -> Address:
    found = extension.only(url)
    return Address() if found is None else address(found, "valueAddress", kept, needed=True)


def _gender(root: Element) -> str | None:
    if root.peek("gender") == "other":
        root.warning("gender", "is kept as unknown: FR Core knows male, female and unknown")
    return texts.one_of(root, "gender", tables.GENDER, rule="male, female or unknown")


def _death(root: Element) -> _Death:
    if "deceasedBoolean" in root and "deceasedDateTime" in root:
        root.error("deceased", "must be one of deceasedBoolean and deceasedDateTime")
    if "deceasedDateTime" not in root:
        return _Death(root.boolean("deceasedBoolean"), None)
    root.skip("deceasedBoolean")
    if times.is_partial(root, "deceasedDateTime"):
        root.skip("deceasedDateTime")
        root.warning("deceasedDateTime", "is kept without its date: only a date with a time and an offset is")
        return _Death(deceased=True, at=None)
    return _Death(deceased=True, at=times.instant(root, "deceasedDateTime"))


def _check_death(root: Element, found: PatientDraft) -> None:
    born, died = found.birth_date, found.deceased_at
    # A day, since the offset of the place of birth is not known.
    if born is not None and died is not None and died < times.midnight(born) - times.DAY:
        root.error("deceasedDateTime", "must not be before birthDate")


def _nationality(extension: Extensions) -> str | None:
    found = extension.all(code.NATIONALITY)
    for other in found[1:]:
        other.drop("is not kept: only one nationality is")
    if not found:
        return None
    concept_ = Extensions(found[0], ("code",)).only("code")
    value = None if concept_ is None else concept_.child("valueCodeableConcept", needed=True)
    if value is None:
        return None
    kept: str | None = None
    for one in value.children("coding", needed=True):
        if kept is None and one.peek("system") == code.COUNTRY_SYSTEM:
            one.skip("system", "display")
            kept = texts.matching(one, "code", _COUNTRY, _COUNTRY_RULE)
        else:
            one.drop(f"is not kept: only one code of {code.COUNTRY_SYSTEM} is")
    return kept


def _merged_into(root: Element) -> Ref | None:
    found: Ref | None = None
    for link in root.children("link"):
        if found is None and link.peek("type") == "replaced-by":
            link.skip("type")
            found = reference(link, "other", "Patient", needed=True)
        else:
            link.drop("is not kept: only one link is, whose type is replaced-by")
    return found
