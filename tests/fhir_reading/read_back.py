"""Reads an export back, and turns what was read into rows again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from fhir_reading.gathering import Import, drafts, gather, read
from fhir_reading.hospital_rows import BASE, EjRows
from fhirexport_server.domain.datasets import Format
from fhirexport_server.domain.rows import (
    EjRow,
    MovementRow,
    OrgMemberRow,
    OrgUnitRow,
    PatientContactRow,
    PatientIdentifierRow,
    PatientRow,
    PlaceRow,
    Rendered,
    VenueRow,
)
from fhirexport_server.fhir.reading.bundles.bundle import bundle, line
from fhirexport_server.fhir.reading.datatypes.references import Ref
from fhirexport_server.fhir.reading.json.problems import Problem, Problems
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext
from fhirexport_server.fhir.reading.resources.drafts import DraftOrigin, MovementDraft
from fhirexport_server.formats.chunker import Chunker, in_positions
from fhirexport_server.formats.layout import layout

R = TypeVar("R", bound=tuple[Any, ...])


def laid_out(resources: Iterable[Rendered], wanted: Format) -> bytes:
    chunks = Chunker(layout(wanted, BASE)).chunks(in_positions(resources))
    return b"".join(chunk.text() for chunk in chunks)


def read_back(content: bytes, wanted: Format, systems: Mapping[str, str]) -> tuple[Import, list[Problem]]:
    """Reads a whole export, in its format."""
    problems = Problems()
    context = ReadingContext(BASE, systems)
    if wanted is Format.NDJSON:
        lines = [line(one, place, context, problems) for place, one in enumerate(content.splitlines())]
        found = gather(drafts([one for one in lines if one is not None], context, problems), problems)
    else:
        whole = bundle(content, context, problems)
        assert whole is not None
        found = read(whole, context, problems)
    return found, problems.listed()


def rows_of(found: Import, template: EjRows) -> EjRows:
    """Turns what was read into rows; what no resource says comes from the template."""
    units: dict[int | None, str] = {_own(unit.source): unit.kind for unit in found.units}
    places: dict[int | None, str] = {_own(place.source): place.kind for place in found.places}
    (ej,) = [_row(EjRow, ej, time_zone=ej.time_zone or "Europe/Paris") for ej in found.ejs] or [template.ej]
    return template._replace(
        ej=ej,
        units=[
            _row(
                OrgUnitRow,
                unit,
                parent_id=_unit(unit.parent),
                parent_kind=units.get(_unit(unit.parent)),
                depth=1,
            )
            for unit in found.units
        ],
        members=[
            OrgMemberRow(_own(unit.source), _number(member), units[_number(member)])
            for unit in found.units
            for member in unit.members
        ],
        places=[
            _row(
                PlaceRow,
                place,
                parent_id=place.parent and _number(place.parent),
                parent_kind=place.parent and places.get(_number(place.parent)),
                depth=1,
                uf_id=_unit(place.uf),
                uf_kind=units.get(_unit(place.uf)),
            )
            for place in found.places
        ],
        patients=[
            _row(PatientRow, patient, merged_into_id=patient.merged_into and _number(patient.merged_into))
            for patient in found.patients
        ],
        identifiers=[
            _row(PatientIdentifierRow, one, patient_id=_own(patient.source))
            for patient in found.patients
            for one in patient.identifiers
        ],
        contacts=[
            _row(PatientContactRow, one, patient_id=_own(patient.source))
            for patient in found.patients
            for one in patient.contacts
        ],
        venues=[_row(VenueRow, stay.venue, patient_id=_number(stay.venue.patient)) for stay in found.stays],
        movements=[
            _row(
                MovementRow,
                one,
                venue_id=_number(one.venue),
                **{f"{name}_id": ref and _number(ref) for name, ref in _references(one)},
            )
            for stay in found.stays
            for one in stay.movements
        ],
    )


def _references(movement: MovementDraft) -> list[tuple[str, Ref | None]]:
    return [(name, getattr(movement, name)) for name in ("uf_heb", "uf_med", "uf_care", "uh", "room", "bed")]


def _row(row_type: type[R], draft: NamedTuple, **given: Any) -> R:
    fields: Sequence[str] = row_type._fields  # type: ignore[attr-defined]  # every row type is a NamedTuple
    values = draft._asdict() | given
    if "id" in fields:
        values["id"] = _own(values["source"])
    return row_type(*(values[name] for name in fields))


def _own(source: DraftOrigin) -> int:
    assert source.own is not None
    return source.own.number


def _number(ref: Ref) -> int:
    assert ref.own is not None
    return ref.own.number


def _unit(ref: Ref | None) -> int | None:
    """The number of a unit; None for the EJ."""
    return None if ref is None or ref.own is None or ref.own.kind == "EJ" else ref.own.number
