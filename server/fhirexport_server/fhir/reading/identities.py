"""Owns reading a patient's identity: its identifiers, its reliability, and when it may have a matricule INS.

Source: FR Core 2.2.0, Patient and PatientINS; INS referential: the matricule travels with a qualified
identity only.
"""

from typing import Final, NamedTuple

from fhirexport_server.domain import codes
from fhirexport_server.fhir.patient_codes import RELIABILITY, VALIDATION_MODE_INS
from fhirexport_server.fhir.reading import patient_tables as tables
from fhirexport_server.fhir.reading import texts, times
from fhirexport_server.fhir.reading.codings import known_concept
from fhirexport_server.fhir.reading.drafts import PatientDraft, PatientIdentifierDraft
from fhirexport_server.fhir.reading.element import Element
from fhirexport_server.fhir.reading.extensions import Extensions
from fhirexport_server.fhir.reading.keys import has_ins_key

_PARTS: Final = ("identityStatus", "methodCollection", "dateCollection", "validationDate", "validationMode")
_USES: Final = {use: use for use in ("usual", "official", "temp", "secondary", "old")}
_LONGEST: Final = 64
_UNKNOWN_COMMUNE: Final = "99999"


class Reliability(NamedTuple):
    """The columns of an identity's reliability."""

    status: str | None = None
    method: str | None = None
    collected_on: str | None = None
    validated_on: str | None = None
    mode: str | None = None
    attributes: frozenset[str] = frozenset()
    """HOMA, FICT, DOUT."""


def reliability(extensions: Extensions) -> Reliability:
    """Reads every extension of the identity's reliability: one of them, and one for each attribute."""
    found: dict[str, str] = {}
    attributes: set[str] = set()
    for one in extensions.all(RELIABILITY):
        parts = Extensions(one, _PARTS)
        status = parts.coding("identityStatus", tables.STATUS)
        if status in tables.ATTRIBUTES:
            attributes.add(status)
            status = None
        said = {
            "status": status,
            "method": parts.coding("methodCollection", tables.METHOD),
            "collected_on": parts.day("dateCollection"),
            "validated_on": parts.day("validationDate"),
            "mode": parts.coding("validationMode", tables.VALIDATION_MODE, required=True),
        }
        for column, value in said.items():
            if value is None:
                continue
            if column in found:
                one.warning("extension", "is not kept where another extension says the same of the identity")
            else:
                found[column] = value
    return Reliability(
        status=found.get("status"),
        method=found.get("method"),
        collected_on=found.get("collected_on"),
        validated_on=found.get("validated_on"),
        mode=found.get("mode"),
        attributes=frozenset(attributes),
    )


def identifiers(root: Element) -> tuple[PatientIdentifierDraft, ...]:
    """Reads `identifier`; those of kinds that are not kept are given up."""
    found: list[PatientIdentifierDraft] = []
    official = ndp = False
    for one in root.children("identifier"):
        kind = _kind(one)
        if kind is None:
            one.drop("is not kept: this service has no place for an identifier of this type")
            continue
        draft = _identifier(one, kind, len(found) + 1)
        if draft is None:
            continue
        if draft.use_code == "official" and official:
            one.error("use", "must not be official: another identifier is")
        if kind == "NDP" and ndp:
            one.error("", "is one too many: a patient has one NDP at most")
        official = official or draft.use_code == "official"
        ndp = ndp or kind == "NDP"
        found.append(draft)
    return tuple(found)


def _kind(one: Element) -> str | None:
    kind = known_concept(one, "type", tables.IDENTIFIER_KIND)
    system = one.peek("system")
    return tables.KIND_OF_SYSTEM.get(system) if kind is None and isinstance(system, str) else kind


def _identifier(one: Element, kind: str, seq: int) -> PatientIdentifierDraft | None:
    use = texts.one_of(one, "use", _USES, needed=True)
    if use is not None and use not in codes.PATIENT_IDENTIFIER_USE[kind]:
        one.error("use", f"must be {' or '.join(codes.PATIENT_IDENTIFIER_USE[kind])}")
        use = None
    system = texts.uri(one, "system")
    fixed = codes.PATIENT_IDENTIFIER_SYSTEM.get(kind)
    if system is not None and fixed is not None and system != fixed:
        one.error("system", f"must be {fixed}")
    if system is not None and fixed is None and system.lower().startswith(tables.NATIONAL_ARC):
        one.error("system", "must not be one of the national identifiers'")
    value = texts.label(one, "value", _LONGEST, needed=True)
    if value is not None and kind in codes.INS_KIND and not has_ins_key(value):
        one.error("value", "must be a matricule INS: 13 characters and the key of two digits that they make")
        value = None
    period = times.days(one, "period")
    if use is None or system is None or value is None:
        return None
    return PatientIdentifierDraft(seq, kind, use, system, value, period.first, period.last)


def check(root: Element, patient: PatientDraft, *, claims_ins: bool, whole: bool) -> None:
    """Says what a patient lacks who has a matricule INS, or whose resource claims the profile for it.

    Args:
        root: the resource.
        patient: as it was read.
        claims_ins: whether it claims PatientINS.
        whole: whether every identifier was accepted.
    """
    qualified = patient.identity_status == "VALI"
    if qualified and patient.identity_validation_mode not in VALIDATION_MODE_INS:
        modes = ", ".join(mode for mode in VALIDATION_MODE_INS if mode is not None)
        root.error("extension", f"must say a validationMode of {modes} where the identityStatus is VALI")
    has_matricule = any(one.kind in codes.INS_KIND for one in patient.identifiers)
    if not has_matricule and not claims_ins:
        return
    for name, value in (
        ("name", patient.birth_family),
        ("name", patient.birth_given_names),
        ("gender", patient.gender),
        ("birthDate", patient.birth_date),
        ("extension", patient.birth_insee),
    ):
        if value is None:
            root.error(name, _LACKS[name])
    if has_matricule and not qualified:
        root.error(
            "extension", "must say the identityStatus VALI: only a qualified identity has a matricule INS"
        )
    if (
        whole
        and (has_matricule or qualified)
        and all(one.use_code != "official" for one in patient.identifiers)
    ):
        root.error("identifier", "must hold one official matricule INS")
    if qualified and patient.birth_insee == _UNKNOWN_COMMUNE:
        root.warning("extension", "should say where a qualified identity was born, not 99999 (fr-core-3)")


_LACKS: Final = {
    "name": "must hold the official name, with the birth list, of a patient with a matricule INS",
    "gender": "is required of a patient with a matricule INS",
    "birthDate": "is required of a patient with a matricule INS",
    "extension": "must hold the birth place of a patient with a matricule INS, with its INSEE code",
}
