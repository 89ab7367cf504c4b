"""Shows what an import does to patients: identifiers, merges, and what exports do not show."""

from copy import deepcopy

import pytest
from imports.hospital import Hospital, Resource, counts, put
from sqlalchemy import text
from support.rows import writing


def _patients(hospital: Hospital, count: int) -> list[Resource]:
    found = [deepcopy(one) for one in hospital.resources.values() if one["resourceType"] == "Patient"]
    return [one for one in found if "link" not in one and one["active"]][:count]


def _merged(patient: Resource, into: str) -> Resource:
    return patient | {
        "active": False,
        "link": [{"other": {"reference": f"Patient/{into}"}, "type": "replaced-by"}],
    }


async def test_a_patient_is_merged_into_one_who_comes_later(hospital: Hospital) -> None:
    first, second, *_ = _patients(hospital, 2)
    new = hospital.like(second, "IPP-NEW", "pat-800000")
    new["identifier"] = [one for one in new["identifier"] if one["use"] == "usual"]
    new["meta"] = {"profile": ["https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-patient"]}
    merged = _merged(first, "pat-800000")

    summary = await hospital.stream(merged, new)

    assert [one for one in summary.problems if one.severity == "error"] == []
    assert counts(summary) == (1, 1, 0, 0)
    assert (await hospital.now())[first["id"]] == merged
    assert counts(await hospital.stream(merged)) == (0, 0, 1, 0)
    assert counts(await hospital.stream(first)) == (0, 1, 0, 0)
    assert (await hospital.now())[first["id"]] == first


async def test_a_merge_that_leads_back_is_refused(hospital: Hospital) -> None:
    first, second, third = _patients(hospital, 3)
    assert counts(await hospital.stream(_merged(first, second["id"]))) == (0, 1, 0, 0)
    assert counts(await hospital.stream(_merged(second, third["id"]))) == (0, 1, 0, 0)

    refused = await hospital.refused(put(_merged(third, first["id"])))
    assert refused == [(0, "Bundle.entry[0].resource.link[0].other")]
    # Written by itself, the patient stays what they are without it.
    summary = await hospital.stream(_merged(third, first["id"]))
    said = [(one.severity.value, one.expression) for one in summary.problems]
    assert said == [("warning", "Patient.link[0].other")]
    assert "link" not in (await hospital.now())[third["id"]]


async def test_identifiers_are_those_that_are_sent(hospital: Hospital) -> None:
    patient = next(one for one in _patients(hospital, 30) if one["identifier"][-1]["use"] == "usual")
    old = deepcopy(patient["identifier"][-1]) | {"use": "old", "value": "OLD-1"}
    patient["identifier"].append(old)

    assert counts(await hospital.send("transaction", put(patient))) == (0, 1, 0, 0)
    assert (await hospital.now())[patient["id"]]["identifier"] == patient["identifier"]
    patient["identifier"].pop()
    assert counts(await hospital.send("transaction", put(patient))) == (0, 1, 0, 0)
    assert (await hospital.now())[patient["id"]] == patient


async def test_a_matricule_that_is_not_shown_stays(hospital: Hospital) -> None:
    """The sender of an export cannot know of it."""
    patient = next(one for one in _patients(hospital, 30) if "ins" in one["meta"]["profile"][0])
    number = int(patient["id"].partition("-")[2])
    with writing(hospital.url) as connection:
        connection.execute(text("UPDATE patient SET identity_status = 'PROV' WHERE id = :id"), {"id": number})
    seen = (await hospital.now())[patient["id"]]
    assert len(seen["identifier"]) < len(patient["identifier"])
    assert counts(await hospital.stream(seen)) == (0, 0, 1, 0)

    seen["identifier"].append(deepcopy(seen["identifier"][-1]) | {"use": "old", "value": "OLD-1"})
    assert counts(await hospital.stream(seen)) == (0, 1, 0, 0)

    with writing(hospital.url) as connection:
        kinds = connection.execute(
            text("SELECT kind FROM patient_identifier WHERE patient_id = :id AND use_code = 'official'"),
            {"id": number},
        )
        assert len(kinds.all()) == 1


@pytest.mark.parametrize("value", ["127010100400148", "127010100400"])
async def test_a_matricule_without_its_key_takes_none_away(hospital: Hospital, value: str) -> None:
    patient = next(one for one in _patients(hospital, 30) if "ins" in one["meta"]["profile"][0])
    before = deepcopy(patient)
    patient["identifier"][0]["value"] = value

    summary = await hospital.send("transaction", put(patient))

    assert "Bundle.entry[0].resource.identifier[0].value" in [one.expression for one in summary.problems]
    assert counts(summary) == (0, 0, 1, 0)
    assert (await hospital.now())[patient["id"]] == before


async def test_a_patient_of_another_ej_is_refused(hospital: Hospital) -> None:
    (patient,) = _patients(hospital, 1)
    patient["managingOrganization"] = {"reference": "Organization/ej-2"}

    assert await hospital.refused(put(patient)) == [(0, "Bundle.entry[0].resource.managingOrganization")]
