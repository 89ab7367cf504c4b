"""FR Core extensions of legal entities, units and places."""

from fhirexport_server.domain.rows import EjRow, OrgUnitRow, PlaceRow
from fhirexport_server.fhir import structure_codes as code
from fhirexport_server.fhir.codings import known, open_coding
from fhirexport_server.fhir.model import Extension
from fhirexport_server.fhir.rendering.row_rules import days


def of_ej(row: EjRow) -> list[Extension]:
    """The extensions of a legal entity."""
    return [*_short_name(row), *_in_use(row), *_legal_name(row)]


def of_unit(row: OrgUnitRow) -> list[Extension]:
    """The extensions of a unit, except its members.

    Raises:
        RowNotRenderableError: A code is in no list that the profiles name.
    """
    extensions = _short_name(row)
    if row.description is not None:
        extensions.append(Extension(url=code.DESCRIPTION, value_markdown=row.description))
    extensions += _in_use(row)
    extensions += _legal_name(row)
    if row.sae_category is not None:
        category = known(code.SAE_CATEGORIES, row.sae_category, ("org_unit", row.id, "sae_category"))
        extensions.append(Extension(url=code.SAE_CATEGORY, value_codeable_concept=category))
    extensions += _activity(row)
    extensions += _uf_flags(row)
    if row.service_discipline is not None:
        discipline = open_coding(
            code.SERVICE_DISCIPLINE_SYSTEM, row.service_discipline, ("org_unit", row.id, "service_discipline")
        )
        extensions.append(Extension(url=code.SERVICE_DISCIPLINE, value_coding=discipline))
    if row.rate is not None:
        rate = known(code.RATES, row.rate, ("org_unit", row.id, "rate"))
        extensions.append(Extension(url=code.RATE, value_coding=rate))
    return extensions


def of_place(row: PlaceRow) -> list[Extension]:
    """The extensions of a place.

    Raises:
        RowNotRenderableError: A code is in no list that the profiles name, or not of this kind of place.
    """
    extensions = []
    if row.room_type is not None:
        room_type = known(code.ROOM_TYPES, row.room_type, ("place", row.id, "room_type"))
        extensions.append(Extension(url=code.ROOM_TYPE, value_coding=room_type))
    if row.bed_position is not None:
        position = known(code.BED_POSITIONS, row.bed_position, ("place", row.id, "bed_position"))
        extensions.append(Extension(url=code.BED_POSITION, value_coding=position))
    return extensions


def _short_name(row: EjRow | OrgUnitRow) -> list[Extension]:
    return [] if row.short_name is None else [Extension(url=code.SHORT_NAME, value_string=row.short_name)]


def _legal_name(row: EjRow | OrgUnitRow) -> list[Extension]:
    return [] if row.legal_name is None else [Extension(url=code.LEGAL_NAME, value_string=row.legal_name)]


def _in_use(row: EjRow | OrgUnitRow) -> list[Extension]:
    period = days(row.opened_on, row.closed_on, "ej" if isinstance(row, EjRow) else "org_unit", row.id)
    return [] if period is None else [Extension(url=code.IN_USE, value_period=period)]


def _activity(row: OrgUnitRow) -> list[Extension]:
    extensions = []
    if row.equipment_discipline is not None:
        discipline = open_coding(
            code.EQUIPMENT_DISCIPLINE_SYSTEM,
            row.equipment_discipline,
            ("org_unit", row.id, "equipment_discipline"),
        )
        extensions.append(Extension(url=code.EQUIPMENT_DISCIPLINE, value_coding=discipline))
    if row.activity_type is not None:
        activity = known(code.ACTIVITY_TYPES, row.activity_type, ("org_unit", row.id, "activity_type"))
        extensions.append(Extension(url=code.ACTIVITY_TYPE, value_codeable_concept=activity))
    if row.activity_field is not None:
        activity_field = known(
            code.ACTIVITY_FIELDS, row.activity_field, ("org_unit", row.id, "activity_field")
        )
        extensions.append(Extension(url=code.ACTIVITY_FIELD, value_coding=activity_field))
    if row.places is not None:
        extensions.append(Extension(url=code.PLACES, value_integer=row.places))
    return extensions


def _uf_flags(row: OrgUnitRow) -> list[Extension]:
    flags = (
        (code.IS_EXTERNAL, row.is_external),
        (code.REQUESTS_ACTS, row.requests_acts),
        (code.PERFORMS_ACTS, row.performs_acts),
    )
    indicators = (
        ("HEB", row.is_heb),
        ("SOIN", row.is_soin),
        ("ADMIN", row.is_admin),
        ("MED", row.is_med),
        ("TECH", row.is_tech),
        ("MEDICOTECH", row.is_medicotech),
        ("MAG", row.is_mag),
    )
    return [
        *(Extension(url=url, value_boolean=bool(flag)) for url, flag in flags if flag is not None),
        *(code.INDICATOR[name] for name, is_set in indicators if is_set),
    ]
