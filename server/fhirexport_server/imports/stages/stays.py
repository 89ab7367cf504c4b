"""Owns the stage of the venues and their movements: a window of whole stays at a time."""

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
from fhirexport_server.imports.resolve.identity import Identities
from fhirexport_server.imports.stages.encounters import Encounters, Existing
from fhirexport_server.imports.stages.merging import columns
from fhirexport_server.imports.stages.stay_window import StayWindow
from fhirexport_server.imports.work import Work, of_kind

_VENUE_COLUMNS: Final = columns(VenueRow)
_MOVEMENT_COLUMNS: Final = columns(MovementRow)


class Stays:
    """Writes the venues and movements of an import."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._late: list[tuple[BundleEntry, MovementDraft]] = []

    def write(self, entries: Sequence[BundleEntry]) -> None:
        """Writes some stays; a venue's movements are best in the same window."""
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
        """Writes the movements whose venues came after them."""
        late, self._late = self._late, []
        for start in range(0, len(late), limits.WINDOW):
            self._finish(late[start : start + limits.WINDOW])

    def _finish(self, late: Sequence[tuple[BundleEntry, MovementDraft]]) -> None:
        work = self._work
        entries = known_names.distinct(work, [entry for entry, _ in late], Kind.VENUE, Kind.MOVEMENT)
        places = {entry.place for entry in entries}
        drafts = [one for one in work.kept(draft for _, draft in late) if one.source.entry in places]
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
        venue_ids = encounters.venues(work.kept(venues))
        window.place_venues(venue_ids)
        places = None if is_last else limits.MOST_WAITING - len(self._late)
        waiting = window.find_venues(venue_ids, places)
        here = [one for one in work.kept(movements) if one.source.entry not in waiting]
        movement_ids = encounters.movements(here)
        existing = encounters.existing(window.numbers, movement_ids)
        _write(work, window.settled(movement_ids, existing), existing, window.told.keys())
        self._late += [
            (by_place[one.source.entry]._replace(resource=None), one)
            for one in movements
            if one.source.entry in waiting
        ]
        self._remember(entries, {one.source.entry for one in venues}, waiting, venue_ids, movement_ids)

    def _remember(
        self,
        entries: Iterable[BundleEntry],
        venues: Collection[int],
        waiting: Collection[int],
        *found: Identities,
    ) -> None:
        done = [one for one in entries if one.place not in waiting]
        as_venues, as_movements = found
        of_venues = [one for one in done if one.place in venues]
        known_names.remember(
            self._work, Kind.VENUE, of_venues, as_venues.ids, ids.venue_id, repeated=as_venues.repeated
        )
        others = [one for one in done if one.place not in venues]
        known_names.remember(
            self._work,
            Kind.MOVEMENT,
            others,
            as_movements.ids,
            ids.movement_id,
            repeated=as_movements.repeated,
        )


def _write(
    work: Work, settled: Iterable[tuple[int, SettledStay]], existing: Existing, told: Collection[int]
) -> None:
    """Writes stays.

    Args:
        work: the import.
        settled: each with its venue's id.
        existing: the stays as they were before.
        told: the venues that are of the import themselves.
    """
    created: list[VenueRow] = []
    changed: list[VenueRow] = []
    new_movements: list[tuple[object, ...]] = []
    changed_movements: list[tuple[object, ...]] = []
    ej_id, counts = work.ej.id, work.counts
    gone: list[int] = []
    for number, stay in settled:
        before = existing.venues.get(number)
        venue, movements = existing.merged(number, stay)
        left = {row.id for row in existing.derived(number)} - {one.row.id for one in movements}
        gone += left
        # Movements that are derived are no resources of the import: they count as their venue.
        is_venue_changed = venue != before or bool(left)
        for one in movements:
            was = existing.movements.get(one.row.id)
            state = codes.ACTIVE if one.active else codes.CANCELLED
            written = (state, one.derived, one.row)
            is_changed = was is not None and (was.state, was.derived, was.row) != written
            if was is None:
                new_movements.append((ej_id, state, one.derived, *one.row))
            elif is_changed:
                changed_movements.append((one.row.id, state, one.derived, *_without_id(one.row)))
            if one.draft is None:
                is_venue_changed |= one.derived and (was is None or is_changed)
            elif was is None:
                counts.created += 1
            else:
                counts.updated += is_changed
                counts.unchanged += not is_changed
        if before is None:
            created.append(venue)
        else:
            if venue != before:
                changed.append(venue)
            counts.updated += is_venue_changed and number in told
            counts.unchanged += not is_venue_changed and number in told
    counts.created += len(created)
    writing = work.writing
    writing.clear(Kind.MOVEMENT, "id", gone)
    writing.insert(Kind.VENUE, ["ej_id", *_VENUE_COLUMNS], [(ej_id, *one) for one in created])
    writing.update(Kind.VENUE, _VENUE_COLUMNS, changed)
    writing.insert(Kind.MOVEMENT, ["ej_id", "state", "derived", *_MOVEMENT_COLUMNS], new_movements)
    others = [name for name in _MOVEMENT_COLUMNS if name != "id"]
    writing.update(Kind.MOVEMENT, ["id", "state", "derived", *others], changed_movements)


def _without_id(movement: MovementRow) -> list[object]:
    return [value for name, value in zip(_MOVEMENT_COLUMNS, movement, strict=True) if name != "id"]
