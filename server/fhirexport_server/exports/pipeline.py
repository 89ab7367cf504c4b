"""From rows to resources: which rows make which resources of a dataset, in which order, by which ids."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from fhirexport_server.domain.changes import Keys
from fhirexport_server.domain.datasets import Dataset, Detail
from fhirexport_server.domain.rows import EjRow, MovementRow, Rendered, VenueRow
from fhirexport_server.domain.segments import Block
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.fhir import ids
from fhirexport_server.fhir.rendering import patients, structure, venues
from fhirexport_server.fhir.rendering.ej_context import EjContext
from fhirexport_server.formats.chunker import in_positions
from fhirexport_server.store.snapshot import PatientRows, SnapshotReader, VenueRows

Group = tuple[int, Iterable[Rendered]]
"""An id, and its resources, which are rendered as they are read."""


def kind(dataset: Dataset) -> bytes:
    """Return what the logical ids of the resources begin with that give a dataset's segments their ids."""
    return (ids.PATIENT if dataset is Dataset.PATIENTS else ids.VENUE).encode()


def context(snapshot: SnapshotReader, ej: EjRow, request: ExportRequest, base_url: str) -> EjContext:
    """Read what all resources of an export share."""
    refers_to_units = request.dataset is Dataset.VENUES
    return EjContext(
        ej_id=ej.id,
        base_url=base_url,
        time_zone=ej.time_zone,
        namespaces=snapshot.namespaces(ej.id),
        units=snapshot.unit_kinds(ej.id) if refers_to_units else {},
        places=snapshot.place_kinds(ej.id) if refers_to_units else {},
    )


def blocks(
    snapshot: SnapshotReader, ej: EjRow, request: ExportRequest, shared: EjContext
) -> Iterator[tuple[Block, Iterable[Iterable[Rendered]]]]:
    """Yield all resources of a dataset, by the blocks of its segments, read from one snapshot.

    Raises:
        RowNotRenderableError: A row breaks a rule. What was yielded before is not a complete export.
        DatabaseUnavailableError: The database did not answer.
    """
    match request.dataset:
        case Dataset.STRUCTURE:
            yield from in_positions(_structure(snapshot, ej, shared))
        case Dataset.PATIENTS:
            for block, members in snapshot.patient_blocks(ej.id):
                yield block, (_patient(rows, shared) for rows in members)
        case Dataset.VENUES:
            for block, stays in snapshot.venue_blocks(ej.id):
                yield block, (_venue(rows, shared, request.detail) for rows in stays)


def groups(
    snapshot: SnapshotReader, request: ExportRequest, shared: EjContext, among: Keys
) -> Iterator[Group]:
    """Yield the resources of some ids of patients or venues, in order; raise as `blocks`.

    Raises:
        ValueError: It is a structure, whose resources do not go by ids.
    """
    match request.dataset:
        case Dataset.STRUCTURE:
            raise ValueError("a structure does not go by ids")
        case Dataset.PATIENTS:
            for patient in snapshot.patients(shared.ej_id, among):
                yield patient[0].id, _patient(patient, shared)
        case Dataset.VENUES:
            for venue, movements in snapshot.stays(shared.ej_id, among):
                yield venue.id, _stay(venue, movements, shared, request.detail)


def _structure(snapshot: SnapshotReader, ej: EjRow, shared: EjContext) -> Iterator[Rendered]:
    yield structure.ej(ej)
    members = snapshot.org_members(ej.id)
    for unit in snapshot.org_units(ej.id):
        yield structure.org_unit(unit, members.get(unit.id, ()), shared)
    for place in snapshot.places(ej.id):
        yield structure.place(place, shared)


def _patient(rows: PatientRows, shared: EjContext) -> Iterator[Rendered]:
    patient, identifiers, contacts = rows
    yield patients.patient(patient, identifiers, contacts, shared)


def _stay(
    venue: VenueRow, movements: Callable[[], Sequence[MovementRow]], shared: EjContext, detail: Detail
) -> Iterator[Rendered]:
    yield from _venue((venue, movements()), shared, detail)


def _venue(rows: VenueRows, shared: EjContext, detail: Detail) -> Iterator[Rendered]:
    venue, movements = rows
    yield venues.venue(venue, movements, shared)
    if detail is Detail.MOVEMENTS:
        yield from venues.movements(venue, movements, shared)
