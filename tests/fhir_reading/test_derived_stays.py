"""A venue's Encounter alone is enough: the movements derived of it make the same Encounter again."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from fhir_reading.hospital_rows import BASE, EjRows, ej_rows
from fhir_reading.valid import valid
from fhirexport_server.domain.codes import PATIENT_CLASS
from fhirexport_server.domain.rows import MovementRow, VenueRow
from fhirexport_server.fhir.reading.bundles.bundle import line
from fhirexport_server.fhir.reading.datatypes.references import Ref
from fhirexport_server.fhir.reading.json.problems import Problems
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext
from fhirexport_server.fhir.reading.resources.dispatch import draft
from fhirexport_server.fhir.reading.resources.drafts import VenueDraft
from fhirexport_server.fhir.reading.together.outlines import outline
from fhirexport_server.fhir.rendering import venues
from fhirexport_server.pam import derivation
from fhirexport_server.pam.fold import Stay
from support.hospitals import random_hospital

CLASS = {fhir: ours for ours, fhir in reversed(PATIENT_CLASS.items())}


def _read(content: bytes) -> VenueDraft:
    problems = Problems()
    context = ReadingContext(BASE)
    entry = line(content, 0, context, problems)
    assert entry is not None
    found = draft(entry, context, problems)
    assert isinstance(found, VenueDraft)
    assert problems.listed() == []
    return found


def _find(ref: Ref) -> int | None:
    return None if ref.own is None else ref.own.number


def _derived(rows: EjRows, venue: VenueRow, stay: Stay) -> Sequence[MovementRow]:
    kinds = rows.context().places
    events = derivation.derive(stay, 2**33)
    return [derivation.row(event, venue, index, index, kinds) for index, event in enumerate(events, start=1)]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.long
def test_any_summary_comes_back_without_its_movements(seed: int) -> None:
    hospitals = (random_hospital(seed * 100 + number) for number in range(30))
    for rows in (valid(rows) for hospital in hospitals for rows in ej_rows(hospital)):
        context = rows.context()
        for venue in rows.venues:
            shown = venues.venue(venue, rows.of_venue(venue), context)
            said = _read(shown.json)

            stay = outline(said, _find, context.places)

            assert isinstance(stay, Stay)
            kept = venue._replace(
                patient_class=CLASS[stay.class_code],
                activity_type=said.activity_type,
                expected_admit_at=said.expected_admit_at,
            )
            again: Any = venues.venue(kept, _derived(rows, kept, stay), context)
            assert msgspec.json.decode(again.json) == msgspec.json.decode(shown.json)
            assert again == shown
