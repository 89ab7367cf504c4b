"""Shows that a venue that comes without movements is kept as it was sent: nothing is made of nothing."""

import json
from collections.abc import Callable
from copy import deepcopy

import pytest
from fhirexport_server.demo.group import batches
from fhirexport_server.domain.datasets import Detail
from fhirexport_server.domain.imports import ImportSummary
from fhirexport_server.store.loader import load
from imports.hospital import Hospital, Resource, counts, delete, put
from imports.test_stays import movements_of, stay
from support.importing import Exported, exported, import_lines

HISTORIES = ("statusHistory", "classHistory", "location", "serviceProvider", "participant")


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
@pytest.mark.long
async def test_the_default_export_of_the_demo_group_comes_back(
    target: str, new_database: Callable[[str], str]
) -> None:
    there, here = new_database("sqlite"), new_database(target)
    load(there, batches(patients=100))
    default = await exported(there, detail=Detail.SUMMARY)

    for of_ej in default.values():
        summary = await import_lines(here, b"".join(of_ej))
        assert summary.problems == ()

    assert await exported(here, detail=Detail.SUMMARY) == default
    # Again, it changes nothing; nor where every line has to be read.
    for of_ej in default.values():
        lines = b"".join(of_ej)
        for sent in (lines, lines.replace(b'{"resourceType"', b'{ "resourceType"')):
            again = await import_lines(here, sent)
            assert (again.created, again.updated, again.revisions) == (0, 0, ())
    # An export with the derived movements makes the same elsewhere.
    elsewhere = new_database("sqlite")
    derived = await exported(here)
    for of_ej in derived.values():
        assert (await import_lines(elsewhere, b"".join(of_ej))).problems == ()
    assert await exported(elsewhere) == derived
    # The real movements take their place when they come.
    real = await exported(there)
    for ej_id, of_ej in real.items():
        assert (await import_lines(here, of_ej.venues, ej_id=ej_id)).problems == ()
    assert await exported(here, detail=Detail.SUMMARY) == default
    assert {id_: _movements(of_ej) for id_, of_ej in (await exported(here)).items()} == {
        id_: _movements(of_ej) for id_, of_ej in real.items()
    }


def _movements(exports: Exported) -> list[Resource]:
    """The movements of an export, without their ids: an id that a derived one has is not free."""
    encounters: list[Resource] = [json.loads(line) for line in exports.venues.splitlines()]
    return [{name: value for name, value in one.items() if name != "id"} for one in encounters]


def fresh(hospital: Hospital, number: str, **said: object) -> Resource:
    """A venue without movements, of a sender that has its own ids."""
    venue = hospital.like(hospital.first("Encounter", "ven-"), number, f"x-{number}")
    for name in (*HISTORIES, "hospitalization", "extension", "account", "period", "type"):
        venue.pop(name, None)
    venue["identifier"] = venue["identifier"][:1]
    return venue | said


def shown(resources: dict[str, Resource], number: str) -> Resource:
    """The venue with a number."""
    venues = (one for id_, one in resources.items() if id_.startswith("ven-"))
    return deepcopy(next(one for one in venues if one["identifier"][0]["value"] == number))


def problems(summary: ImportSummary) -> list[tuple[str, str]]:
    """Severity and path of each."""
    return [(one.severity.value, one.expression) for one in summary.problems]


START, MIDDLE, LATE, END = (f"2026-03-0{day}T08:00:00+01:00" for day in (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("status", "period"),
    [
        ("finished", {"start": START, "end": END}),
        ("in-progress", {"start": START}),
        ("onleave", {"start": START}),
        ("planned", {"start": "2027-03-01T08:00:00+01:00"}),
        ("cancelled", {"start": START}),
    ],
)
async def test_a_stay_without_movements_is_as_it_was_sent(
    hospital: Hospital, status: str, period: dict[str, str]
) -> None:
    venue = fresh(hospital, "C01", status=status, period=period)

    summary = await hospital.stream(venue)

    assert (counts(summary), problems(summary)) == ((1, 0, 0, 0), [])
    now = shown(await hospital.now(), "C01")
    assert {name: now[name] for name in ("status", "class", "period")} == {
        name: venue[name] for name in ("status", "class", "period")
    }
    history = now.pop("statusHistory", [])
    assert history == ([{"status": "in-progress", "period": period}] if status == "finished" else [])
    assert not now.keys() & set(HISTORIES)
    before = await hospital.exports()
    again = await hospital.stream(venue)
    assert (counts(again), problems(again), again.revisions) == ((0, 0, 1, 0), [], ())
    assert await hospital.exports() == before


async def test_a_planned_stay_whose_start_nobody_knows(hospital: Hospital) -> None:
    reason = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
    period = {"extension": [{"url": reason, "valueCode": "unknown"}]}

    summary = await hospital.stream(fresh(hospital, "C01", status="planned", period=period))

    assert (counts(summary), problems(summary)) == ((1, 0, 0, 0), [])
    now = shown(await hospital.now(), "C01")
    assert (now["status"], now["period"]) == ("planned", period)
    before = await hospital.exports()
    assert counts(await hospital.stream(now)) == (0, 0, 1, 0)
    assert await hospital.exports() == before


@pytest.mark.parametrize(
    ("status", "period", "path"),
    [
        ("finished", {"start": START}, "period.end"),
        ("in-progress", {"end": END}, "period.start"),
        ("unknown", {"start": START}, "status"),
        ("entered-in-error", {"start": START}, "status"),
    ],
)
async def test_what_nothing_can_be_derived_of_is_refused(
    hospital: Hospital, status: str, period: dict[str, str], path: str
) -> None:
    venue = fresh(hospital, "C01", status=status, period=period)
    before = await hospital.exports()

    summary = await hospital.stream(venue)

    assert (counts(summary), problems(summary)) == ((0, 0, 0, 0), [("error", f"Encounter.{path}")])
    assert await hospital.exports() == before


@pytest.mark.long
async def test_a_stay_that_goes_on(hospital: Hospital) -> None:
    """Planned, then there, then moved, then gone: each summary takes the place of the one before."""
    beds = [id_ for id_ in hospital.resources if id_.startswith("bed-")][:2]
    first, second = ({"location": {"reference": f"Location/{bed}"}} for bed in beds)
    planned = fresh(hospital, "C01", status="planned", period={"start": START})
    there = planned | {
        "status": "in-progress",
        "location": [first | {"status": "active", "period": {"start": START}}],
    }
    moved = there | {
        "location": [
            first | {"status": "completed", "period": {"start": START, "end": MIDDLE}},
            second | {"status": "active", "period": {"start": MIDDLE}},
        ]
    }
    gone = moved | {
        "status": "finished",
        "period": {"start": START, "end": END},
        "statusHistory": [{"status": "in-progress", "period": {"start": START, "end": END}}],
        "location": [
            moved["location"][0],
            second | {"status": "completed", "period": {"start": MIDDLE, "end": END}},
        ],
    }
    for index, sent in enumerate((planned, there, moved, gone, moved, planned)):
        summary = await hospital.stream(sent)
        assert problems(summary) == []
        assert counts(summary) == ((1, 0, 0, 0) if index == 0 else (0, 1, 0, 0))
        now = await hospital.now()
        venue = shown(now, "C01")
        for one in venue.get("location", ()):
            one.pop("physicalType")
        for name in ("status", "period", "location"):
            assert venue.get(name) == sent.get(name)
        assert all(
            one["identifier"][0]["value"] == f"derived-C01-{place}"
            for place, one in enumerate(movements_of(now, venue["id"]), start=1)
        )
    assert counts(await hospital.stream(planned | {"status": "cancelled"})) == (0, 1, 0, 0)
    now = await hospital.now()
    assert shown(now, "C01")["status"] == "cancelled"
    assert movements_of(now, shown(now, "C01")["id"]) == []


async def test_real_movements_take_the_place_of_derived_ones_and_stay(hospital: Hospital) -> None:
    venue, movements = stay(hospital, "A01", "A02")
    before = await hospital.exports()
    await hospital.send("transaction", delete(f"Encounter/{venue['id']}"))
    await hospital.stream(venue)
    derived = movements_of(await hospital.now(), venue["id"])
    assert {one["identifier"][0]["value"][:8] for one in derived} == {"derived-"}

    assert counts(await hospital.send("transaction", *(put(one) for one in movements))) == (
        len(movements),
        0,
        0,
        0,
    )
    assert await hospital.exports() == before
    # A summary alone changes nothing of them any more, and is told what is shown instead.
    summary = await hospital.stream(venue | {"status": "cancelled"})
    assert problems(summary) == [("warning", "Encounter.status")]
    assert await hospital.exports() == before


async def test_a_cancelled_movement_does_not_make_a_stay_cancelled(hospital: Hospital) -> None:
    venue, movements = stay(hospital, "A01", "A02")
    await hospital.send("transaction", delete(f"Encounter/{venue['id']}"))
    await hospital.stream(venue, movements[0] | {"status": "cancelled"})

    assert shown(await hospital.now(), venue["identifier"][0]["value"])["status"] == venue["status"]


async def test_what_movements_cannot_tell_is_a_warning_that_says_what_is_shown(hospital: Hospital) -> None:
    beds = [id_ for id_ in hospital.resources if id_.startswith("bed-")][:2]
    venue = fresh(
        hospital,
        "C01",
        status="in-progress",
        period={"start": START, "end": END},
        statusHistory=[
            {"status": "in-progress", "period": {"start": START, "end": MIDDLE}},
            {"status": "onleave", "period": {"start": LATE, "end": END}},
        ],
        location=[
            {"location": {"reference": "Location/bed-999999"}},
            {"location": {"reference": f"Location/{beds[0]}"}, "period": {"start": START, "end": LATE}},
            {"location": {"reference": f"Location/{beds[1]}"}, "period": {"start": MIDDLE}},
        ],
        serviceProvider={"reference": "Organization/uf-999999"},
    )

    summary = await hospital.stream(venue)

    assert counts(summary) == (1, 0, 0, 0)
    assert sorted(problems(summary)) == [
        ("warning", "Encounter.location"),
        ("warning", "Encounter.location[0].location"),
        ("warning", "Encounter.period"),
        ("warning", "Encounter.serviceProvider"),
        ("warning", "Encounter.statusHistory"),
    ]
    now = shown(await hospital.now(), "C01")
    assert (now["status"], now["period"]) == ("in-progress", {"start": START})
    assert [one["status"] for one in now["statusHistory"]] == ["in-progress", "onleave"]
    assert [one["location"]["reference"] for one in now["location"]] == [
        f"Location/{bed}" for bed in (beds[0], beds[1], beds[1])
    ]
