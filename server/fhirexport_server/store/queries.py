"""The queries of the exports: what they select, and in which total order.

Each select yields the columns of one row type of `domain/rows.py`, in its order. A dataset is one to
three of these, merged by key as they stream: no join multiplies rows, and no query runs once per row.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Table, literal, select

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
from fhirexport_server.store import schema
from fhirexport_server.store.schema.column_types import raw

Selection = Select[*tuple[Any, ...]]
DEEPEST = 64
"""How deep a tree of units or places may be. Anything deeper is a cycle."""


def _columns(
    row_type: type[NamedTuple], table: Table, computed: Mapping[str, ColumnElement[Any]] | None = None
) -> list[ColumnElement[Any]]:
    """Return the columns of `table` that fill `row_type`, in its order."""
    overrides = computed or {}
    return [overrides[name] if name in overrides else raw(table.c[name]) for name in row_type._fields]


def ej(ej_id: int) -> Selection:
    """Select the EJ with this id: one EjRow, or none."""
    return select(*_columns(EjRow, schema.ej)).where(schema.ej.c.id == ej_id)


def legal_entities(
    *, finess: str | None, after_id: int, limit: int, ids: Collection[int] | None = None
) -> Selection:
    """Select EjRows by ascending id, from the one after `after_id`; only those of `ids`, unless None."""
    query = select(*_columns(EjRow, schema.ej)).where(schema.ej.c.id > after_id)
    if ids is not None:
        query = query.where(schema.ej.c.id.in_(ids))
    if finess is not None:
        query = query.where(schema.ej.c.finess == finess)
    return query.order_by(schema.ej.c.id).limit(limit)


def ids_by_finess(finess: Collection[str]) -> Selection:
    """Select the pairs (finess, id) of the EJs with these numbers."""
    table = schema.ej
    return select(table.c.finess, table.c.id).where(table.c.finess.in_(finess))


def namespaces(ej_id: int) -> Selection:
    """Select the pairs (kind, system) of an EJ."""
    table = schema.namespace
    return select(table.c.kind, table.c.system).where(table.c.ej_id == ej_id).order_by(table.c.kind)


def _tree(table: Table, ej_id: int, row_type: type[NamedTuple], **computed: ColumnElement[Any]) -> Selection:
    """Select the rows of a tree, parents before children; rows without a root too, with depth None."""
    roots = select(table.c.id, literal(1).label("depth")).where(
        table.c.ej_id == ej_id, table.c.parent_id.is_(None)
    )
    tree = roots.cte("tree", recursive=True)
    child = table.alias("child")
    tree = tree.union_all(
        select(child.c.id, tree.c.depth + 1).where(
            child.c.ej_id == ej_id, child.c.parent_id == tree.c.id, tree.c.depth < DEEPEST
        )
    )
    parent = table.alias("parent")
    columns = _columns(row_type, table, {"parent_kind": parent.c.kind, "depth": tree.c.depth, **computed})
    return (
        select(*columns)
        .select_from(
            table.outerjoin(tree, tree.c.id == table.c.id).outerjoin(parent, parent.c.id == table.c.parent_id)
        )
        .where(table.c.ej_id == ej_id)
        .order_by(tree.c.depth, table.c.id)
    )


def org_units(ej_id: int) -> Selection:
    """Select OrgUnitRows, parents before children."""
    return _tree(schema.org_unit, ej_id, OrgUnitRow)


def org_members(ej_id: int) -> Selection:
    """Select OrgMemberRows by (parent, child)."""
    table, child = schema.org_member, schema.org_unit.alias("child")
    return (
        select(*_columns(OrgMemberRow, table, {"child_kind": child.c.kind}))
        .select_from(table.outerjoin(child, child.c.id == table.c.child_id))
        .where(table.c.ej_id == ej_id)
        .order_by(table.c.parent_id, table.c.child_id)
    )


def places(ej_id: int) -> Selection:
    """Select PlaceRows, parents before children."""
    table, uf = schema.place, schema.org_unit.alias("uf")
    query = _tree(table, ej_id, PlaceRow, uf_kind=uf.c.kind)
    return query.outerjoin(uf, uf.c.id == table.c.uf_id)


def kinds(table: Table, ej_id: int) -> Selection:
    """Select the pairs (id, kind) of an EJ's units or places, for references to them."""
    return select(table.c.id, table.c.kind).where(table.c.ej_id == ej_id)


def patients(ej_id: int) -> Selection:
    """Select PatientRows by id."""
    table = schema.patient
    return select(*_columns(PatientRow, table)).where(table.c.ej_id == ej_id).order_by(table.c.id)


def patient_identifiers(ej_id: int) -> Selection:
    """Select PatientIdentifierRows by (patient, seq)."""
    table = schema.patient_identifier
    query = select(*_columns(PatientIdentifierRow, table)).where(table.c.ej_id == ej_id)
    return query.order_by(table.c.patient_id, table.c.seq)


def patient_contacts(ej_id: int) -> Selection:
    """Select PatientContactRows by (patient, seq)."""
    table = schema.patient_contact
    query = select(*_columns(PatientContactRow, table)).where(table.c.ej_id == ej_id)
    return query.order_by(table.c.patient_id, table.c.seq)


def venues(ej_id: int) -> Selection:
    """Select VenueRows by id."""
    table = schema.venue
    return select(*_columns(VenueRow, table)).where(table.c.ej_id == ej_id).order_by(table.c.id)


def movements(ej_id: int) -> Selection:
    """Select active MovementRows by (venue, start, id)."""
    table = schema.movement
    query = select(*_columns(MovementRow, table)).where(table.c.ej_id == ej_id, table.c.state == "active")
    return query.order_by(table.c.venue_id, table.c.started_at, table.c.id)
