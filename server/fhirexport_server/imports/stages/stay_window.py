"""Combines the Encounters of one window into stays, and resolves their references."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from fhirexport_server.domain import codes
from fhirexport_server.domain.rows import MovementRow, VenueRow
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry
from fhirexport_server.fhir.reading.datatypes.references import Ref
from fhirexport_server.fhir.reading.resources.drafts import Draft, MovementDraft, VenueDraft
from fhirexport_server.fhir.reading.together import inference, whole_stays
from fhirexport_server.fhir.reading.together.directory import Directory
from fhirexport_server.fhir.reading.together.draft_rows import row
from fhirexport_server.fhir.reading.together.summaries import StayMovement
from fhirexport_server.imports import limits
from fhirexport_server.imports.kinds import Kind
from fhirexport_server.imports.resolve.same_rows import Identities
from fhirexport_server.imports.resolve.targets import Targets
from fhirexport_server.imports.stages import derived_stays
from fhirexport_server.imports.stages.encounters import Existing
from fhirexport_server.imports.work import Work
from fhirexport_server.pam.derivation import is_derived_number
from fhirexport_server.store.importing.lookups import StoredMovement

_UNITS: Final = ("uf_heb", "uf_med", "uf_care")
_PLACES: Final = ("uh", "room", "bed")
_NONE: Final = (
    "must name a {kind} of this legal entity, by id or by number, that is there or is imported as well"
)
_LAST_MOVEMENT: Final = (
    "must be the venue that the movement belongs to, which has no other one: send that venue as well, as what"
    " it is without this movement, or a number of its own for this one"
)
_OTHER_PATIENT: Final = "must be the patient of the venue that it is part of"
_STAY: Final = "is not written, because the stay that it belongs to is refused"


def _is_active(movement: StoredMovement) -> bool:
    return movement.state == codes.ACTIVE


class _Venue(NamedTuple):
    """A venue of the window."""

    draft: VenueDraft
    row: VenueRow


class StayWindow:
    """The stays of one window of Encounters."""

    def __init__(
        self,
        work: Work,
        entries: Sequence[BundleEntry],
        venues: Sequence[VenueDraft],
        movements: Sequence[MovementDraft],
    ) -> None:
        self._work = work
        self._venues = venues
        self._movements = movements
        self._near = Directory(venues)
        read = {draft.source.entry for draft in venues} | {draft.source.entry for draft in movements}
        self._unread = {name for entry in entries if entry.place not in read for name in entry.names}
        self._targets = Targets(work, self._references())
        self._venue_of: dict[int, int] = {}
        self.sent_venues: dict[int, _Venue] = {}
        """The imported venues of the window, by id."""

    @property
    def numbers(self) -> set[int]:
        """The ids of all venues of the window, imported themselves or not."""
        return {*self.sent_venues, *self._venue_of.values()}

    def place_venues(self, identities: Identities) -> None:
        """Resolve the references of the venues."""
        for draft in self._work.kept(self._venues):
            place = draft.source.entry
            if place in identities.left:
                continue
            patient = self._targets.find(draft.patient, Kind.PATIENT)
            if patient is None:
                self._refuse(draft, draft.patient, Kind.PATIENT)
            else:
                venue_id = identities.ids[place]
                self.sent_venues[venue_id] = _Venue(
                    draft, row(VenueRow, draft, id=venue_id, patient_id=patient)
                )

    def find_venues(self, identities: Identities, room_for_waiting: int | None) -> set[int]:
        """Find the venue of each movement.

        Args:
            identities: The rows of the venues of the window.
            room_for_waiting: How many more movements may wait for later venues; None in the last window.

        Returns:
            The entries of the movements that wait.
        """
        waiting: set[int] = set()
        refused = self._work.problems.refused
        for draft in self._work.kept(self._movements):
            venues = self._near.find(draft.venue, (VenueDraft,))
            venue_id: int | None = None
            if venues:
                place = venues[0].source.entry
                venue_id = None if place in refused or len(venues) > 1 else identities.ids.get(place)
                if not self._targets.agrees(draft.venue, Kind.VENUE, venue_id):
                    venue_id = None
            elif draft.venue.key not in self._unread:
                venue_id = self._targets.find(draft.venue, Kind.VENUE)
                if venue_id is None and room_for_waiting is not None and self._targets.may_come(draft.venue):
                    if len(waiting) < room_for_waiting:
                        waiting.add(draft.source.entry)
                    else:
                        self._work.refuse(draft.source, draft.venue.at, limits.WAITING)
                    continue
            if venue_id is None:
                self._refuse(draft, draft.venue, Kind.VENUE)
            else:
                self._venue_of[draft.source.entry] = venue_id
        return waiting

    def refuse_last_movements(self, identities: Identities, existing: Existing) -> None:
        """Refuse to move the last active movement of a venue elsewhere: nobody says that it was cancelled."""
        moving = {stored.row.id: stored.row.venue_id for stored in existing.moved if _is_active(stored)}
        if not moving:
            return
        look, ej_id = self._work.writing.look, self._work.ej.id
        stored = look.movements_of(ej_id, list(set(moving.values())))
        left = {one.row.venue_id for one in stored if _is_active(one) and one.row.id not in moving}
        for draft in self._work.kept(self._movements):
            former = moving.get(identities.ids.get(draft.source.entry, 0))
            if former is not None and former not in left:
                self._work.refuse(draft.source, draft.venue.at, _LAST_MOVEMENT)

    def settled(
        self, identities: Identities, existing: Existing
    ) -> Iterator[tuple[int, whole_stays.SettledStay]]:
        """Yield every stay to write, with its venue's id."""
        work = self._work
        taken = set(identities.ids.values())
        for venue_id, sent in self._grouped(identities, existing).items():
            venue = self.sent_venues.get(venue_id)
            kept = [movement for movement in existing.kept(venue_id) if movement.row.id not in taken]
            if sent and len(sent) + len(kept) > limits.MOST_MOVEMENTS:
                self._refuse_stay(venue, sent, limits.LONG_STAY)
                continue
            draft = None if venue is None else existing.refined(venue_id, venue.draft)
            shown = existing.shown_venue(venue_id) if venue is None else venue.row
            if draft is not None and shown.expected_admit_at is not None:
                shown = shown._replace(expected_admit_at=draft.expected_admit_at)
            real = [movement for movement in kept if not movement.derived]
            movements = inference.infer(shown, draft, [*sent, *real])[: len(sent)]
            completed: list[StayMovement] | None = derived_stays.completed(
                work, draft, shown, movements, kept, existing=existing
            )
            if draft is not None and derived_stays.is_summary_alone(movements, kept):
                before = existing.derived(venue_id)
                derived = derived_stays.derived(work, draft, shown, before, self._find)
                completed = None if derived is None else [*movements, *derived]
            stay = (
                None
                if completed is None
                else whole_stays.settle(shown, draft, completed, self._find, work.problems)
            )
            if stay is not None:
                yield venue_id, stay
                continue
            self._refuse_stay(venue, movements, _STAY)

    def _refuse_stay(self, venue: _Venue | None, sent: Sequence[StayMovement], text: str) -> None:
        """Refuse all resources of a stay."""
        drafts: list[Draft | None] = [venue and venue.draft, *(movement.draft for movement in sent)]
        for draft in self._work.kept(draft for draft in drafts if draft is not None):
            self._work.refuse(draft.source, "", text)

    def _grouped(self, identities: Identities, existing: Existing) -> dict[int, list[StayMovement]]:
        """Return the imported movements of each venue of the window."""
        refused = self._work.problems.refused
        movements: dict[int, list[StayMovement]] = {venue_id: [] for venue_id in self.sent_venues}
        for draft in self._movements:
            place = draft.source.entry
            venue_id = self._venue_of.get(place)
            if (
                venue_id is None
                or place in refused
                or place in identities.left
                or place not in identities.ids
            ):
                continue
            venue = self.sent_venues.get(venue_id)
            venue_row = existing.venues.get(venue_id) if venue is None else venue.row
            if venue_row is None:
                self._refuse(draft, draft.venue, Kind.VENUE)
                continue
            movement_row = existing.refined_movement(
                self._row(draft, identities.ids[place], venue_row), draft
            )
            if place not in refused:
                derived = is_derived_number(movement_row.movement_no, venue_row.venue_no)
                movements.setdefault(venue_id, []).append(
                    StayMovement(movement_row, draft.state == codes.ACTIVE, draft, derived)
                )
        return movements

    def _row(self, draft: MovementDraft, number: int, venue: VenueRow) -> MovementRow:
        if draft.patient is not None and self._targets.find(draft.patient, Kind.PATIENT) != venue.patient_id:
            self._work.refuse(draft.source, draft.patient.at, _OTHER_PATIENT)
        ids: dict[str, int | None] = {}
        for names, kind in ((_UNITS, Kind.UNIT), (_PLACES, Kind.PLACE)):
            for name in names:
                ref = getattr(draft, name)
                target = ids[f"{name}_id"] = None if ref is None else self._targets.find(ref, kind)
                if ref is not None and target is None:
                    self._refuse(draft, ref, kind)
        return row(MovementRow, draft, id=number, venue_id=venue.id, **ids)

    def _find(self, ref: Ref) -> int | None:
        return self._targets.find(ref, Kind.UNIT if ref.type == "Organization" else Kind.PLACE)

    def _references(self) -> Iterator[tuple[Ref, Kind]]:
        for venue in self._venues:
            yield venue.patient, Kind.PATIENT
        for movement in self._movements:
            yield movement.venue, Kind.VENUE
            if movement.patient is not None:
                yield movement.patient, Kind.PATIENT
            for names, kind in ((_UNITS, Kind.UNIT), (_PLACES, Kind.PLACE)):
                for name in names:
                    ref = getattr(movement, name)
                    if ref is not None:
                        yield ref, kind

    def _refuse(self, draft: Draft, ref: Ref, kind: Kind) -> None:
        name = "unit" if kind is Kind.UNIT else kind.value
        self._work.refuse(draft.source, ref.at, _NONE.format(kind=name))
