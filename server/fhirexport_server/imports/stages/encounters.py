"""Decides which rows Encounters are, and reads the stays as they were before."""

from collections.abc import Iterable, Mapping, Sequence

from fhirexport_server.domain import codes
from fhirexport_server.domain.errors import WriteConflictError
from fhirexport_server.domain.rows import MovementRow, VenueRow
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry
from fhirexport_server.fhir.reading.datatypes.dates.precision import refined
from fhirexport_server.fhir.reading.datatypes.dates.times import Interval
from fhirexport_server.fhir.reading.resources.drafts import MovementDraft, VenueDraft
from fhirexport_server.fhir.reading.together.draft_names import identifiers
from fhirexport_server.fhir.reading.together.summaries import StayMovement
from fhirexport_server.fhir.reading.together.whole_stays import SettledStay
from fhirexport_server.fhir.rendering import projection
from fhirexport_server.imports.kinds import Kind
from fhirexport_server.imports.resolve.same_rows import Claim, Identities, claimed_ids, decide
from fhirexport_server.imports.stages.merging import merged
from fhirexport_server.imports.work import Work
from fhirexport_server.pam.fold import fold
from fhirexport_server.pam.movement_order import in_order
from fhirexport_server.store.importing.lookups import StoredMovement

_NOBODY = 0
"""The owner of an id that no sender may use: it is not free."""


class Encounters:
    """The Encounters of a window, for deciding which rows they are."""

    def __init__(self, work: Work, entries: Mapping[int, BundleEntry]) -> None:
        self._work = work
        self._entries = entries

    def venues(self, drafts: Sequence[VenueDraft]) -> Identities:
        """Decide which rows venues are."""
        work = self._work
        numbers = {draft.source.entry: draft.venue_no for draft in drafts}
        searches = self._searches(drafts, "VENUE")
        venue_numbers = list({*numbers.values(), *searches.values()})
        return self._decide(
            Kind.VENUE,
            drafts,
            numbers,
            searches,
            work.writing.look.venues_by_number(work.ej.id, venue_numbers),
        )

    def movements(self, drafts: Sequence[MovementDraft]) -> Identities:
        """Decide which rows movements are."""
        work = self._work
        numbers = {draft.source.entry: draft.movement_no for draft in drafts}
        searches = self._searches(drafts, "MOVEMENT")
        movement_numbers = list({*numbers.values(), *searches.values()})
        by_number = work.writing.look.movements_by_number(work.ej.id, movement_numbers)
        return self._decide(Kind.MOVEMENT, drafts, numbers, searches, by_number)

    def existing(self, venues: Iterable[int], movements: Identities) -> "Existing":
        """Return the stays as they were before.

        Raises:
            WriteConflictError: Another writer has changed them since the import began.
        """
        look, ej_id = self._work.writing.look, self._work.ej.id
        # First the venues, then the movements of those: each look-up sees what others have committed by then.
        stored_venues = look.venues(ej_id, list(venues))
        stored = look.movements_of(ej_id, list(stored_venues))
        ids = {movement.row.id for movement in stored}
        # A movement may move here from another venue.
        others = [number for number in movements.ids.values() if number not in ids]
        moved = look.movements(ej_id, others) if len(movements.new) < len(movements.ids) else []
        kinds = self._work.structure.place_kinds
        if any(place not in kinds for movement in (*stored, *moved) for place in _places(movement.row)):
            # Another writer has made the place since the structure was read.
            raise WriteConflictError
        return Existing(stored_venues, stored, moved, kinds)

    def _searches(self, drafts: Sequence[VenueDraft] | Sequence[MovementDraft], kind: str) -> dict[int, str]:
        """Return the numbers that entries search for, by entry."""
        searches = {}
        for draft in drafts:
            search = self._entries[draft.source.entry].search
            if search is not None and search[0] == self._work.systems.get(kind):
                searches[draft.source.entry] = search[1]
        return searches

    def _decide(
        self,
        kind: Kind,
        drafts: Sequence[VenueDraft] | Sequence[MovementDraft],
        numbers: Mapping[int, str],
        searches: Mapping[int, str],
        by_number: Mapping[str, int],
    ) -> Identities:
        own = claimed_ids((draft.source for draft in drafts), self._entries)
        owners = self._work.writing.look.owners(kind, own)
        if kind is Kind.MOVEMENT:
            # The id of a derived movement is taken, but no sender can know the movement.
            owners |= dict.fromkeys(self._work.writing.look.derived(own), _NOBODY)
        claims = []
        for draft in drafts:
            entry = self._entries[draft.source.entry]
            number = by_number.get(numbers[draft.source.entry])
            claims.append(
                Claim.of_one_number(
                    draft.source, entry, number, is_searched=entry.search in identifiers(draft)
                )
            )
        searched = {place: by_number[search] for place, search in searches.items() if search in by_number}
        return decide(self._work, kind, claims, owners, searched)


def _places(movement: MovementRow) -> list[int]:
    return [place for place in (movement.bed_id, movement.room_id, movement.uh_id) if place is not None]


class Existing:
    """The stays of a window as they were before."""

    def __init__(
        self,
        venues: Mapping[int, VenueRow],
        movements: Sequence[StoredMovement],
        moved: Sequence[StoredMovement],
        place_kinds: Mapping[int, str],
    ) -> None:
        self.venues = venues
        self.movements = {movement.row.id: movement for movement in (*moved, *movements)}
        """Movements by id, including those of other venues that move here."""
        self.moved = moved
        """The movements that move here from venues outside of the window."""
        self._place_kinds = place_kinds
        self._of_venue: dict[int, list[StoredMovement]] = {}
        for movement in movements:
            self._of_venue.setdefault(movement.row.venue_id, []).append(movement)

    def shown_venue(self, venue_id: int) -> VenueRow:
        """Return a venue as an export shows it, with its class and activity."""
        return projection.venue(self.venues[venue_id], self._active(venue_id))

    def kept(self, venue_id: int) -> list[StayMovement]:
        """Return the active movements of a venue, with the classes that they show."""
        if venue_id not in self._of_venue:
            return []
        venue, active = self.venues[venue_id], self._active(venue_id)
        rows = projection.movements(venue, active, self._place_kinds)
        return [
            StayMovement(
                row._replace(patient_class=class_),
                active=True,
                draft=None,
                derived=self.movements[row.id].derived,
            )
            for row, class_ in zip(rows, projection.classes(venue, active), strict=True)
        ]

    def derived(self, venue_id: int) -> list[MovementRow]:
        """Return the movements that were derived from a venue's summary."""
        return [movement.row for movement in self._of_venue.get(venue_id, ()) if movement.derived]

    def has_real(self, venue_id: int) -> bool:
        """Return whether a venue has an active movement that was not derived."""
        return any(
            movement.state == codes.ACTIVE and not movement.derived
            for movement in self._of_venue.get(venue_id, ())
        )

    def refined(self, venue_id: int, draft: VenueDraft) -> VenueDraft:
        """Return a venue's draft, with instants that are already known more precisely."""
        summary, venue = draft.summary, self.venues.get(venue_id)
        if venue is None or (summary.start_reach is None and summary.end_reach is None):
            return draft
        stay = fold(venue, self._active(venue_id))
        period = Interval(
            refined(summary.period.start, summary.start_reach, stay.start),
            refined(summary.period.end, summary.end_reach, stay.end),
        )
        expected = draft.expected_admit_at
        if expected is not None:
            expected = refined(expected, summary.start_reach, venue.expected_admit_at)
        return draft._replace(summary=summary._replace(period=period), expected_admit_at=expected)

    def refined_movement(self, row: MovementRow, draft: MovementDraft) -> MovementRow:
        """Return a movement's row, with its instant if that is already known more precisely."""
        stored = self.movements.get(row.id)
        known = None if stored is None else stored.row.started_at
        started_at = refined(row.started_at, draft.start_reach, known)
        return row if started_at is None else row._replace(started_at=started_at)

    def merged(self, venue_id: int, stay: SettledStay) -> tuple[VenueRow, list[StayMovement]]:
        """Return the rows to write for a stay: changed values, and the others as they were."""
        venue = self.venues.get(venue_id)
        if venue is None and not any(movement.row.id in self.movements for movement in stay.movements):
            return stay.venue, list(stay.movements)
        active = self._active(venue_id)
        shown = (
            {movement.id: movement for movement in projection.movements(venue, active, self._place_kinds)}
            if venue
            else {}
        )
        active_rows = [movement.row for movement in stay.movements if movement.active]
        same_classes = (
            venue is not None
            and [movement.id for movement in active_rows] == [movement.id for movement in active]
            and stay.venue.patient_class == projection.venue(venue, active).patient_class
            and all(movement.patient_class == shown[movement.id].patient_class for movement in active_rows)
        )
        movements = []
        for movement in stay.movements:
            stored = self.movements.get(movement.row.id)
            if stored is not None:
                row = merged(stored.row, shown.get(movement.row.id, stored.row), movement.row)
                if not same_classes:
                    row = row._replace(patient_class=movement.row.patient_class)
                movements.append(movement._replace(row=row))
            else:
                movements.append(movement)
        if venue is None:
            return stay.venue, movements
        new_venue = merged(venue, projection.venue(venue, active), stay.venue)
        if not same_classes:
            new_venue = new_venue._replace(patient_class=stay.venue.patient_class)
        return new_venue, movements

    def _active(self, venue_id: int) -> Sequence[MovementRow]:
        rows = [
            movement.row for movement in self._of_venue.get(venue_id, ()) if movement.state == codes.ACTIVE
        ]
        return in_order(rows)
