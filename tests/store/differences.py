"""What exports read of a database in two states, and what the log says of the time between them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fhirexport_server.domain.changes import Changes
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.outcomes import FullReason
from fhirexport_server.domain.revision import Revision
from fhirexport_server.store.database import Database
from fhirexport_server.store.snapshot import SnapshotReader

NAMED = (Dataset.PATIENTS, Dataset.VENUES)
"""The datasets whose changes are named."""


@dataclass(frozen=True)
class Seen:
    """One dataset of an EJ in one snapshot."""

    ej_id: int
    dataset: Dataset
    revision: Revision
    position: str | None
    rows: Mapping[int, object]
    """What each resource is made of, by the id of its patient or venue."""
    shared: object
    """What reaches all resources."""


def seen_in(snapshot: SnapshotReader, ej_id: int, dataset: Dataset) -> Seen:
    """Return what a snapshot shows of a dataset."""
    revision = snapshot.revision(ej_id, dataset)
    position = snapshot.position(ej_id, dataset)
    ej = snapshot.ej(ej_id)
    rows: Iterable[tuple[int, object]]
    if dataset is Dataset.PATIENTS:
        rows = ((patient.id, (patient, *parts)) for patient, *parts in snapshot.patients(ej_id))
        shared: object = ej and ej.time_zone
    else:
        rows = ((venue.id, (venue, tuple(stay))) for venue, stay in snapshot.venues(ej_id))
        shared = (
            ej and ej.time_zone,
            snapshot.namespaces(ej_id),
            snapshot.unit_kinds(ej_id),
            snapshot.place_kinds(ej_id),
        )
    return Seen(ej_id, dataset, revision, position, dict(rows), shared)


def see(database: Database, ej_id: int, dataset: Dataset) -> Seen:
    """Return what the database holds of a dataset now."""
    with database.snapshot() as snapshot:
        return seen_in(snapshot, ej_id, dataset)


def changes_since(database: Database, seen: Seen) -> Changes | FullReason:
    """Return what the log says of the time since."""
    assert seen.position is not None
    with database.snapshot() as snapshot:
        return snapshot.changes(seen.ej_id, seen.dataset, seen.revision, seen.position)


def missing(before: Seen, after: Seen, changes: Changes) -> set[object]:
    """Return what differs between two states, and is not named: nothing, if all is well."""
    ids = before.rows.keys() | after.rows.keys()
    different: set[object] = {key for key in ids if before.rows.get(key) != after.rows.get(key)}
    unnamed = {key for key in different if not (isinstance(key, int) and changes.covers(key))}
    if before.shared != after.shared and not changes.context:
        unnamed.add("context")
    return unnamed
