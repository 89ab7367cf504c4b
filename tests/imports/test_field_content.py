"""Shows what becomes of patients as systems in the field send them: kept, mended or told, never worn away."""

import pytest
from imports.field import SYSTEMS, Resource, a_number, a_patient, expressions, patients_with, send
from imports.hospital import Hospital, counts, put

pytestmark = pytest.mark.content


@pytest.mark.parametrize("type_", [None, "MR", "PT"])
async def test_a_number_in_the_ejs_own_system_is_the_ipp(hospital: Hospital, type_: str | None) -> None:
    patient = a_patient(identifier=[a_number("C-1", type_=type_)])

    found, summary = await send(hospital, patient)

    assert counts(summary) == (1, 0, 0, 0)
    assert found["identifier"][0]["type"]["coding"][0]["code"] == "PI"
    assert counts(await hospital.stream(patient)) == (0, 0, 1, 0)


@pytest.mark.parametrize(
    "identifiers",
    [
        [],
        [{"system": "urn:x", "value": "1"}],
        [{"value": "1"}],
        [a_number("C-1", use="old")],
        [a_number("x" * 65)],
        [a_number("C-1", type_="SS", system="urn:x")],
    ],
)  # fmt: skip
async def test_nobody_is_created_without_a_number(hospital: Hospital, identifiers: list[Resource]) -> None:
    patient = a_patient(identifier=identifiers) if identifiers else a_patient()
    if not identifiers:
        del patient["identifier"]

    for one in (patient, patient | {"id": "a1"}):
        summary = await hospital.stream(one)
        assert counts(summary) == (0, 0, 0, 0)
        assert [one.expression for one in summary.problems if one.severity == "error"] == [
            "Patient.identifier"
        ]


@pytest.mark.parametrize(
    "identifiers", [None, [{"system": "urn:x", "value": "1"}], [a_number("C-9", use="old")]]
)
async def test_nobody_loses_their_last_number(hospital: Hospital, identifiers: list[Resource] | None) -> None:
    patient = hospital.first("Patient")
    before = patient["identifier"]
    patient = patient | {"identifier": identifiers, "birthDate": "1950-01-02"}
    if identifiers is None:
        del patient["identifier"]

    summary = await hospital.send("transaction", put(patient))

    assert "Bundle.entry[0].resource.identifier" in expressions(summary)
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

    found, summary = await send(hospital, a_patient(telecom=points))

    assert [point["value"] for point in found["telecom"]] == ["2", "actuel@example.org"]
    assert expressions(summary) == [f"Patient.telecom[{index}]" for index in (0, 1, 2, 5, 3)]


async def test_the_address_in_force_is_kept(hospital: Hospital) -> None:
    addresses = [
        {"city": "ANCIENNE", "period": {"end": "2010-01-01"}},
        {"use": "old", "city": "VIEILLE"},
        {"use": "home", "city": "ACTUELLE"},
    ]

    found, _ = await send(hospital, a_patient(address=addresses))

    assert [address["city"] for address in found["address"]] == ["ACTUELLE"]


async def test_an_address_that_is_over_is_not_told_as_one_in_force(hospital: Hospital) -> None:
    found, summary = await send(hospital, a_patient(address=[{"city": "X", "period": {"end": "2010-01-01"}}]))

    assert "address" not in found
    assert expressions(summary) == ["Patient.address[0]"]


async def test_the_names_in_force_are_kept(hospital: Hospital) -> None:
    names = [
        {"use": "official", "family": "AVANT", "given": ["ALEX"], "period": {"end": "2010"}},
        {"use": "old", "family": "VIEUX"},
        {"use": "usual", "family": "MARIAGE", "period": {"start": "2000", "end": "2010-06"}},
        {"use": "official", "family": "ESSAI", "given": ["ALEX"]},
        {"use": "usual", "family": "ACTUEL"},
    ]

    found, summary = await send(hospital, a_patient(name=names))

    assert [(name["use"], name["family"]) for name in found["name"]] == [
        ("official", "ESSAI"),
        ("usual", "ACTUEL"),
    ]
    assert sorted(expressions(summary)) == [f"Patient.name[{index}]" for index in range(3)]


async def test_a_birth_name_does_not_end_with_its_period(hospital: Hospital) -> None:
    name = {"use": "official", "family": "ESSAI", "given": ["ALEX"], "period": {"end": "2010"}}

    found, summary = await send(hospital, a_patient(name=[name]))

    assert found["name"][0]["family"] == "ESSAI"
    assert expressions(summary) == ["Patient.name[0].period"]


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

    found, _ = await send(hospital, a_patient(contact=contacts))

    assert found["contact"] == [{"name": {"family": "LA"}, "telecom": [{"system": "phone", "value": "2"}]}]


@pytest.mark.parametrize("country", ["FR", "FRANCE", "France", "fr", "FRA "])
async def test_france_is_known_by_its_names(hospital: Hospital, country: str) -> None:
    found, summary = await send(
        hospital, a_patient(address=[{"use": "home", "city": "PARIS", "country": country}])
    )

    assert found["address"][0]["country"] == "FRA"
    assert expressions(summary) == ["Patient.address[0].country"]


async def test_blanks_and_line_breaks_refuse_nothing(hospital: Hospital) -> None:
    address = {
        "use": "home",
        "line": ["12 rue X ", " bâtiment\r\nB"],
        "city": "PARIS ",
        "postalCode": " 75001",
    }

    found, summary = await send(hospital, a_patient(address=[address]))

    assert found["address"][0] == {
        "use": "home",
        "line": ["12 rue X", "bâtiment B"],
        "city": "PARIS",
        "postalCode": "75001",
    }
    assert expressions(summary) == ["Patient.address[0].line[1]"]


@pytest.mark.parametrize(
    "organization", [{"display": "CHU X"}, {"reference": "#ej"}, {"identifier": {"value": "1"}}]
)
async def test_a_reference_that_names_nothing_refuses_nothing(
    hospital: Hospital, organization: Resource
) -> None:
    _, summary = await send(hospital, a_patient(managingOrganization=organization))

    assert expressions(summary) == ["Patient.managingOrganization"]


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
    found, summary = await send(hospital, a_patient(telecom=[{"system": "phone", "value": number}]))

    assert found["telecom"] == [{"system": "phone", "value": number, "use": use}]
    assert expressions(summary) == ["Patient.telecom[0].use"]


async def test_what_is_longer_than_its_column_refuses_nothing(hospital: Hospital) -> None:
    patient = a_patient(
        telecom=[{"system": "email", "use": "home", "value": f"{'a' * 90}@example.org"}],
        address=[{"use": "home", "city": "x" * 101, "line": ["y" * 201], "postalCode": "z" * 21}],
    )

    found, summary = await send(hospital, patient)

    assert "telecom" not in found
    assert found["address"][0] == {"use": "home", "line": ["y" * 200], "city": "x" * 100}
    assert sorted(expressions(summary)) == [
        "Patient.address[0].city",
        "Patient.address[0].line[0]",
        "Patient.address[0].postalCode",
        "Patient.telecom[0].value",
    ]


async def test_a_matricule_beside_an_identity_that_is_not_qualified_is_kept_and_not_exported(
    hospital: Hospital,
) -> None:
    qualified = next(one for one in hospital.resources.values() if "ins" in str(one["meta"]["profile"]))
    ins = qualified["identifier"][0] | {"value": "127010100400246"}
    patient = a_patient(identifier=[ins, a_number("C-1")])

    found, summary = await send(hospital, patient)

    assert [one["value"] for one in found["identifier"]] == ["C-1"]
    assert "Patient.extension" in expressions(summary)
    # It comes with the qualification.
    traits = {name: qualified[name] for name in ("extension", "name", "gender", "birthDate")}
    later = found | traits | {"meta": qualified["meta"]}
    await hospital.stream(later)
    (found,) = await patients_with(hospital)
    assert [one["value"] for one in found["identifier"]] == ["127010100400246", "C-1"]


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

    assert expressions(summary) == ["Patient.identifier[0].use"]
    now = (await hospital.now())[patient["id"]]["identifier"]
    assert now == [nir | {"use": "old"}, *patient["identifier"]]
    assert now[1] == official
