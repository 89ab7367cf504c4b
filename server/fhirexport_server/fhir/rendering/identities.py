"""A patient's identity: the profile that it satisfies, its identifiers, names and reliability.

Source: FR Core 2.2.0, PatientINS; INS referential: only a qualified identity carries the matricule.
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
    """Return whether an identity satisfies PatientINS: validated, all traits, one official matricule."""
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
        and sum(identifier.use_code == "official" for identifier in identifiers) == 1
    )


def identifiers(rows: Sequence[PatientIdentifierRow], *, qualified: bool) -> list[Identifier]:
    """The identifiers, in their order; an INS matricule only if the identity is qualified.

    Raises:
        RowNotRenderableError: The kind is unknown, or its profile slice does not allow the use.
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
        RowNotRenderableError: The birth name lacks its family name or its first given name.
    """
    human_names = []
    prefix = None if row.prefix is None else [row.prefix]
    if row.birth_family is not None or row.first_given is not None or row.birth_given_names is not None:
        human_names.append(_birth_name(row, prefix, qualified=qualified))
        prefix = None
    if row.used_family is not None or row.used_given is not None:
        given = None if row.used_given is None else [row.used_given]
        human_names.append(HumanName(use="usual", family=row.used_family, given=given, prefix=prefix))
        prefix = None
    if prefix is not None:
        human_names.append(HumanName(prefix=prefix))
    return human_names


def _birth_name(row: PatientRow, prefix: list[str] | None, *, qualified: bool) -> HumanName:
    first, all_given = row.first_given, row.birth_given_names
    if row.birth_family is None or first is None:
        raise RowNotRenderableError(
            "patient", row.id, "a birth name has a family name and a first given name"
        )
    given = [first]
    # PatientINS allows only the first one; elsewhere R4 wants all of them.
    if all_given is not None and not qualified and all_given.startswith(first + " "):
        given += [other for other in all_given[len(first) :].split(" ") if other]
    extension = None if all_given is None else [Extension(url=code.BIRTH_GIVEN_NAMES, value_string=all_given)]
    return HumanName(extension=extension, use="official", family=row.birth_family, given=given, prefix=prefix)


def reliability(row: PatientRow) -> list[Extension]:
    """The identity's reliability: one extension, and one more for each attribute.

    Raises:
        RowNotRenderableError: A code is in no list that the profiles name.
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
    extensions = [Extension(url=code.RELIABILITY, extension=parts)] if parts else []
    attributes = (("HOMA", row.is_homonym), ("FICT", row.is_fictitious), ("DOUT", row.is_doubtful))
    extensions += (code.ATTRIBUTE[name] for name, is_set in attributes if is_set)
    return extensions
