"""Deletes the resources that a Bundle deletes."""

from collections.abc import Collection, Sequence
from typing import Final

from fhirexport_server.domain.codes import ACTIVE
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry
from fhirexport_server.fhir.reading.json.problems import Severity
from fhirexport_server.fhir.structure_codes import FINESS_SYSTEM
from fhirexport_server.imports.kinds import Kind
from fhirexport_server.imports.structure_index import StructureIndex
from fhirexport_server.imports.work import Work

_EJ: Final = "must not name the legal entity itself: this service does not delete one"
_SEVERAL: Final = "must find one resource, not several: name it by its id"
_OTHER: Final = "must find the resource that the ids of the entry name"
_LAST: Final = (
    "must not name the last movement of its venue, which would be shown as cancelled: send another one or the"
    " venue in the same transaction, send the movement as cancelled, or delete the venue"
)
_NAMED: Final = "must not be named by other resources any more: change or delete those as well"


class Deletions:
    """Deletions of an import. Those of resources that others still name are tried again at the end."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._left: list[tuple[BundleEntry, Kind, int]] = []
        self._shortened: dict[int, BundleEntry] = {}
        """The entries that delete active movements, by venue; of several, the last one."""

    def run(self, entries: Sequence[BundleEntry]) -> None:
        """Delete what no other resource names; a resource that does not exist needs no deletion."""
        work = self._work
        look = work.writing.look
        structure = StructureIndex(look.units(work.ej.id), look.places(work.ej.id), work.systems)
        for entry in entries:
            is_ej = entry.search == (FINESS_SYSTEM, work.ej.finess) and entry.type == "Organization"
            if is_ej or (entry.own is not None and Kind.of(entry.own) is Kind.EJ):
                self._refuse(entry, _EJ)
                continue
            rows = self._rows(entry, structure)
            if len(rows) > 1:
                work.refuse_request(entry, _SEVERAL)
            elif rows and self._is_other(entry, rows[0]):
                work.refuse_request(entry, _OTHER)
            else:
                self._left += [(entry, kind, number) for kind, number in rows]
        self._check_movements()
        self._delete()

    def finish(self) -> None:
        """Delete what others named until now; refuse what they still name."""
        self._delete()
        for entry, _, _ in self._left:
            self._refuse(entry, _NAMED)
        writing, ej_id = self._work.writing, self._work.ej.id
        venues = list(self._shortened)
        # A venue that is sent as well says itself what it is.
        sent = writing.names.written(Kind.VENUE, venues).keys()
        for venue_id in (self._emptied(()) & writing.look.venues(ej_id, venues).keys()) - sent:
            self._refuse(self._shortened[venue_id], _LAST)

    def _check_movements(self) -> None:
        """Note which venues lose movements; refuse the last ones, if nothing can be undone later.

        Movements of a venue that is deleted as well may be deleted.
        """
        work = self._work
        venues = {number for _, kind, number in self._left if kind is Kind.VENUE}
        by_movement = {number: entry for entry, kind, number in self._left if kind is Kind.MOVEMENT}
        stored = [
            movement
            for movement in work.writing.look.movements(work.ej.id, list(by_movement))
            if movement.row.venue_id not in venues
        ]
        active = [one for one in stored if one.state == ACTIVE]
        self._shortened = {one.row.venue_id: by_movement[one.row.id] for one in active}
        if work.is_atomic:
            return
        emptied = self._emptied(by_movement.keys())
        last = {one.row.id for one in active if one.row.venue_id in emptied}
        for number in last:
            self._refuse(by_movement[number], _LAST)
        self._left = [one for one in self._left if one[1] is not Kind.MOVEMENT or one[2] not in last]
        self._shortened = {}

    def _emptied(self, deleted: Collection[int]) -> set[int]:
        """Return those venues of deleted movements that have no other active movement than deleted ones."""
        look, ej_id = self._work.writing.look, self._work.ej.id
        left = look.movements_of(ej_id, list(self._shortened))
        return self._shortened.keys() - {
            one.row.venue_id for one in left if one.state == ACTIVE and one.row.id not in deleted
        }

    def _delete(self) -> None:
        """Delete in any order that works."""
        work = self._work
        while True:
            left = []
            for entry, kind, number in self._left:
                deleted = work.writing.delete(kind, work.ej.id, number)
                if deleted is None:
                    left.append((entry, kind, number))
                else:
                    work.counts.deleted += deleted
                    if deleted:
                        work.writing.names.note_written(kind, [(number, None)])
            is_stuck = len(left) == len(self._left)
            # In reverse order next time: then a chain in the wrong order takes two turns, however long it is.
            self._left = left[::-1]
            if is_stuck or not left:
                return

    def _rows(self, entry: BundleEntry, structure: StructureIndex) -> list[tuple[Kind, int]]:
        """Return the rows that an entry names."""
        work, look = self._work, self._work.writing.look
        rows: list[tuple[Kind, int | None]] = []
        search, own = entry.search, entry.own
        if search is None:
            # All units share a table, and so do all places: the kind in the id must match.
            kinds = {"Organization": structure.unit_kinds, "Location": structure.place_kinds}.get(entry.type)
            if own is None or (kinds is not None and kinds.get(own.number) != own.kind):
                return []
            return [(Kind.of(own), own.number)]
        if entry.type == "Organization":
            rows = [(Kind.UNIT, number) for number in structure.units(search)]
        elif entry.type == "Location":
            rows = [(Kind.PLACE, number) for number in structure.places(search)]
        elif entry.type == "Patient":
            rows = [(Kind.PATIENT, look.patients_by_identifier(work.ej.id, [search]).get(search))]
        elif search[0] == work.systems.get("VENUE"):
            rows = [(Kind.VENUE, look.venues_by_number(work.ej.id, [search[1]]).get(search[1]))]
        elif search[0] == work.systems.get("MOVEMENT"):
            rows = [(Kind.MOVEMENT, look.movements_by_number(work.ej.id, [search[1]]).get(search[1]))]
        return [(kind, number) for kind, number in rows if number is not None]

    @staticmethod
    def _is_other(entry: BundleEntry, row: tuple[Kind, int]) -> bool:
        """Return whether the ids of an entry name another row than the one found."""
        return entry.own is not None and (Kind.of(entry.own), entry.own.number) != row

    def _refuse(self, entry: BundleEntry, text: str) -> None:
        self._work.problems.report(Severity.ERROR, entry.place, f"{entry.path}.request.url", text)
