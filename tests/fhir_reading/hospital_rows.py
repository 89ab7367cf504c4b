"""The rows of one EJ of a generated hospital, as the store passes them to the renderer."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, TypeVar

from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.rows import (
    Batch,
    EjRow,
    MovementRow,
    OrgMemberRow,
    OrgUnitRow,
    PatientContactRow,
    PatientIdentifierRow,
    PatientRow,
    PlaceRow,
    Rendered,
    VenueRow,
)
from fhirexport_server.fhir.rendering import patients, structure, venues
from fhirexport_server.fhir.rendering.ej_context import EjContext
from fhirexport_server.pam import movement_order

R = TypeVar("R", bound=tuple[Any, ...])
BASE = "http://localhost:8000/fhir"


class EjRows(NamedTuple):
    """Everything that an EJ's exports are made of."""

    ej: EjRow
    namespaces: dict[str, str]
    units: list[OrgUnitRow]
    members: list[OrgMemberRow]
    places: list[PlaceRow]
    patients: list[PatientRow]
    identifiers: list[PatientIdentifierRow]
    contacts: list[PatientContactRow]
    venues: list[VenueRow]
    movements: list[MovementRow]
    """The active ones, each venue's in their order."""

    def context(self) -> EjContext:
        return EjContext(
            ej_id=self.ej.id,
            base_url=BASE,
            time_zone=self.ej.time_zone,
            namespaces=self.namespaces,
            units={unit.id: unit.kind for unit in self.units},
            places={place.id: place.kind for place in self.places},
        )

    def of_venue(self, venue: VenueRow) -> Sequence[MovementRow]:
        return movement_order.sort(one for one in self.movements if one.venue_id == venue.id)

    def rendered(self, dataset: Dataset) -> Iterator[Rendered]:
        """Renders a dataset, venues with their movements."""
        context = self.context()
        if dataset is Dataset.STRUCTURE:
            yield structure.ej(self.ej)
            for unit in self.units:
                members = [member for member in self.members if member.parent_id == unit.id]
                yield structure.org_unit(unit, members, context)
            for place in self.places:
                yield structure.place(place, context)
        elif dataset is Dataset.PATIENTS:
            for patient in self.patients:
                yield patients.patient(
                    patient,
                    [one for one in self.identifiers if one.patient_id == patient.id],
                    [one for one in self.contacts if one.patient_id == patient.id],
                    context,
                )
        else:
            for venue in self.venues:
                yield venues.venue(venue, self.of_venue(venue), context)
                yield from venues.movements(venue, self.of_venue(venue), context)


def ej_rows(batches: Iterable[Batch]) -> Iterator[EjRows]:
    """Yields the rows of each EJ of a hospital."""
    tables: dict[str, list[dict[str, object]]] = {}
    for batch in batches:
        tables.setdefault(batch.table, []).extend(batch.rows)
    for ej in tables["ej"]:
        own = {
            table: [row for row in rows if row["ej_id"] == ej["id"]]
            for table, rows in tables.items()
            if table != "ej"
        }
        yield _of_ej(ej, own)


def _of_ej(ej: dict[str, object], own: dict[str, list[dict[str, object]]]) -> EjRows:
    units, places = own.get("org_unit", []), own.get("place", [])
    unit_kinds = {unit["id"]: unit["kind"] for unit in units}
    place_kinds = {place["id"]: place["kind"] for place in places}
    active = [row for row in own.get("movement", []) if row["state"] == "active"]
    return EjRows(
        ej=_row(EjRow, ej),
        namespaces={str(row["kind"]): str(row["system"]) for row in own.get("namespace", [])},
        units=[_row(OrgUnitRow, row, parent_kind=unit_kinds.get(row["parent_id"]), depth=1) for row in units],
        members=[
            _row(OrgMemberRow, row, child_kind=unit_kinds[row["child_id"]])
            for row in own.get("org_member", [])
        ],
        places=[
            _row(
                PlaceRow,
                row,
                parent_kind=place_kinds.get(row["parent_id"]),
                depth=1,
                uf_kind=unit_kinds.get(row["uf_id"]),
            )
            for row in places
        ],
        patients=_rows(PatientRow, own.get("patient", [])),
        identifiers=_rows(PatientIdentifierRow, own.get("patient_identifier", [])),
        contacts=_rows(PatientContactRow, own.get("patient_contact", [])),
        venues=_rows(VenueRow, own.get("venue", [])),
        movements=list(movement_order.sort(_rows(MovementRow, active))),
    )


def _rows(row_type: type[R], rows: Sequence[dict[str, object]]) -> list[R]:
    return [_row(row_type, row) for row in rows]


def _row(row_type: type[R], row: dict[str, object], **computed: object) -> R:
    values = row | computed
    fields: tuple[str, ...] = row_type._fields  # type: ignore[attr-defined]  # every row type is a NamedTuple
    return row_type(*(_value(values[name]) for name in fields))


def _value(value: object) -> Any:  # noqa: ANN401 - a column may hold anything
    if isinstance(value, datetime):
        return int(value.timestamp())
    return value.isoformat() if isinstance(value, date) else value
