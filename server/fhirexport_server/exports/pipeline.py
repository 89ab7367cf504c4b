"""From rows to resources: which rows make which resources of a dataset, in which order."""

from collections.abc import Iterator

from fhirexport_server.domain.datasets import Dataset, Detail
from fhirexport_server.domain.rows import EjRow, Rendered
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.fhir.rendering import patients, structure, venues
from fhirexport_server.fhir.rendering.ej_context import EjContext
from fhirexport_server.store.snapshot import SnapshotReader


def resources(
    snapshot: SnapshotReader, ej: EjRow, request: ExportRequest, base_url: str
) -> Iterator[Rendered]:
    """Yield a dataset's resources, read from one snapshot.

    Raises:
        RowNotRenderableError: A row breaks a rule. What was yielded before is not a complete export.
        DatabaseUnavailableError: The database did not answer.
    """
    refers_to_units = request.dataset is Dataset.VENUES
    context = EjContext(
        ej_id=ej.id,
        base_url=base_url,
        time_zone=ej.time_zone,
        namespaces=snapshot.namespaces(ej.id),
        units=snapshot.unit_kinds(ej.id) if refers_to_units else {},
        places=snapshot.place_kinds(ej.id) if refers_to_units else {},
    )
    match request.dataset:
        case Dataset.STRUCTURE:
            return _structure(snapshot, ej, context)
        case Dataset.PATIENTS:
            return _patients(snapshot, context)
        case Dataset.VENUES:
            return _venues(snapshot, context, request.detail)


def _structure(snapshot: SnapshotReader, ej: EjRow, context: EjContext) -> Iterator[Rendered]:
    yield structure.ej(ej)
    members = snapshot.org_members(ej.id)
    for unit in snapshot.org_units(ej.id):
        yield structure.org_unit(unit, members.get(unit.id, ()), context)
    for place in snapshot.places(ej.id):
        yield structure.place(place, context)


def _patients(snapshot: SnapshotReader, context: EjContext) -> Iterator[Rendered]:
    for patient, identifiers, contacts in snapshot.patients(context.ej_id):
        yield patients.patient(patient, identifiers, contacts, context)


def _venues(snapshot: SnapshotReader, context: EjContext, detail: Detail) -> Iterator[Rendered]:
    for venue, movements in snapshot.venues(context.ej_id):
        yield venues.venue(venue, movements, context)
        if detail is Detail.MOVEMENTS:
            yield from venues.movements(venue, movements, context)
