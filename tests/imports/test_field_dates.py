"""Shows that dates keep their precision: nothing is lost, and what is known less precisely erases nothing."""

from collections.abc import Sequence

import pytest
from imports.field import CORE, Resource, a_number, a_patient, expressions, patients_with, send
from imports.hospital import Hospital, counts

pytestmark = pytest.mark.content


@pytest.mark.parametrize("text", ["2024-01-15T10:20:00+01:00", "2024-01-15", "2024-01", "2024"])
async def test_a_date_of_death_is_exported_as_precisely_as_it_is_known(hospital: Hospital, text: str) -> None:
    found, summary = await send(hospital, a_patient(deceasedDateTime=text))

    assert found["deceasedDateTime"] == text
    assert "deceasedBoolean" not in found
    assert summary.problems == ()
    assert counts(await hospital.stream(a_patient(deceasedDateTime=text))) == (0, 0, 1, 0)


LESS: Sequence[tuple[Resource, Resource]] = [
    ({"deceasedDateTime": "2024-01-15T00:20:00+01:00"}, {"deceasedDateTime": "2024-01-15"}),
    ({"deceasedDateTime": "2024-01-15T10:20:00+01:00"}, {"deceasedDateTime": "2024"}),
    ({"deceasedDateTime": "2024-01-15T10:20:00+01:00"}, {"deceasedBoolean": True}),
    ({"deceasedDateTime": "2024-01-15"}, {"deceasedDateTime": "2024-01"}),
    ({"deceasedDateTime": "2024-01"}, {"deceasedBoolean": True}),
    ({"birthDate": "1980-02-03"}, {"birthDate": "1980-02"}),
    ({"birthDate": "1980-02"}, {"birthDate": "1980"}),
]


@pytest.mark.parametrize(("first", "later"), LESS)
async def test_what_is_known_less_precisely_erases_nothing(
    hospital: Hospital, first: Resource, later: Resource
) -> None:
    await hospital.stream(a_patient(**first))
    before = await patients_with(hospital)

    _, summary = await send(hospital, a_patient(**later))

    assert await patients_with(hospital) == before
    assert counts(summary) == (0, 0, 1, 0)
    assert expressions(summary) == [f"Patient.{name}" for name in later]


@pytest.mark.parametrize(
    "later", [{"deceasedDateTime": "2024-01-16"}, {"deceasedDateTime": "2023"}, {"deceasedBoolean": False}]
)
async def test_another_date_of_death_is_as_sent(hospital: Hospital, later: Resource) -> None:
    await hospital.stream(a_patient(deceasedDateTime="2024-01-15T10:20:00+01:00"))

    found, _ = await send(hospital, a_patient(**later))

    assert {name: value for name, value in found.items() if name.startswith("deceased")} == later


async def test_an_instant_becomes_the_day_of_the_ejs_clock(hospital: Hospital) -> None:
    period = {"start": "2019-05-31T22:00:00Z", "end": "2190-01-01T23:30:00Z"}

    found, summary = await send(hospital, a_patient(identifier=[a_number("C-1", period=period)]))

    assert found["identifier"][0]["period"] == {"start": "2019-06-01", "end": "2190-01-02"}
    assert expressions(summary) == ["Patient.identifier[0].period.end"]


async def test_a_partial_period_is_widened(hospital: Hospital) -> None:
    period = {"start": "2019-02", "end": "2024-02"}

    found, summary = await send(hospital, a_patient(identifier=[a_number("C-1", period=period)]))

    assert found["identifier"][0]["period"] == {"start": "2019-02-01", "end": "2024-02-29"}
    assert expressions(summary) == ["Patient.identifier[0].period.start", "Patient.identifier[0].period.end"]


async def test_a_period_that_is_known_less_precisely_erases_nothing(hospital: Hospital) -> None:
    known = {"start": "2019-02-11", "end": "2190-02-12"}
    await hospital.stream(a_patient(identifier=[a_number("C-1", period=known)]))

    for period in ({"start": "2019-02", "end": "2190"}, {"start": "2019", "end": "2190-02-12"}):
        found, summary = await send(hospital, a_patient(identifier=[a_number("C-1", period=period)]))
        assert counts(summary) == (0, 0, 1, 0)
        assert found["identifier"][0]["period"] == known


async def test_a_leap_second_is_mended(hospital: Hospital) -> None:
    found, summary = await send(hospital, a_patient(deceasedDateTime="2016-12-31T23:59:60Z"))

    assert found["deceasedDateTime"] == "2017-01-01T00:59:59+01:00"
    assert expressions(summary) == ["Patient.deceasedDateTime"]


async def test_a_lunar_date_of_birth_is_kept(hospital: Hospital) -> None:
    lunar = {"url": f"{CORE}/fr-core-lunar-date", "valueString": "00/13/1980"}

    found, summary = await send(hospital, a_patient(extension=[lunar], birthDate="1980"))

    assert found["extension"] == [lunar]
    assert summary.problems == ()
