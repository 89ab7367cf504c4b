"""Reads a whole import without a database: references are numbered as they come."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

from fhirexport_server.domain.rows import MovementRow, VenueRow
from fhirexport_server.fhir.reading.bundles.bundle import Bundle
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry
from fhirexport_server.fhir.reading.datatypes.references import Ref
from fhirexport_server.fhir.reading.json.problems import Problems
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext
from fhirexport_server.fhir.reading.resources.dispatch import draft
from fhirexport_server.fhir.reading.resources.drafts import (
    Draft,
    EjDraft,
    MovementDraft,
    OrgUnitDraft,
    PatientDraft,
    PlaceDraft,
    VenueDraft,
)
from fhirexport_server.fhir.reading.together.directory import Directory
from fhirexport_server.fhir.reading.together.draft_rows import row
from fhirexport_server.fhir.reading.together.inference import infer
from fhirexport_server.fhir.reading.together.summaries import StayMovement
from fhirexport_server.fhir.reading.together.whole_stays import settle

_D = TypeVar("_D", bound=Draft)
_REFERENCES = ("uf_heb", "uf_med", "uf_care", "uh", "room", "bed")


class _Names(dict[object, int]):
    """A number for each thing that references name, so that rows can be made of them."""

    def of(self, ref: Ref | None) -> int | None:
        return None if ref is None else self.setdefault(ref.own or ref.key or ref.identifier, len(self) + 1)


class Stay(NamedTuple):
    """A venue with its movements."""

    venue: VenueDraft
    movements: Sequence[MovementDraft]


class Import(NamedTuple):
    """What is to be written, by table; parents are not before children. References are not resolved."""

    directory: Directory
    """Finds the drafts that references name."""
    ejs: Sequence[EjDraft]
    """One at most, unless that was reported."""
    units: Sequence[OrgUnitDraft]
    places: Sequence[PlaceDraft]
    patients: Sequence[PatientDraft]
    stays: Sequence[Stay]
    """Every venue with the movements of this import."""
    movements: Sequence[MovementDraft]
    """Those whose venue is none of this import, as they were read: `settle` wants all of a venue's."""


def read(bundle: Bundle, context: ReadingContext, problems: Problems) -> Import:
    """Reads every resource of a Bundle. Drafts that were refused are not in it."""
    return gather(drafts(bundle.entries, context, problems), problems)


def drafts(entries: Iterable[BundleEntry], context: ReadingContext, problems: Problems) -> list[Draft]:
    """Reads the resources of entries; deletions, and what is refused, give no draft."""
    read_ = (draft(entry, context, problems) for entry in entries)
    return [one for one in read_ if one is not None]


def gather(found: Sequence[Draft], problems: Problems) -> Import:
    """Sorts drafts by kind, puts movements to their venues, and reports what cannot be together."""
    directory = Directory(found)
    directory.check(problems)
    of_venue: dict[int, list[MovementDraft]] = {}
    loose = []
    for movement in _of(MovementDraft, found):
        venues = directory.find(movement.venue, (VenueDraft,))
        if len(venues) == 1 and isinstance(venues[0], VenueDraft):
            of_venue.setdefault(venues[0].source.entry, []).append(movement)
        else:
            loose.append(movement)
    settled = [
        _settled(venue, of_venue.get(venue.source.entry, ()), problems) for venue in _of(VenueDraft, found)
    ]
    return Import(
        directory=directory,
        ejs=_of(EjDraft, found),
        units=_of(OrgUnitDraft, found),
        places=_of(PlaceDraft, found),
        patients=_of(PatientDraft, found),
        stays=[stay for stay in settled if stay is not None],
        movements=loose,
    )


def _of(kind: type[_D], found: Sequence[Draft]) -> list[_D]:
    return [one for one in found if isinstance(one, kind)]


def _settled(venue: VenueDraft, movements: Sequence[MovementDraft], problems: Problems) -> Stay | None:
    names = _Names()
    late = 2**62
    told = [
        StayMovement(
            row(
                MovementRow,
                one,
                id=late + one.source.entry if one.source.own is None else one.source.own.number,
                venue_id=0,
                **{f"{name}_id": names.of(getattr(one, name)) for name in _REFERENCES},
            ),
            one.state == "active",
            one,
        )
        for one in movements
    ]
    venue_row = row(VenueRow, venue, id=0, patient_id=0)
    stay = settle(venue_row, venue, infer(venue_row, venue, told), names.of, problems)
    if stay is None:
        return None
    return Stay(
        venue._replace(patient_class=stay.venue.patient_class, activity_type=stay.venue.activity_type),
        [
            one.draft._replace(patient_class=one.row.patient_class)
            for one in stay.movements
            if one.draft is not None
        ],
    )
