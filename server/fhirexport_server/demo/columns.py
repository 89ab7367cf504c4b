"""Columns of the tables that the demo fills."""

from typing import NamedTuple

from fhirexport_server.domain.rows import (
    EjRow,
    MovementRow,
    OrgMemberRow,
    OrgUnitRow,
    PatientContactRow,
    PatientIdentifierRow,
    PatientRow,
    PlaceRow,
    VenueRow,
)

Row = dict[str, object]
# Columns that the store computes when it reads.
_COMPUTED = {"parent_kind", "depth", "uf_kind", "child_kind"}


def _columns(row_type: type[NamedTuple], *more: str) -> tuple[str, ...]:
    return (*(name for name in row_type._fields if name not in _COMPUTED), *more)


COLUMNS: dict[str, tuple[str, ...]] = {
    "ej": _columns(EjRow),
    "namespace": ("ej_id", "kind", "system"),
    "org_unit": _columns(OrgUnitRow, "ej_id"),
    "org_member": _columns(OrgMemberRow, "ej_id"),
    "place": _columns(PlaceRow, "ej_id"),
    "patient": _columns(PatientRow, "ej_id"),
    "patient_identifier": _columns(PatientIdentifierRow, "ej_id"),
    "patient_contact": _columns(PatientContactRow, "ej_id"),
    "venue": _columns(VenueRow, "ej_id"),
    "movement": _columns(MovementRow, "ej_id", "state"),
}
"""The columns of each table, parents before children."""


def row(table: str, **values: object) -> Row:
    """Return a row of `table` with these values, and None in all other columns."""
    columns: Row = dict.fromkeys(COLUMNS[table])
    columns.update(values)
    return columns
