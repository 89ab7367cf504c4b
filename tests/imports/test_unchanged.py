"""Shows that lines which say what is there already are not read, and that this makes no difference."""

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from random import Random

import pytest
from fhirexport_server.fhir.reading.json.problems import Problems
from fhirexport_server.imports.resolve import unchanged
from fhirexport_server.imports.resolve.unchanged import Unchanged
from fhirexport_server.imports.sources import ndjson
from fhirexport_server.imports.sources.line_files import Line
from fhirexport_server.imports.stages import structure
from fhirexport_server.imports.work import Work
from fhirexport_server.store.database import Database
from imports.hospital import EJ, Hospital, Resource
from support.exporting import BASE
from support.importing import send_lines

pytestmark = pytest.mark.content

SEEDS = 2


def _line(resource: Resource) -> bytes:
    """A line, as an export has it."""
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":")).encode()


def _numbered(groups: Sequence[Sequence[bytes]]) -> list[list[Line]]:
    places = iter(range(10**6))
    return [[(next(places), line) for line in group] for group in groups]


def _stays(hospital: Hospital) -> list[list[bytes]]:
    """The lines of each venue and its movements, as exported."""
    stays: list[list[bytes]] = []
    for one in hospital.resources.values():
        if one["id"].startswith("ven-"):
            stays.append([])
        if one["resourceType"] == "Encounter":
            stays[-1].append(_line(one))
    return stays


def _news(hospital: Hospital, kind: str, *windows: Sequence[Sequence[bytes]]) -> tuple[list[int], int]:
    """Returns the place of the first line of each group that is to be read, and how many lines counted."""
    with Database.open(hospital.url, imports=1) as database, database.importing() as writing:
        ej = writing.look.ej(EJ)
        assert ej is not None
        work = Work(writing, Problems(), BASE, ej, is_new=False, is_atomic=False)
        structure.run(work, ())
        read = getattr(Unchanged(work), kind)
        left = [group[0][0] for window in windows for group in read(_numbered(window))]
        return left, work.counts.unchanged


async def test_what_an_export_says_is_not_read(hospital: Hospital) -> None:
    patients = [[_line(one)] for one in hospital.resources.values() if one["resourceType"] == "Patient"]
    stays = _stays(hospital)

    assert _news(hospital, "patients", patients) == ([], len(patients))
    assert _news(hospital, "stays", stays) == ([], sum(map(len, stays)))
    assert _news(hospital, "stays", [stay[:1] for stay in stays]) == ([], len(stays))


async def test_what_differs_in_any_byte_is_read(hospital: Hospital) -> None:
    patients = [[_line(one)] for one in hospital.resources.values() if one["resourceType"] == "Patient"]
    patients[3] = [patients[3][0].replace(b'"gender"', b' "gender"')]
    patients[5] = [_line(dict(reversed(json.loads(patients[5][0]).items())))]
    patients[7] = [_line(json.loads(patients[7][0]) | {"id": "pat-999999"})]

    assert _news(hospital, "patients", patients) == ([3, 5, 7], len(patients) - 3)

    stays = _stays(hospital)
    whole = next(number for number, stay in enumerate(stays) if len(stay) > 2)
    first = sum(map(len, stays[:whole]))
    stays[whole][1] = stays[whole][1].replace(b'"period"', b'"language":"fr","period"')
    assert _news(hospital, "stays", stays) == ([first], sum(map(len, stays)) - len(stays[whole]))
    stays[whole] = stays[whole][1:]
    assert _news(hospital, "stays", stays)[0] == [first], "movements without their venue"


async def test_what_the_import_has_already_is_read(hospital: Hospital) -> None:
    patient = _line(hospital.first("Patient"))

    assert _news(hospital, "patients", [[patient], [patient]]) == ([0, 1], 0)
    assert _news(hospital, "patients", [[patient]], [[patient]]) == ([0], 1)


async def test_a_row_that_was_written_otherwise_meanwhile_is_read(hospital: Hospital) -> None:
    patient = hospital.first("Patient")
    await hospital.stream(patient | {"gender": "other" if patient["gender"] != "other" else "male"})

    assert _news(hospital, "patients", [[_line(patient)]]) == ([0], 0)
    assert _news(hospital, "patients", [[_line((await hospital.now())[patient["id"]])]]) == ([], 1)


Change = Callable[[Resource, list[Resource], Random], list[Resource]]
"""Makes something else of a resource, knowing all others of its type."""


def _birth_date(one: Resource, _others: list[Resource], _drawn: Random) -> list[Resource]:
    return [one | {"birthDate": "1970-01-02"}]


def _number(one: Resource, others: list[Resource], drawn: Random) -> list[Resource]:
    return [one | {"identifier": drawn.choice(others)["identifier"]}]


def _status(one: Resource, _others: list[Resource], drawn: Random) -> list[Resource]:
    return [one | {"status": drawn.choice(["finished", "in-progress", "planned", "cancelled"])}]


def _moved(one: Resource, others: list[Resource], drawn: Random) -> list[Resource]:
    venue = drawn.choice([other["id"] for other in others if "partOf" not in other])
    return [one | {"partOf": {"reference": f"Encounter/{venue}"}}] if "partOf" in one else [one]


def _without_id(one: Resource, _others: list[Resource], _drawn: Random) -> list[Resource]:
    return [{name: value for name, value in one.items() if name != "id"}]


def _with_language(one: Resource, _others: list[Resource], _drawn: Random) -> list[Resource]:
    return [one | {"language": "fr"}]


def _turned(one: Resource, _others: list[Resource], _drawn: Random) -> list[Resource]:
    return [dict(reversed(one.items()))]


def _left_out(_one: Resource, _others: list[Resource], _drawn: Random) -> list[Resource]:
    return []


def _twice(one: Resource, _others: list[Resource], _drawn: Random) -> list[Resource]:
    return [one, one]


def _contradicted(one: Resource, _others: list[Resource], _drawn: Random) -> list[Resource]:
    return [one, one | {"language": "fr"}]


_ALL: list[Change] = [_without_id, _with_language, _turned, _left_out, _twice, _contradicted]
_CHANGES: dict[str, list[Change]] = {
    "Patient": [*_ALL, _birth_date, _number],
    "Encounter": [*_ALL, _status, _moved, _number],
}


def _changed(hospital: Hospital, drawn: Random, types: Sequence[str]) -> bytes:
    """Lines of the hospital's export, of which one in ten of these types is something else."""
    by_type: dict[str, list[Resource]] = {}
    for one in hospital.resources.values():
        by_type.setdefault(one["resourceType"], []).append(one)
    lines: list[bytes] = []
    for one in deepcopy(list(hospital.resources.values())):
        type_ = one["resourceType"]
        becomes = [one]
        if type_ in types and drawn.random() < 0.1:
            becomes = drawn.choice(_CHANGES[type_])(one, by_type[type_], drawn)
        lines += map(_line, becomes)
    if drawn.random() < 0.5:
        drawn.shuffle(lines)
    return b"\n".join(lines)


@pytest.mark.parametrize("types", [("Patient",), ("Encounter",), ("Patient", "Encounter")])
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_an_import_says_and_does_the_same_where_all_lines_are_read(
    hospital: Hospital, seed: int, types: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = Random(f"{seed} {types}")
    content = _changed(hospital, drawn, types)
    # In larger windows, lines that are read no longer stand beside those that are not.
    monkeypatch.setattr(ndjson, "WINDOW", 1)
    monkeypatch.setattr(unchanged, "SAMPLE", drawn.choice([1, 50]))
    trial = await send_lines(hospital.importer, content, ej_id=EJ, validate_only=True)
    with monkeypatch.context() as patched:
        for name in ("patients", "stays"):
            patched.setattr(Unchanged, name, lambda _self, groups: groups)
        everything_read = await send_lines(hospital.importer, content, ej_id=EJ, validate_only=True)

    assert trial == everything_read
    assert trial.unchanged > 0
    done = await send_lines(hospital.importer, content, ej_id=EJ)
    assert replace(done, revisions=(), committed_at=None) == trial
