"""Reads the reliability of a patient's identity, and what it lacks to be qualified.

Source: FR Core 2.2.0, Patient and PatientINS; INS referential: only a qualified identity carries
the matricule.
"""

from typing import Final, NamedTuple

from fhirexport_server.domain import codes
from fhirexport_server.fhir.patient_codes import RELIABILITY, VALIDATION_MODE_INS
from fhirexport_server.fhir.reading.datatypes.extensions import Extensions
from fhirexport_server.fhir.reading.json.element import Element
from fhirexport_server.fhir.reading.resources.drafts import PatientDraft
from fhirexport_server.fhir.reading.resources.patients import patient_tables as tables

_PARTS: Final = ("identityStatus", "methodCollection", "dateCollection", "validationDate", "validationMode")
_UNKNOWN_COMMUNE: Final = "99999"


class Reliability(NamedTuple):
    """The columns of an identity's reliability."""

    status: str | None = None
    method: str | None = None
    collected_on: str | None = None
    validated_on: str | None = None
    mode: str | None = None
    attributes: frozenset[str] = frozenset()
    """Any of HOMA, FICT, DOUT."""


def reliability(root: Element, extensions: Extensions) -> Reliability:
    """Read the extensions of the identity's reliability: one, and one more for each attribute."""
    values: dict[str, str] = {}
    attributes: set[str] = set()
    for extension in extensions.all(RELIABILITY):
        parts = Extensions(extension, _PARTS)
        status = parts.coding("identityStatus", tables.STATUS)
        if status in tables.ATTRIBUTES:
            attributes.add(status)
            status = None
        part_values = {
            "status": status,
            "method": parts.coding("methodCollection", tables.METHOD),
            "collected_on": parts.day("dateCollection"),
            "validated_on": parts.day("validationDate"),
            "mode": parts.coding("validationMode", tables.VALIDATION_MODE, required=True),
        }
        for column, value in part_values.items():
            if value is None:
                continue
            if column in values:
                extension.warning(
                    "extension", "is not kept where another extension says the same of the identity"
                )
            else:
                values[column] = value
    mode = values.get("mode")
    if values.get("status") == "VALI" and mode not in VALIDATION_MODE_INS:
        modes = ", ".join(allowed for allowed in VALIDATION_MODE_INS if allowed is not None)
        root.warning(
            "extension", f"is kept without its validationMode, which is {modes} with the status VALI"
        )
        mode = None
    return Reliability(
        status=values.get("status"),
        method=values.get("method"),
        collected_on=values.get("collected_on"),
        validated_on=values.get("validated_on"),
        mode=mode,
        attributes=frozenset(attributes),
    )


def check(root: Element, patient: PatientDraft, *, claims_ins: bool) -> None:
    """Warn of what an identity lacks to be qualified, if it has an INS matricule or claims PatientINS.

    Without a qualified identity, the matricule is kept but not exported.

    Args:
        root: The resource.
        patient: The patient's draft.
        claims_ins: Whether it claims PatientINS.
    """
    matricules = [identifier for identifier in patient.identifiers if identifier.kind in codes.INS_KIND]
    if not matricules and not claims_ins:
        return
    for name, value in (
        ("name", patient.birth_family),
        ("name", patient.birth_given_names),
        ("gender", patient.gender),
        ("birthDate", patient.birth_date),
        ("extension", patient.birth_insee),
    ):
        if value is None:
            root.warning(name, f"{_LACKS[name]}{_NOT_EXPORTED}")
    if patient.identity_status != "VALI":
        root.warning("extension", f"does not say the identityStatus VALI{_NOT_EXPORTED}")
    if all(matricule.use_code != "official" for matricule in matricules):
        root.warning("identifier", f"holds no official matricule INS{_NOT_EXPORTED}")
    if patient.identity_status == "VALI" and patient.birth_insee == _UNKNOWN_COMMUNE:
        root.warning("extension", "should say where a qualified identity was born, not 99999 (fr-core-3)")


_NOT_EXPORTED: Final = ": the identity is not a qualified one, and no matricule INS is exported with it"
_LACKS: Final = {
    "name": "does not hold the official name with the birth list of given names",
    "gender": "is missing",
    "birthDate": "is missing",
    "extension": "does not hold the birth place with its INSEE code",
}
