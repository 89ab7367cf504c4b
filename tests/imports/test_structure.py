"""Shows what an import does to the structure: moves, attachments, and trees that are none."""

from copy import deepcopy

from imports.hospital import Hospital, Resource, counts, delete, post, put


def _of(hospital: Hospital, prefix: str) -> list[Resource]:
    return [deepcopy(one) for id_, one in hospital.resources.items() if id_.startswith(prefix)]


async def test_a_unit_moves_to_another_parent(hospital: Hospital) -> None:
    service, pole = _of(hospital, "service")[0], _of(hospital, "pole")[-1]
    service["partOf"] = {"reference": f"Organization/{pole['id']}"}

    assert counts(await hospital.send("transaction", put(service))) == (0, 1, 0, 0)
    assert (await hospital.now())[service["id"]] == service


async def test_a_bed_moves_to_another_room(hospital: Hospital) -> None:
    bed, room = _of(hospital, "bed")[0], _of(hospital, "room")[-1]
    assert bed["partOf"] != {"reference": f"Location/{room['id']}"}
    bed["partOf"] = {"identifier": room["identifier"][0]}

    assert counts(await hospital.stream(bed)) == (0, 1, 0, 0)
    assert (await hospital.now())[bed["id"]]["partOf"] == {"reference": f"Location/{room['id']}"}


async def test_a_tree_comes_with_its_own_names(hospital: Hospital) -> None:
    """Parents after children, by urn; the EJ by its FINESS number."""
    pole, service = _of(hospital, "pole")[0], _of(hospital, "service")[0]
    new_pole = hospital.like(pole, "P-NEW", "x") | {
        "partOf": {"identifier": {"system": "https://finess.esante.gouv.fr", "value": "010780054"}}
    }
    urn = "urn:uuid:6fc13d5c-7bd4-4a09-8d1a-0a4fe7f8a5ac"
    new_service = hospital.like(service, "S-NEW", "x") | {"partOf": {"reference": urn}}
    new_service.pop("extension", None)

    summary = await hospital.send("transaction", post(new_service), post(new_pole) | {"fullUrl": urn})

    assert counts(summary) == (2, 0, 0, 0)
    now = await hospital.now()
    new = [one for id_, one in now.items() if id_ not in hospital.resources]
    by_number = {one["identifier"][-1]["value"]: one for one in new}
    assert by_number["P-NEW"]["partOf"] == {"reference": "Organization/ej-1"}
    assert by_number["S-NEW"]["partOf"] == {"reference": f"Organization/{by_number['P-NEW']['id']}"}


async def test_attachments_are_those_that_are_sent(hospital: Hospital) -> None:
    pole, uf = _of(hospital, "pole")[0], _of(hospital, "uf")[0]
    member = {
        "url": "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-organization-member",
        "valueReference": {"reference": f"Organization/{uf['id']}"},
    }
    others = [one for one in pole.get("extension", []) if one["url"] != member["url"]]
    pole["extension"] = [*others, member]

    assert counts(await hospital.send("transaction", put(pole))) == (0, 1, 0, 0)
    assert (await hospital.now())[pole["id"]] == pole
    assert counts(await hospital.send("transaction", put(pole))) == (0, 0, 1, 0)

    del pole["extension"]
    assert counts(await hospital.send("transaction", put(pole))) == (0, 1, 0, 0)
    assert "extension" not in (await hospital.now())[pole["id"]]


async def test_unknown_parents_and_units_are_refused_with_their_paths(hospital: Hospital) -> None:
    service, bed = _of(hospital, "service")[0], _of(hospital, "bed")[0]
    service["partOf"] = {"reference": "Organization/pole-999999"}
    bed["partOf"] = {"reference": "Location/room-999999"}
    bed["managingOrganization"] = {"identifier": {"system": "https://x.example", "value": "7"}}

    assert await hospital.refused(put(service), put(bed)) == [
        (0, "Bundle.entry[0].resource.partOf"),
        (1, "Bundle.entry[1].resource.partOf"),
        (1, "Bundle.entry[1].resource.managingOrganization"),
    ]


async def test_a_cycle_through_what_is_there_is_refused(hospital: Hospital) -> None:
    poles = {f"Organization/{one['id']}": one for one in _of(hospital, "pole")}
    service = next(one for one in _of(hospital, "service") if one["partOf"]["reference"] in poles)
    pole = poles[service["partOf"]["reference"]]
    pole["partOf"] = {"reference": f"Organization/{service['id']}"}

    assert await hospital.refused(put(pole)) == [(0, "Bundle.entry[0].resource.partOf")]


async def test_a_tree_that_exports_could_not_show_is_refused(hospital: Hospital) -> None:
    room = _of(hospital, "room")[0]
    rooms = []
    for depth in range(70):
        made = hospital.like(room, f"R{depth}", f"room-{800_000 + depth}")
        above = f"room-{800_000 + depth - 1}" if depth else room["id"]
        made["partOf"] = {"reference": f"Location/{above}"}
        rooms.append(put(made))

    problems = await hospital.refused(*rooms)
    assert 0 < len(problems) < 70
    assert {expression.rpartition(".")[2] for _, expression in problems} == {"partOf"}
    assert counts(await hospital.send("transaction", *rooms[: problems[0][0]])) == (problems[0][0], 0, 0, 0)
    assert await hospital.exports()


async def test_what_others_are_part_of_is_deleted_with_them_only(hospital: Hospital) -> None:
    room = _of(hospital, "room")[0]
    parts = [one for one in _of(hospital, "bed") if one["partOf"]["reference"].endswith(f"/{room['id']}")]
    new_room = hospital.like(room, "R-NEW", "room-800000")
    new_bed = hospital.like(parts[0], "B-NEW", "bed-800001") | {
        "partOf": {"reference": "Location/room-800000"}
    }
    await hospital.send("transaction", put(new_room), put(new_bed))

    assert await hospital.refused(delete("Location/room-800000")) == [(0, "Bundle.entry[0].request.url")]
    both = await hospital.send("transaction", delete("Location/room-800000"), delete("Location/bed-800001"))
    assert counts(both) == (0, 0, 0, 2)


async def test_what_moves_away_can_be_left_behind(hospital: Hospital) -> None:
    """A parent is deleted in the Bundle that gives its children another one."""
    room = _of(hospital, "room")[0]
    bed = next(one for one in _of(hospital, "bed") if one["partOf"]["reference"].endswith(f"/{room['id']}"))
    new_room = hospital.like(room, "R-NEW", "room-800000")
    new_bed = hospital.like(bed, "B-NEW", "bed-800001") | {"partOf": {"reference": "Location/room-800000"}}
    await hospital.send("transaction", put(new_room), put(new_bed))
    new_bed["partOf"] = {"reference": f"Location/{room['id']}"}

    summary = await hospital.send("transaction", delete("Location/room-800000"), put(new_bed))

    assert counts(summary) == (0, 1, 0, 1)


async def test_in_a_batch_what_depends_on_a_refused_parent_is_refused_too(hospital: Hospital) -> None:
    pole, service = _of(hospital, "pole")[0], _of(hospital, "service")[0]
    new_pole = hospital.like(pole, "P-NEW", "pole-800000") | {"active": "yes"}
    new_service = hospital.like(service, "S-NEW", "service-800000")
    new_service["partOf"] = {"reference": "Organization/pole-800000"}
    renamed = service | {"name": "Renamed"}

    summary = await hospital.send("batch", put(new_pole), put(new_service), put(renamed))

    assert counts(summary) == (0, 1, 0, 0)
    assert [(one.entry, one.expression) for one in summary.problems] == [
        (0, "Bundle.entry[0].resource.active"),
        (1, "Bundle.entry[1].resource.partOf"),
    ]


async def test_the_ej_itself_changes(hospital: Hospital) -> None:
    ej = hospital.first("Organization", "ej")
    ej["name"] = "Centre hospitalier renommé"

    assert counts(await hospital.send("transaction", put(ej))) == (0, 1, 0, 0)
    assert (await hospital.now())["ej-1"] == ej
