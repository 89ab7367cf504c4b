"""Shows what becomes of patients as systems in the field send them: kept, mended or told, never worn away.

Each resource was made up after a report of a system that does this job.
"""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from fhirexport_server.domain.imports import ImportSummary
from imports.hospital import Hospital, counts, put

IPP = "https://bourg.example.org/sid/ipp"
V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"
CORE = "https://hl7.fr/ig/fhir/core/StructureDefinition"
SYSTEMS = "https://hl7.fr/ig/fhir/core/CodeSystem"
Resource = dict[str, Any]


def _number(value: str, *, type_: str | None = "PI", **more: object) -> Resource:
    found: Resource = {"use": "usual", "system": IPP, "value": value, **more}
    if type_ is not None:
        found["type"] = {"coding": [{"system": V2_0203, "code": type_}]}
    return found


def _patient(value: str = "C-1", **more: object) -> Resource:
    """A patient as the cases have them."""
    return {
        "resourceType": "Patient",
        "identifier": [_number(value)],
        "name": [{"use": "official", "family": "ESSAI", "given": ["ALEX"]}],
        "gender": "female",
        "birthDate": "1980-02-03",
        **more,
    }


async def _found(hospital: Hospital, value: str = "C-1") -> list[Resource]:
    """The patients with a number, as they are exported."""
    lines = (await hospital.exports()).patients.splitlines()
    patients: list[Resource] = [json.loads(line) for line in lines]
    return [one for one in patients if any(each["value"] == value for each in one.get("identifier", ()))]


async def _sent(hospital: Hospital, *resources: Resource) -> tuple[Resource, ImportSummary]:
    """Sends the patient C-1, and returns what is exported of them."""
    summary = await hospital.stream(*resources)
    assert [one for one in summary.problems if one.severity == "error"] == []
    (found,) = await _found(hospital)
    return found, summary


def _said(summary: ImportSummary) -> list[str]:
    return [one.expression for one in summary.problems]


@pytest.mark.parametrize("type_", [None, "MR", "PT"])
async def test_a_number_in_the_ejs_own_system_is_the_ipp(hospital: Hospital, type_: str | None) -> None:
    patient = _patient(identifier=[_number("C-1", type_=type_)])

    found, summary = await _sent(hospital, patient)

    assert counts(summary) == (1, 0, 0, 0)
    assert found["identifier"][0]["type"]["coding"][0]["code"] == "PI"
    assert counts(await hospital.stream(patient)) == (0, 0, 1, 0)


@pytest.mark.parametrize(
    "identifiers",
    [
        [],
        [{"system": "urn:x", "value": "1"}],
        [{"value": "1"}],
        [_number("C-1", use="old")],
        [_number("x" * 65)],
        [_number("C-1", type_="SS", system="urn:x")],
    ],
)  # fmt: skip
async def test_nobody_is_created_without_a_number(hospital: Hospital, identifiers: list[Resource]) -> None:
    patient = _patient(identifier=identifiers) if identifiers else _patient()
    if not identifiers:
        del patient["identifier"]

    for one in (patient, patient | {"id": "a1"}):
        summary = await hospital.stream(one)
        assert counts(summary) == (0, 0, 0, 0)
        assert [one.expression for one in summary.problems if one.severity == "error"] == [
            "Patient.identifier"
        ]


@pytest.mark.parametrize(
    "identifiers", [None, [{"system": "urn:x", "value": "1"}], [_number("C-9", use="old")]]
)
async def test_nobody_loses_their_last_number(hospital: Hospital, identifiers: list[Resource] | None) -> None:
    patient = hospital.first("Patient")
    before = patient["identifier"]
    patient = patient | {"identifier": identifiers, "birthDate": "1950-01-02"}
    if identifiers is None:
        del patient["identifier"]

    summary = await hospital.send("transaction", put(patient))

    assert "Bundle.entry[0].resource.identifier" in _said(summary)
    now = (await hospital.now())[patient["id"]]
    assert now["identifier"][: len(before)] == before
    assert now["birthDate"] == "1950-01-02"


async def test_the_contact_point_in_force_is_kept(hospital: Hospital) -> None:
    points = [
        {"system": "email", "use": "old", "value": "ancien@example.org"},
        {"system": "email", "use": "home", "value": "fini@example.org", "period": {"end": "2010-01-01"}},
        {"system": "email", "use": "home", "value": "futur@example.org", "period": {"start": "2190"}},
        {"system": "email", "use": "home", "value": "second@example.org", "rank": 2},
        {"system": "email", "use": "home", "value": "actuel@example.org", "rank": 1},
        {"system": "phone", "use": "home", "value": "1", "period": {"end": "2010"}},
        {"system": "phone", "use": "home", "value": "2"},
    ]

    found, summary = await _sent(hospital, _patient(telecom=points))

    assert [point["value"] for point in found["telecom"]] == ["2", "actuel@example.org"]
    assert _said(summary) == [f"Patient.telecom[{index}]" for index in (0, 1, 2, 5, 3)]


async def test_the_address_in_force_is_kept(hospital: Hospital) -> None:
    addresses = [
        {"city": "ANCIENNE", "period": {"end": "2010-01-01"}},
        {"use": "old", "city": "VIEILLE"},
        {"use": "home", "city": "ACTUELLE"},
    ]

    found, _ = await _sent(hospital, _patient(address=addresses))

    assert [address["city"] for address in found["address"]] == ["ACTUELLE"]


async def test_an_address_that_is_over_is_not_told_as_one_in_force(hospital: Hospital) -> None:
    found, summary = await _sent(hospital, _patient(address=[{"city": "X", "period": {"end": "2010-01-01"}}]))

    assert "address" not in found
    assert _said(summary) == ["Patient.address[0]"]


async def test_the_names_in_force_are_kept(hospital: Hospital) -> None:
    names = [
        {"use": "official", "family": "AVANT", "given": ["ALEX"], "period": {"end": "2010"}},
        {"use": "old", "family": "VIEUX"},
        {"use": "usual", "family": "MARIAGE", "period": {"start": "2000", "end": "2010-06"}},
        {"use": "official", "family": "ESSAI", "given": ["ALEX"]},
        {"use": "usual", "family": "ACTUEL"},
    ]

    found, summary = await _sent(hospital, _patient(name=names))

    assert [(name["use"], name["family"]) for name in found["name"]] == [
        ("official", "ESSAI"),
        ("usual", "ACTUEL"),
    ]
    assert sorted(_said(summary)) == [f"Patient.name[{index}]" for index in range(3)]


async def test_a_birth_name_does_not_end_with_its_period(hospital: Hospital) -> None:
    name = {"use": "official", "family": "ESSAI", "given": ["ALEX"], "period": {"end": "2010"}}

    found, summary = await _sent(hospital, _patient(name=[name]))

    assert found["name"][0]["family"] == "ESSAI"
    assert _said(summary) == ["Patient.name[0].period"]


async def test_contacts_that_are_over_and_what_is_over_of_contacts_is_not_kept(hospital: Hospital) -> None:
    contacts = [
        {"name": {"family": "PARTI"}, "period": {"end": "2010"}},
        {
            "name": {"family": "LA"},
            "telecom": [
                {"system": "phone", "use": "old", "value": "1"},
                {"system": "phone", "value": "2", "period": {"start": "2000"}},
            ],
            "address": {"use": "old", "city": "X"},
        },
    ]

    found, _ = await _sent(hospital, _patient(contact=contacts))

    assert found["contact"] == [{"name": {"family": "LA"}, "telecom": [{"system": "phone", "value": "2"}]}]


@pytest.mark.parametrize("country", ["FR", "FRANCE", "France", "fr", "FRA "])
async def test_france_is_known_by_its_names(hospital: Hospital, country: str) -> None:
    found, summary = await _sent(
        hospital, _patient(address=[{"use": "home", "city": "PARIS", "country": country}])
    )

    assert found["address"][0]["country"] == "FRA"
    assert _said(summary) == ["Patient.address[0].country"]


async def test_blanks_and_line_breaks_refuse_nothing(hospital: Hospital) -> None:
    address = {
        "use": "home",
        "line": ["12 rue X ", " bâtiment\r\nB"],
        "city": "PARIS ",
        "postalCode": " 75001",
    }

    found, summary = await _sent(hospital, _patient(address=[address]))

    assert found["address"][0] == {
        "use": "home",
        "line": ["12 rue X", "bâtiment B"],
        "city": "PARIS",
        "postalCode": "75001",
    }
    assert _said(summary) == ["Patient.address[0].line[1]"]


@pytest.mark.parametrize("text", ["2024-01-15T10:20:00+01:00", "2024-01-15", "2024-01", "2024"])
async def test_a_date_of_death_is_exported_as_precisely_as_it_is_known(hospital: Hospital, text: str) -> None:
    found, summary = await _sent(hospital, _patient(deceasedDateTime=text))

    assert found["deceasedDateTime"] == text
    assert "deceasedBoolean" not in found
    assert summary.problems == ()
    assert counts(await hospital.stream(_patient(deceasedDateTime=text))) == (0, 0, 1, 0)


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
    await hospital.stream(_patient(**first))
    before = await _found(hospital)

    _, summary = await _sent(hospital, _patient(**later))

    assert await _found(hospital) == before
    assert counts(summary) == (0, 0, 1, 0)
    assert _said(summary) == [f"Patient.{name}" for name in later]


@pytest.mark.parametrize(
    "later", [{"deceasedDateTime": "2024-01-16"}, {"deceasedDateTime": "2023"}, {"deceasedBoolean": False}]
)
async def test_another_date_of_death_is_as_sent(hospital: Hospital, later: Resource) -> None:
    await hospital.stream(_patient(deceasedDateTime="2024-01-15T10:20:00+01:00"))

    found, _ = await _sent(hospital, _patient(**later))

    assert {name: value for name, value in found.items() if name.startswith("deceased")} == later


async def test_an_instant_becomes_the_day_of_the_ejs_clock(hospital: Hospital) -> None:
    period = {"start": "2019-05-31T22:00:00Z", "end": "2190-01-01T23:30:00Z"}

    found, summary = await _sent(hospital, _patient(identifier=[_number("C-1", period=period)]))

    assert found["identifier"][0]["period"] == {"start": "2019-06-01", "end": "2190-01-02"}
    assert _said(summary) == ["Patient.identifier[0].period.end"]


async def test_a_partial_period_is_widened(hospital: Hospital) -> None:
    period = {"start": "2019-02", "end": "2024-02"}

    found, summary = await _sent(hospital, _patient(identifier=[_number("C-1", period=period)]))

    assert found["identifier"][0]["period"] == {"start": "2019-02-01", "end": "2024-02-29"}
    assert _said(summary) == ["Patient.identifier[0].period.start", "Patient.identifier[0].period.end"]


async def test_a_period_that_is_known_less_precisely_erases_nothing(hospital: Hospital) -> None:
    known = {"start": "2019-02-11", "end": "2190-02-12"}
    await hospital.stream(_patient(identifier=[_number("C-1", period=known)]))

    for period in ({"start": "2019-02", "end": "2190"}, {"start": "2019", "end": "2190-02-12"}):
        found, summary = await _sent(hospital, _patient(identifier=[_number("C-1", period=period)]))
        assert counts(summary) == (0, 0, 1, 0)
        assert found["identifier"][0]["period"] == known


@pytest.mark.parametrize(
    "organization", [{"display": "CHU X"}, {"reference": "#ej"}, {"identifier": {"value": "1"}}]
)
async def test_a_reference_that_names_nothing_refuses_nothing(
    hospital: Hospital, organization: Resource
) -> None:
    _, summary = await _sent(hospital, _patient(managingOrganization=organization))

    assert _said(summary) == ["Patient.managingOrganization"]


async def test_a_version_of_a_resource_is_the_resource(hospital: Hospital) -> None:
    first, second = (one for one in hospital.resources.values() if one["id"] in {"pat-1", "pat-4"})
    link = {"other": {"reference": f"Patient/{first['id']}/_history/3"}, "type": "replaced-by"}

    summary = await hospital.stream(second | {"active": False, "link": [link]})

    assert summary.problems == ()
    link["other"] = {"reference": f"Patient/{first['id']}"}
    assert (await hospital.now())[second["id"]]["link"] == [link]


@pytest.mark.parametrize(
    ("number", "use"), [("+33639980001", "mobile"), ("06 39 98 00 01", "mobile"), ("01 99 00 00 01", "home")]
)
async def test_a_phone_without_a_use_is_kept(hospital: Hospital, number: str, use: str) -> None:
    found, summary = await _sent(hospital, _patient(telecom=[{"system": "phone", "value": number}]))

    assert found["telecom"] == [{"system": "phone", "value": number, "use": use}]
    assert _said(summary) == ["Patient.telecom[0].use"]


async def test_a_leap_second_is_mended(hospital: Hospital) -> None:
    found, summary = await _sent(hospital, _patient(deceasedDateTime="2016-12-31T23:59:60Z"))

    assert found["deceasedDateTime"] == "2017-01-01T00:59:59+01:00"
    assert _said(summary) == ["Patient.deceasedDateTime"]


async def test_what_is_longer_than_its_column_refuses_nothing(hospital: Hospital) -> None:
    patient = _patient(
        telecom=[{"system": "email", "use": "home", "value": f"{'a' * 90}@example.org"}],
        address=[{"use": "home", "city": "x" * 101, "line": ["y" * 201], "postalCode": "z" * 21}],
    )

    found, summary = await _sent(hospital, patient)

    assert "telecom" not in found
    assert found["address"][0] == {"use": "home", "line": ["y" * 200], "city": "x" * 100}
    assert sorted(_said(summary)) == [
        "Patient.address[0].city",
        "Patient.address[0].line[0]",
        "Patient.address[0].postalCode",
        "Patient.telecom[0].value",
    ]


async def test_a_lunar_date_of_birth_is_kept(hospital: Hospital) -> None:
    lunar = {"url": f"{CORE}/fr-core-lunar-date", "valueString": "00/13/1980"}

    found, summary = await _sent(hospital, _patient(extension=[lunar], birthDate="1980"))

    assert found["extension"] == [lunar]
    assert summary.problems == ()


async def test_a_matricule_beside_an_identity_that_is_not_qualified_is_kept_and_not_exported(
    hospital: Hospital,
) -> None:
    qualified = next(one for one in hospital.resources.values() if "ins" in str(one["meta"]["profile"]))
    ins = qualified["identifier"][0] | {"value": "127010100400147"}
    patient = _patient(identifier=[ins, _number("C-1")])

    found, summary = await _sent(hospital, patient)

    assert [one["value"] for one in found["identifier"]] == ["C-1"]
    assert "Patient.extension" in _said(summary)
    # It comes with the qualification.
    traits = {name: qualified[name] for name in ("extension", "name", "gender", "birthDate")}
    later = found | traits | {"meta": qualified["meta"]}
    await hospital.stream(later)
    (found,) = await _found(hospital)
    assert [one["value"] for one in found["identifier"]] == ["127010100400147", "C-1"]


async def test_of_two_official_matricules_the_one_in_force_is_official(hospital: Hospital) -> None:
    patient = next(
        one
        for one in hospital.resources.values()
        if one["resourceType"] == "Patient" and one["identifier"][0]["use"] == "official"
    )
    official = patient["identifier"][0]
    nir = {
        "use": "official",
        "type": {"coding": [{"system": f"{SYSTEMS}/fr-core-cs-v2-0203", "code": "INS-NIR"}]},
        "system": "urn:oid:1.2.250.1.213.1.4.8",
        "value": "127010100400147",
        "period": {"end": "2010-01-01"},
    }

    summary = await hospital.stream(patient | {"identifier": [nir, *patient["identifier"]]})

    assert _said(summary) == ["Patient.identifier[0].use"]
    now = (await hospital.now())[patient["id"]]["identifier"]
    assert now == [nir | {"use": "old"}, *patient["identifier"]]
    assert now[1] == official
