"""Valid resources of every kind, and changes of one thing in them by its path."""

import json
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

from fhir.samples import (
    BASE,
    CONTACT,
    CONTEXT,
    EJ,
    INS,
    IPP,
    PATIENT,
    PLACE,
    QUALIFIED,
    UNIT,
    VENUE,
    movements,
)
from fhir_reading.gathering import Import, drafts, gather, read
from fhirexport_server.domain.rows import OrgMemberRow, Rendered
from fhirexport_server.fhir.reading.bundles.bundle import bundle, line
from fhirexport_server.fhir.reading.json.problems import Problem, Problems
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext
from fhirexport_server.fhir.rendering.patients import patient
from fhirexport_server.fhir.rendering.structure import ej, org_unit, place
from fhirexport_server.fhir.rendering.venues import movements as render_movements
from fhirexport_server.fhir.rendering.venues import venue

READER = ReadingContext(BASE, CONTEXT.systems)
GONE: Any = object()
"""In place of a value: leave the property out."""
Said = tuple[str, str]
"""Severity and expression."""

_STAY = movements("2026-01-10 18:00 A01 bed class:I uf:6000 doctor:Leclerc", "2026-01-12 10:00 A03")
_VENUE = VENUE._replace(
    nda="N1",
    preadmission_no="P1",
    admission_type="C",
    service_discipline="104",
    admit_source="7",
    expected_discharge_on="2026-01-13",
    discharge_disposition="3",
    origin_finess="010780054",
)


def _json(rendered: Rendered) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(rendered.json)
    return found


def valid() -> dict[str, dict[str, Any]]:
    """A valid resource of each sort, by a short name."""
    unit = UNIT._replace(address_line="1 rue X", city="Paris", insee_code="75056", phone="1", short_name="S")
    first, last = render_movements(_VENUE, _STAY, CONTEXT)
    return {
        "ej": _json(ej(EJ._replace(finess="750712184", siren="267500452", opened_on="1990-01-01"))),
        "unit": _json(org_unit(unit, [OrgMemberRow(12, 6000, "UF")], CONTEXT)),
        "eg": _json(
            org_unit(UNIT._replace(id=40, kind="EG", finess="010000024", sae_category="355"), [], CONTEXT)
        ),
        "uf": _json(
            org_unit(
                UNIT._replace(id=6000, kind="UF", parent_id=12, parent_kind="SERVICE", is_heb=True, places=3),
                [],
                CONTEXT,
            )
        ),
        "place": _json(place(PLACE._replace(latitude=46.2, longitude=5.2), CONTEXT)),
        "bed": _json(
            place(PLACE._replace(id=3, kind="BED", parent_id=2, parent_kind="ROOM", phone="1"), CONTEXT)
        ),
        "patient": _json(
            patient(
                PATIENT._replace(nationality="FR", marital_status="M", phone_home="1", city="Lyon"),
                [IPP],
                [CONTACT],
                CONTEXT,
            )
        ),
        "qualified": _json(patient(QUALIFIED, [INS, IPP._replace(patient_id=3)], [], CONTEXT)),
        "venue": _json(venue(_VENUE, _STAY, CONTEXT)),
        "movement": _json(first),
        "discharge": _json(last),
    }


def changed(resource: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Returns the resource with another value at a path, such as `identifier[0].value`."""
    found = deepcopy(resource)
    *way, last = [int(index) if index else name for name, index in re.findall(r"([\w ]+)|\[(\d+)\]", path)]
    inside: Any = found
    for step in way:
        inside = inside[step]
    if value is GONE:
        del inside[last]
    elif isinstance(inside, list) and last == len(inside):
        inside.append(value)
    else:
        inside[last] = value
    return found


def paths(value: dict[str, Any] | list[Any], before: str = "") -> Iterator[str]:
    """Yields the path of everything in a resource."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, inner in items:
        step = f"[{name}]" if isinstance(value, list) else f".{name}"
        path = (before + step).removeprefix(".")
        yield path
        if isinstance(inner, dict | list):
            yield from paths(inner, path)


def problems_of(resource: dict[str, Any]) -> list[Problem]:
    """Reads one resource, and returns what is said of it."""
    problems = Problems()
    entry = line(json.dumps(resource).encode(), 0, READER, problems)
    found = drafts([] if entry is None else [entry], READER, problems)
    assert (found == []) == (problems.errors > 0)
    return problems.listed()


def said_of(resource: dict[str, Any]) -> list[Said]:
    """As `problems_of`: severities and expressions."""
    return [(problem.severity.value, problem.expression) for problem in problems_of(resource)]


def said_of_lines(*resources: dict[str, Any]) -> list[tuple[int | None, str, str]]:
    """Reads resources together, and returns what is said of them, with their places."""
    problems = Problems()
    entries = [line(json.dumps(one).encode(), place, READER, problems) for place, one in enumerate(resources)]
    gather(drafts([one for one in entries if one is not None], READER, problems), problems)
    return [(problem.entry, problem.severity.value, problem.expression) for problem in problems.listed()]


def read_bundle(type_: str, entries: Sequence[object], **more: object) -> tuple[Import | None, list[Said]]:
    """Reads a Bundle, and returns what was read and what is said of it."""
    content = {"resourceType": "Bundle", "type": type_, "entry": entries, **more}
    problems = Problems()
    whole = bundle(json.dumps(content).encode(), READER, problems)
    found = None if whole is None else read(whole, READER, problems)
    return found, [(problem.severity.value, problem.expression) for problem in problems.listed()]
