"""Owns reading a whole import: every entry's draft, and what they say together."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

from fhirexport_server.fhir.reading.bundle import Bundle
from fhirexport_server.fhir.reading.context import ReadingContext
from fhirexport_server.fhir.reading.directory import Directory
from fhirexport_server.fhir.reading.drafts import (
    Draft,
    EjDraft,
    MovementDraft,
    OrgUnitDraft,
    PatientDraft,
    PlaceDraft,
    VenueDraft,
)
from fhirexport_server.fhir.reading.entries import Entry
from fhirexport_server.fhir.reading.problems import Problems
from fhirexport_server.fhir.reading.resources import draft
from fhirexport_server.fhir.reading.stays import Stay, settle

_D = TypeVar("_D", bound=Draft)


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


def drafts(entries: Iterable[Entry], context: ReadingContext, problems: Problems) -> list[Draft]:
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
        settle(venue, of_venue.get(venue.source.entry, ()), problems) for venue in _of(VenueDraft, found)
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
