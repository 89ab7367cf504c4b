"""The stage of venues and their movements: one window of whole stays at a time."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from fhirexport_server.domain import codes
from fhirexport_server.domain.rows import MovementRow, VenueRow
from fhirexport_server.fhir import ids
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry
from fhirexport_server.fhir.reading.resources.drafts import MovementDraft, VenueDraft
from fhirexport_server.fhir.reading.together.directory import Directory
from fhirexport_server.fhir.reading.together.whole_stays import SettledStay
from fhirexport_server.imports import limits
from fhirexport_server.imports.kinds import Kind
from fhirexport_server.imports.resolve import known_names
from fhirexport_server.imports.resolve.same_rows import Identities
from fhirexport_server.imports.stages.encounters import Encounters, Existing
from fhirexport_server.imports.stages.merging import columns
from fhirexport_server.imports.stages.stay_window import StayWindow
from fhirexport_server.imports.work import Work, of_kind

_VENUE_COLUMNS: Final = columns(VenueRow)
_MOVEMENT_COLUMNS: Final = columns(MovementRow)


class Stays:
    """The venues and movements of an import."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._late: list[tuple[BundleEntry, MovementDraft]] = []

    def write(self, entries: Sequence[BundleEntry]) -> None:
        """Write stays; the movements of a venue should be in the same window."""
        work = self._work
        entries = known_names.distinct(work, entries, Kind.VENUE, Kind.MOVEMENT)
        drafts = work.read(entries)
        venues, movements = of_kind(VenueDraft, drafts), of_kind(MovementDraft, drafts)
        for venue in venues:
            work.settle_systems(venue.systems, venue.source)
        for movement in movements:
            work.settle_systems(movement.systems, movement.source)
        known_names.check_numbers(work, Directory(work.kept(drafts)), entries)
        self._run(entries, venues, movements, is_last=False)

    def finish(self) -> None:
        """Write the movements that came before their venues."""
        late, self._late = self._late, []
        for start in range(0, len(late), limits.WINDOW):
            self._finish(late[start : start + limits.WINDOW])

    def _finish(self, late: Sequence[tuple[BundleEntry, MovementDraft]]) -> None:
        work = self._work
        entries = known_names.distinct(work, [entry for entry, _ in late], Kind.VENUE, Kind.MOVEMENT)
        places = {entry.place for entry in entries}
        drafts = [draft for draft in work.kept(draft for _, draft in late) if draft.source.entry in places]
        known_names.check_numbers(work, Directory(drafts), entries)
        self._run(entries, (), drafts, is_last=True)

    def _run(
        self,
        entries: Sequence[BundleEntry],
        venues: Sequence[VenueDraft],
        movements: Sequence[MovementDraft],
        *,
        is_last: bool,
    ) -> None:
        if not entries:
            return
        work = self._work
        by_place = {entry.place: entry for entry in entries}
        encounters = Encounters(work, by_place)
        window = StayWindow(work, entries, venues, movements)
        venue_identities = encounters.venues(work.kept(venues))
        window.place_venues(venue_identities)
        room_for_waiting = None if is_last else limits.MOST_WAITING - len(self._late)
        waiting = window.find_venues(venue_identities, room_for_waiting)
        ready = [draft for draft in work.kept(movements) if draft.source.entry not in waiting]
        movement_identities = encounters.movements(ready)
        existing = encounters.existing(window.numbers, movement_identities)
        window.refuse_last_movements(movement_identities, existing)
        _write(work, window.settled(movement_identities, existing), existing, window.sent_venues.keys())
        self._late += [
            (by_place[draft.source.entry]._replace(resource=None), draft)
            for draft in movements
            if draft.source.entry in waiting
        ]
        self._remember(
            entries, {draft.source.entry for draft in venues}, waiting, venue_identities, movement_identities
        )

    def _remember(
        self,
        entries: Iterable[BundleEntry],
        venues: Collection[int],
        waiting: Collection[int],
        *identities: Identities,
    ) -> None:
        settled = [entry for entry in entries if entry.place not in waiting]
        as_venues, as_movements = identities
        of_venues = [entry for entry in settled if entry.place in venues]
        known_names.remember(
            self._work, Kind.VENUE, of_venues, as_venues.ids, ids.venue_id, repeated=as_venues.repeated
        )
        others = [entry for entry in settled if entry.place not in venues]
        known_names.remember(
            self._work,
            Kind.MOVEMENT,
            others,
            as_movements.ids,
            ids.movement_id,
            repeated=as_movements.repeated,
        )


def _write(
    work: Work, settled: Iterable[tuple[int, SettledStay]], existing: Existing, sent_venues: Collection[int]
) -> None:
    """Write stays.

    Args:
        work: The import.
        settled: The stays, each with its venue's id.
        existing: The stays as they were before.
        sent_venues: The ids of the venues that are in the import themselves.
    """
    created: list[VenueRow] = []
    changed: list[VenueRow] = []
    new_movements: list[tuple[object, ...]] = []
    changed_movements: list[tuple[object, ...]] = []
    ej_id, counts = work.ej.id, work.counts
    gone: list[int] = []
    for venue_id, stay in settled:
        stored_venue = existing.venues.get(venue_id)
        venue, movements = existing.merged(venue_id, stay)
        stale = {row.id for row in existing.derived(venue_id)} - {movement.row.id for movement in movements}
        gone += stale
        # Derived movements are not resources of the import: their changes count as changes of the venue.
        is_venue_changed = venue != stored_venue or bool(stale)
        for movement in movements:
            stored = existing.movements.get(movement.row.id)
            state = codes.ACTIVE if movement.active else codes.CANCELLED
            written = (state, movement.derived, movement.row)
            is_changed = stored is not None and (stored.state, stored.derived, stored.row) != written
            if stored is None:
                new_movements.append((ej_id, state, movement.derived, *movement.row))
            elif is_changed:
                changed_movements.append(
                    (movement.row.id, state, movement.derived, *_without_id(movement.row))
                )
            if movement.draft is None:
                is_venue_changed |= movement.derived and (stored is None or is_changed)
            elif stored is None:
                counts.created += 1
            else:
                counts.updated += is_changed
                counts.unchanged += not is_changed
        if stored_venue is None:
            created.append(venue)
        else:
            if venue != stored_venue:
                changed.append(venue)
            counts.updated += is_venue_changed and venue_id in sent_venues
            counts.unchanged += not is_venue_changed and venue_id in sent_venues
    counts.created += len(created)
    writing = work.writing
    writing.clear(Kind.MOVEMENT, "id", gone)
    writing.insert(Kind.VENUE, ["ej_id", *_VENUE_COLUMNS], [(ej_id, *row) for row in created])
    writing.update(Kind.VENUE, _VENUE_COLUMNS, changed)
    writing.insert(Kind.MOVEMENT, ["ej_id", "state", "derived", *_MOVEMENT_COLUMNS], new_movements)
    others = [name for name in _MOVEMENT_COLUMNS if name != "id"]
    writing.update(Kind.MOVEMENT, ["id", "state", "derived", *others], changed_movements)


def _without_id(movement: MovementRow) -> list[object]:
    return [value for name, value in zip(_MOVEMENT_COLUMNS, movement, strict=True) if name != "id"]
