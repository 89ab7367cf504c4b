"""Owns putting the Encounters of one window together: what they name, and which stays they make."""

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
from fhirexport_server.imports.resolve.identity import Identities
from fhirexport_server.imports.resolve.targets import Targets
from fhirexport_server.imports.stages import derived_stays
from fhirexport_server.imports.stages.encounters import Existing
from fhirexport_server.imports.work import Work
from fhirexport_server.pam.derivation import is_derived_number

_UNITS: Final = ("uf_heb", "uf_med", "uf_care")
_PLACES: Final = ("uh", "room", "bed")
_NONE: Final = (
    "must name a {kind} of this legal entity, by id or by number, that is there or is imported as well"
)
_OTHER_PATIENT: Final = "must be the patient of the venue that it is part of"
_STAY: Final = "is not written, because the stay that it belongs to is refused"


class _Venue(NamedTuple):
    """A venue of the window."""

    draft: VenueDraft
    row: VenueRow


class StayWindow:
    """The stays that the Encounters of one window make."""

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
        read = {one.source.entry for one in venues} | {one.source.entry for one in movements}
        self._unread = {name for entry in entries if entry.place not in read for name in entry.names}
        self._targets = Targets(work, self._references())
        self._venue_of: dict[int, int] = {}
        self.told: dict[int, _Venue] = {}
        """The venues of the window, by id."""

    @property
    def numbers(self) -> set[int]:
        """The ids of all venues that the window is about."""
        return {*self.told, *self._venue_of.values()}

    def place_venues(self, who: Identities) -> None:
        """Resolves what the venues name."""
        for one in self._work.kept(self._venues):
            place = one.source.entry
            if place in who.left:
                continue
            patient = self._targets.find(one.patient, Kind.PATIENT)
            if patient is None:
                self._refuse(one, one.patient, Kind.PATIENT)
            else:
                number = who.ids[place]
                self.told[number] = _Venue(one, row(VenueRow, one, id=number, patient_id=patient))

    def find_venues(self, who: Identities, places: int | None) -> set[int]:
        """Finds the venue of each movement.

        Args:
            who: which rows the venues of the window are.
            places: how many movements may wait for venues that may still come; None in the last window.

        Returns the entries of movements that wait.
        """
        waiting: set[int] = set()
        refused = self._work.problems.refused
        for one in self._work.kept(self._movements):
            near = self._near.find(one.venue, (VenueDraft,))
            found: int | None = None
            if near:
                place = near[0].source.entry
                found = None if place in refused or len(near) > 1 else who.ids.get(place)
                if not self._targets.agrees(one.venue, Kind.VENUE, found):
                    found = None
            elif one.venue.key not in self._unread:
                found = self._targets.find(one.venue, Kind.VENUE)
                if found is None and places is not None and self._targets.may_come(one.venue):
                    if len(waiting) < places:
                        waiting.add(one.source.entry)
                    else:
                        self._work.refuse(one.source, one.venue.at, limits.WAITING)
                    continue
            if found is None:
                self._refuse(one, one.venue, Kind.VENUE)
            else:
                self._venue_of[one.source.entry] = found
        return waiting

    def settled(self, who: Identities, existing: Existing) -> Iterator[tuple[int, whole_stays.SettledStay]]:
        """Yields every stay that is to be written, with its venue's id."""
        work = self._work
        taken = set(who.ids.values())
        for number, sent in self._grouped(who, existing).items():
            venue = self.told.get(number)
            kept = [one for one in existing.kept(number) if one.row.id not in taken]
            if sent and len(sent) + len(kept) > limits.MOST_MOVEMENTS:
                self._refuse_stay(venue, sent, limits.LONG_STAY)
                continue
            draft = None if venue is None else existing.refined(number, venue.draft)
            shown = existing.shown_venue(number) if venue is None else venue.row
            if draft is not None and shown.expected_admit_at is not None:
                shown = shown._replace(expected_admit_at=draft.expected_admit_at)
            real = [one for one in kept if not one.derived]
            movements = inference.infer(shown, draft, [*sent, *real])[: len(sent)]
            told: list[StayMovement] | None = derived_stays.completed(
                work, draft, shown, movements, kept, existing=existing
            )
            if draft is not None and derived_stays.is_summary_alone(movements, kept):
                before = existing.derived(number)
                derived = derived_stays.derived(work, draft, shown, before, self._find)
                told = None if derived is None else [*movements, *derived]
            stay = None if told is None else whole_stays.settle(shown, draft, told, self._find, work.problems)
            if stay is not None:
                yield number, stay
                continue
            self._refuse_stay(venue, movements, _STAY)

    def _refuse_stay(self, venue: _Venue | None, sent: Sequence[StayMovement], text: str) -> None:
        """Says of everything of a stay that it is not written."""
        drafts: list[Draft | None] = [venue and venue.draft, *(one.draft for one in sent)]
        for one in self._work.kept(each for each in drafts if each is not None):
            self._work.refuse(one.source, "", text)

    def _grouped(self, who: Identities, existing: Existing) -> dict[int, list[StayMovement]]:
        """Returns the movements of each venue of the window."""
        refused = self._work.problems.refused
        found: dict[int, list[StayMovement]] = {number: [] for number in self.told}
        for one in self._movements:
            place = one.source.entry
            number = self._venue_of.get(place)
            if number is None or place in refused or place in who.left or place not in who.ids:
                continue
            venue = self.told.get(number)
            venue_row = existing.venues.get(number) if venue is None else venue.row
            if venue_row is None:
                self._refuse(one, one.venue, Kind.VENUE)
                continue
            made = existing.refined_movement(self._row(one, who.ids[place], venue_row), one)
            if place not in refused:
                derived = is_derived_number(made.movement_no, venue_row.venue_no)
                found.setdefault(number, []).append(
                    StayMovement(made, one.state == codes.ACTIVE, one, derived)
                )
        return found

    def _row(self, draft: MovementDraft, number: int, venue: VenueRow) -> MovementRow:
        if draft.patient is not None and self._targets.find(draft.patient, Kind.PATIENT) != venue.patient_id:
            self._work.refuse(draft.source, draft.patient.at, _OTHER_PATIENT)
        found: dict[str, int | None] = {}
        for names, kind in ((_UNITS, Kind.UNIT), (_PLACES, Kind.PLACE)):
            for name in names:
                ref = getattr(draft, name)
                target = found[f"{name}_id"] = None if ref is None else self._targets.find(ref, kind)
                if ref is not None and target is None:
                    self._refuse(draft, ref, kind)
        return row(MovementRow, draft, id=number, venue_id=venue.id, **found)

    def _find(self, ref: Ref) -> int | None:
        return self._targets.find(ref, Kind.UNIT if ref.type == "Organization" else Kind.PLACE)

    def _references(self) -> Iterator[tuple[Ref, Kind]]:
        for venue in self._venues:
            yield venue.patient, Kind.PATIENT
        for one in self._movements:
            yield one.venue, Kind.VENUE
            if one.patient is not None:
                yield one.patient, Kind.PATIENT
            for names, kind in ((_UNITS, Kind.UNIT), (_PLACES, Kind.PLACE)):
                for name in names:
                    ref = getattr(one, name)
                    if ref is not None:
                        yield ref, kind

    def _refuse(self, draft: Draft, ref: Ref, kind: Kind) -> None:
        name = "unit" if kind is Kind.UNIT else kind.value
        self._work.refuse(draft.source, ref.at, _NONE.format(kind=name))
