"""Owns which rows Encounters are, and the stays that there were before."""

from collections.abc import Iterable, Mapping, Sequence

from fhirexport_server.domain import codes
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
from fhirexport_server.imports.resolve.identity import Claim, Identities, claimed_ids, decide
from fhirexport_server.imports.stages.merging import merged
from fhirexport_server.imports.work import Work
from fhirexport_server.pam.fold import fold
from fhirexport_server.pam.movement_order import in_order
from fhirexport_server.store.importing.lookups import StoredMovement

_NOBODY = 0
"""As the EJ of a row: the id is not free."""


class Encounters:
    """Decides which rows the Encounters of a window are."""

    def __init__(self, work: Work, entries: Mapping[int, BundleEntry]) -> None:
        self._work = work
        self._entries = entries

    def venues(self, drafts: Sequence[VenueDraft]) -> Identities:
        """Decides which venues they are."""
        work = self._work
        numbers = {one.source.entry: one.venue_no for one in drafts}
        searches = self._searches(drafts, "VENUE")
        wanted = list({*numbers.values(), *searches.values()})
        return self._decide(
            Kind.VENUE, drafts, numbers, searches, work.writing.look.venues_by_number(work.ej.id, wanted)
        )

    def movements(self, drafts: Sequence[MovementDraft]) -> Identities:
        """Decides which movements they are."""
        work = self._work
        numbers = {one.source.entry: one.movement_no for one in drafts}
        searches = self._searches(drafts, "MOVEMENT")
        wanted = list({*numbers.values(), *searches.values()})
        by_number = work.writing.look.movements_by_number(work.ej.id, wanted)
        return self._decide(Kind.MOVEMENT, drafts, numbers, searches, by_number)

    def existing(self, venues: Iterable[int], movements: Identities) -> "Existing":
        """Returns the stays as they were before."""
        look, ej_id = self._work.writing.look, self._work.ej.id
        numbers = list(venues)
        there = look.movements_of(ej_id, numbers)
        ids = {one.row.id for one in there}
        # A movement can come from another venue.
        others = [number for number in movements.ids.values() if number not in ids]
        moved = look.movements(ej_id, others) if len(movements.new) < len(movements.ids) else []
        return Existing(look.venues(ej_id, numbers), there, moved, self._work.structure.place_kinds)

    def _searches(self, drafts: Sequence[VenueDraft] | Sequence[MovementDraft], kind: str) -> dict[int, str]:
        """Returns the numbers that entries search for, by entry."""
        found = {}
        for one in drafts:
            search = self._entries[one.source.entry].search
            if search is not None and search[0] == self._work.systems.get(kind):
                found[one.source.entry] = search[1]
        return found

    def _decide(
        self,
        kind: Kind,
        drafts: Sequence[VenueDraft] | Sequence[MovementDraft],
        numbers: Mapping[int, str],
        searches: Mapping[int, str],
        by_number: Mapping[str, int],
    ) -> Identities:
        own = claimed_ids((one.source for one in drafts), self._entries)
        owners = self._work.writing.look.owners(kind, own)
        if kind is Kind.MOVEMENT:
            # The id of a movement that was derived is taken, but not by one that a sender knows.
            owners |= dict.fromkeys(self._work.writing.look.derived(own), _NOBODY)
        claims = []
        for one in drafts:
            entry = self._entries[one.source.entry]
            number = by_number.get(numbers[one.source.entry])
            claims.append(
                Claim.of_one_number(one.source, entry, number, is_searched=entry.search in identifiers(one))
            )
        found = {place: by_number[search] for place, search in searches.items() if search in by_number}
        return decide(self._work, kind, claims, owners, found)


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
        self.movements = {one.row.id: one for one in (*moved, *movements)}
        """By id, those of other venues too that are to move here."""
        self._place_kinds = place_kinds
        self._of_venue: dict[int, list[StoredMovement]] = {}
        for one in movements:
            self._of_venue.setdefault(one.row.venue_id, []).append(one)

    def shown_venue(self, number: int) -> VenueRow:
        """Returns what is shown of a venue, with the class and the activity that it shows."""
        return projection.venue(self.venues[number], self._active(number))

    def kept(self, number: int) -> list[StayMovement]:
        """Returns the active movements of a venue, with the classes that they show."""
        if number not in self._of_venue:
            return []
        venue, active = self.venues[number], self._active(number)
        rows = projection.movements(venue, active, self._place_kinds)
        return [
            StayMovement(
                one._replace(patient_class=class_),
                active=True,
                draft=None,
                derived=self.movements[one.id].derived,
            )
            for one, class_ in zip(rows, projection.classes(venue, active), strict=True)
        ]

    def derived(self, number: int) -> list[MovementRow]:
        """Returns the movements of a venue that were derived of its summary."""
        return [one.row for one in self._of_venue.get(number, ()) if one.derived]

    def has_real(self, number: int) -> bool:
        """Returns whether a venue has an active movement that was not derived."""
        return any(one.state == codes.ACTIVE and not one.derived for one in self._of_venue.get(number, ()))

    def refined(self, number: int, draft: VenueDraft) -> VenueDraft:
        """Returns what is said of a venue, with the instants that are known already and it says less of."""
        said, venue = draft.summary, self.venues.get(number)
        if venue is None or (said.start_reach is None and said.end_reach is None):
            return draft
        stay = fold(venue, self._active(number))
        period = Interval(
            refined(said.period.start, said.start_reach, stay.start),
            refined(said.period.end, said.end_reach, stay.end),
        )
        expected = draft.expected_admit_at
        if expected is not None:
            expected = refined(expected, said.start_reach, venue.expected_admit_at)
        return draft._replace(summary=said._replace(period=period), expected_admit_at=expected)

    def refined_movement(self, row: MovementRow, draft: MovementDraft) -> MovementRow:
        """Returns a movement's row, likewise."""
        was = self.movements.get(row.id)
        known = None if was is None else was.row.started_at
        at = refined(row.started_at, draft.start_reach, known)
        return row if at is None else row._replace(started_at=at)

    def merged(self, number: int, stay: SettledStay) -> tuple[VenueRow, list[StayMovement]]:
        """Returns what is to be written of a stay: what was changed, and the rest as it was."""
        venue = self.venues.get(number)
        if venue is None and not any(one.row.id in self.movements for one in stay.movements):
            return stay.venue, list(stay.movements)
        active = self._active(number)
        seen = (
            {one.id: one for one in projection.movements(venue, active, self._place_kinds)} if venue else {}
        )
        written = [one.row for one in stay.movements if one.active]
        same_classes = (
            venue is not None
            and [one.id for one in written] == [one.id for one in active]
            and stay.venue.patient_class == projection.venue(venue, active).patient_class
            and all(one.patient_class == seen[one.id].patient_class for one in written)
        )
        told = []
        for one in stay.movements:
            was = self.movements.get(one.row.id)
            if was is not None:
                new = merged(was.row, seen.get(one.row.id, was.row), one.row)
                if not same_classes:
                    new = new._replace(patient_class=one.row.patient_class)
                told.append(one._replace(row=new))
            else:
                told.append(one)
        if venue is None:
            return stay.venue, told
        new_venue = merged(venue, projection.venue(venue, active), stay.venue)
        if not same_classes:
            new_venue = new_venue._replace(patient_class=stay.venue.patient_class)
        return new_venue, told

    def _active(self, number: int) -> Sequence[MovementRow]:
        rows = [one.row for one in self._of_venue.get(number, ()) if one.state == codes.ACTIVE]
        return in_order(rows)
