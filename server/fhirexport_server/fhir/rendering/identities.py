"""Owns a patient's identity: which profile it satisfies, its identifiers, its names, its reliability.

Source: FR Core 2.2.0, PatientINS; INS referential: the matricule travels with a qualified identity only.
"""

from collections.abc import Sequence

from fhirexport_server.domain.codes import INS_KIND, PATIENT_IDENTIFIER_SYSTEM, PATIENT_IDENTIFIER_USE
from fhirexport_server.domain.errors import RowNotRenderableError
from fhirexport_server.domain.rows import PatientIdentifierRow, PatientRow
from fhirexport_server.fhir import patient_codes as code
from fhirexport_server.fhir.codings import known
from fhirexport_server.fhir.model import Extension, HumanName, Identifier
from fhirexport_server.fhir.rendering.row_rules import days


def is_qualified(row: PatientRow, identifiers: Sequence[PatientIdentifierRow]) -> bool:
    """Whether the identity satisfies PatientINS: validated, all its traits, one official matricule."""
    return (
        row.identity_status == "VALI"
        and row.identity_validation_mode in code.VALIDATION_MODE_INS
        and row.birth_family is not None
        and row.first_given is not None
        and row.birth_given_names is not None
        and row.gender is not None
        and row.birth_date is not None
        and row.birth_insee is not None
        # PatientINS, fr-core-1 and fr-core-2; no other kind of identifier can be official.
        and sum(i.use_code == "official" for i in identifiers) == 1
    )


def identifiers(rows: Sequence[PatientIdentifierRow], *, qualified: bool) -> list[Identifier]:
    """The identifiers, in their order; a matricule INS only of a qualified identity.

    Raises:
        RowNotRenderableError: the kind is unknown, or its profile slice does not allow the use.
    """
    return [_identifier(row) for row in rows if qualified or row.kind not in INS_KIND]


def _identifier(row: PatientIdentifierRow) -> Identifier:
    kind = known(code.IDENTIFIER_TYPE, row.kind, ("patient_identifier", row.patient_id, "kind"))
    if row.use_code not in PATIENT_IDENTIFIER_USE[row.kind]:
        raise RowNotRenderableError(
            "patient_identifier", row.patient_id, "use_code is not one that the kind's profile slice allows"
        )
    if PATIENT_IDENTIFIER_SYSTEM.get(row.kind, row.system) != row.system:
        raise RowNotRenderableError(
            "patient_identifier", row.patient_id, "system is not the one that the kind's profile slice fixes"
        )
    return Identifier(
        use=row.use_code,
        type=kind,
        system=row.system,
        value=row.value,
        period=days(row.assigned_on, row.ended_on, "patient_identifier", row.patient_id),
    )


def names(row: PatientRow, *, qualified: bool) -> list[HumanName]:
    """The birth name (`official`) and the used name (`usual`), as far as they are known.

    Raises:
        RowNotRenderableError: half of a birth name.
    """
    found = []
    prefix = None if row.prefix is None else [row.prefix]
    if row.birth_family is not None or row.first_given is not None or row.birth_given_names is not None:
        found.append(_birth_name(row, prefix, qualified=qualified))
        prefix = None
    if row.used_family is not None or row.used_given is not None:
        given = None if row.used_given is None else [row.used_given]
        found.append(HumanName(use="usual", family=row.used_family, given=given, prefix=prefix))
        prefix = None
    if prefix is not None:
        found.append(HumanName(prefix=prefix))
    return found


def _birth_name(row: PatientRow, prefix: list[str] | None, *, qualified: bool) -> HumanName:
    first, every = row.first_given, row.birth_given_names
    if row.birth_family is None or first is None:
        raise RowNotRenderableError(
            "patient", row.id, "a birth name has a family name and a first given name"
        )
    given = [first]
    # PatientINS allows the first one only; elsewhere R4 wants the others too.
    if every is not None and not qualified and every.startswith(first + " "):
        given += [name for name in every[len(first) :].split(" ") if name]
    extension = None if every is None else [Extension(url=code.BIRTH_GIVEN_NAMES, value_string=every)]
    return HumanName(extension=extension, use="official", family=row.birth_family, given=given, prefix=prefix)


def reliability(row: PatientRow) -> list[Extension]:
    """What is known of the identity's reliability: one extension, and one more for each attribute.

    Raises:
        RowNotRenderableError: a code is in no list that the profiles name.
    """
    parts = []
    if row.identity_status is not None:
        parts.append(known(code.IDENTITY_STATUS, row.identity_status, ("patient", row.id, "identity_status")))
    if row.identity_method is not None:
        method = known(code.IDENTITY_METHOD, row.identity_method, ("patient", row.id, "identity_method"))
        parts.append(Extension(url="methodCollection", value_coding=method))
    if row.identity_collected_on is not None:
        parts.append(Extension(url="dateCollection", value_date=row.identity_collected_on))
    if row.identity_validated_on is not None:
        parts.append(Extension(url="validationDate", value_date=row.identity_validated_on))
    if row.identity_validation_mode is not None:
        column = ("patient", row.id, "identity_validation_mode")
        mode = known(code.VALIDATION_MODE, row.identity_validation_mode, column)
        parts.append(Extension(url="validationMode", value_coding=mode))
    found = [Extension(url=code.RELIABILITY, extension=parts)] if parts else []
    attributes = (("HOMA", row.is_homonym), ("FICT", row.is_fictitious), ("DOUT", row.is_doubtful))
    found += (code.ATTRIBUTE[name] for name, is_set in attributes if is_set)
    return found
