"""Shows that the order in which movements come, and the ids that they get, mean nothing."""

import json
from collections.abc import Callable
from itertools import permutations
from random import Random

import pytest
from fhir.samples import movements
from fhir_reading.hospital_rows import ej_rows
from fhir_reading.valid import valid
from fhirexport_server.domain.rows import MovementRow
from imports.hospital import Hospital, Resource
from support.hospitals import random_hospital
from support.importing import exported, load_rows

FR = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-identifier-type"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
EVENT = "http://localhost:8000/fhir/CodeSystem/movement-event"


def _encounter(system: str, type_: str, number: str, start: str, **more: object) -> Resource:
    identifier = {"type": {"coding": [{"system": FR, "code": type_}]}, "system": system, "value": number}
    return {
        "resourceType": "Encounter",
        "id": f"x-{number}",
        "identifier": [identifier],
        "status": "finished",
        "class": {"system": ACT, "code": "IMP"},
        "period": {"start": start},
        **more,
    }


@pytest.mark.long
async def test_movements_of_one_instant_in_any_order_of_lines(hospital: Hospital) -> None:
    """An admission, a transfer of the same instant and the discharge: the transfer's bed is the last one."""
    venue, movement = hospital.first("Encounter", "ven-"), hospital.first("Encounter", "mvt-")
    beds = [id_ for id_ in hospital.resources if id_.startswith("bed-")][:2]
    sent = hospital.first("Encounter", "ven-") | _encounter(
        venue["identifier"][0]["system"], "VN", "C14V", "2026-03-01T08:00:00+01:00", subject=venue["subject"]
    )
    for name in ("statusHistory", "classHistory", "location", "serviceProvider", "participant", "account"):
        sent.pop(name, None)

    def moved(number: str, event: str, start: str, *places: str) -> Resource:
        return _encounter(
            movement["identifier"][0]["system"],
            "MN",
            number,
            start,
            type=[{"coding": [{"system": EVENT, "code": event}]}],
            partOf={"reference": "Encounter/x-C14V"},
            location=[{"location": {"reference": f"Location/{place}"}} for place in places],
        )

    lines = [
        moved("C14M3", "A03", "2026-03-04T10:00:00+01:00") | {"location": None},
        moved("C14M2", "A02", "2026-03-01T08:00:00+01:00", beds[1]),
        moved("C14M1", "A01", "2026-03-01T08:00:00+01:00", beds[0]),
    ]
    del lines[0]["location"]
    shown = set()
    for permuted in permutations(lines):
        summary = await hospital.stream(sent, *permuted)
        assert summary.errors == 0
        now = list((await hospital.now()).values())
        number = {"value": "C14V"}.items()
        mine = next(one for one in now if "identifier" in one and number <= one["identifier"][0].items())
        order = [
            one["identifier"][0]["value"]
            for one in now
            if one.get("partOf") == {"reference": f"Encounter/{mine['id']}"}
        ]
        assert order == ["C14M1", "C14M2", "C14M3"]
        assert [one["location"]["reference"] for one in mine["location"]] == [f"Location/{beds[1]}"]
        mine.pop("id")
        shown.add(json.dumps(mine))
        await hospital.send(
            "transaction",
            {
                "request": {
                    "method": "DELETE",
                    "url": f"Encounter?identifier={venue['identifier'][0]['system']}|C14V",
                }
            },
        )
    assert len(shown) == 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.long
async def test_rows_in_any_order_give_the_same_bytes_on_both_databases(
    seed: int, new_database: Callable[[str], str]
) -> None:
    """Plain SQL may write the rows in any order, with any ids: the venues show the same."""
    random = Random(seed)
    rows = next(rows for rows in ej_rows(random_hospital(11)) if rows.venues)
    lines = "08:00 A02", "08:00 A01", "08:00 A21", "08:00 A54 doctor:X", "09:00 A22", "09:00 A03", "08:00 A05"
    of_venue: list[MovementRow] = [
        one._replace(
            venue_id=rows.venues[0].id, room_id=None, uh_id=None, bed_id=None, movement_no=f"T{index}"
        )
        for index, one in enumerate(movements(*lines))
    ]
    venues = set()
    everything = set()
    for backend in ("sqlite", "postgresql"):
        for ids_too in (False, True):
            ids = list(range(1, len(of_venue) + 1))
            if ids_too:
                random.shuffle(ids)
            made = [one._replace(id=id_) for id_, one in zip(ids, of_venue, strict=True)]
            url = new_database(backend)
            load_rows(url, valid(rows._replace(movements=random.sample(made, len(made)))))
            exports = (await exported(url))[rows.ej.id]
            if not ids_too:
                everything.add(exports)
            summaries = [line for line in exports.venues.splitlines() if b'"partOf"' not in line]
            venues.add(tuple(summaries))
    assert len(venues) == 1
    assert len(everything) == 1
