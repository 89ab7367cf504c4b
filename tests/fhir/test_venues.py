"""How a venue and its movements are rendered, in the shapes of FR Core's own examples."""

from typing import Any

import pytest
from fhir.decoding import concept, content
from fhir.samples import CONTEXT, CORE, HL7, SID, UF, VENUE, at, movements
from fhirexport_server.domain import codes
from fhirexport_server.domain.rows import VenueRow
from fhirexport_server.fhir.rendering import venues

SD = f"{CORE}/StructureDefinition"
NUMBER = f"{CORE}/CodeSystem/fr-core-cs-identifier-type"
ACCOUNT = {"type": concept(f"{HL7}/v2-0203", "AN"), "system": f"{SID}/nda", "value": "NDA2026001"}
UNKNOWN = {
    "extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    ]
}


def _class(code: str) -> dict[str, str]:
    return {"system": f"{HL7}/v3-ActCode", "code": code}


def _during(start: str, end: str | None = None) -> dict[str, str]:
    period = {"start": f"{start}:00+01:00"}
    return period if end is None else period | {"end": f"{end}:00+01:00"}


def _place(reference: str, status: str, level: str, period: dict[str, str] | None = None) -> dict[str, Any]:
    place = {
        "location": {"reference": f"Location/{reference}"},
        "status": status,
        "physicalType": concept(f"{HL7}/location-physical-type", level),
    }
    return place if period is None else place | {"period": period}


def rendered(row: VenueRow, *lines: str) -> dict[str, Any]:
    return content(venues.venue(row, movements(*lines), CONTEXT))


def test_a_venue_with_nothing_optional() -> None:
    assert rendered(VENUE, "18:00 A01") == {
        "resourceType": "Encounter",
        "id": "ven-100",
        "meta": {"profile": [f"{SD}/fr-core-encounter"]},
        "identifier": [
            {"use": "official", "type": concept(NUMBER, "VN"), "system": f"{SID}/venue", "value": "V100"}
        ],
        "status": "in-progress",
        "class": _class("IMP"),
        "subject": {"reference": "Patient/pat-1"},
        "period": _during("2026-01-10T18:00"),
    }


FULL = VENUE._replace(
    id=101,
    venue_no="V101",
    nda="NDA2026001",
    preadmission_no="PRE1",
    patient_class="E",
    admission_type="R",
    activity_type="03",
    service_discipline="127",
    admit_source="7",
    expected_admit_at=at("2026-01-10 17:00"),
    expected_discharge_on="2026-01-15",
    discharge_disposition="3",
    origin_finess="750100125",
    destination_finess="750100133",
)


def test_a_venue_with_everything() -> None:
    finess = "https://finess.esante.gouv.fr"
    activity = f"{CORE}/CodeSystem/fr-core-cs-type-activite"

    found = rendered(
        FULL,
        "2026-01-02 09:00 A05",
        "2026-01-10 18:00 A04 uh class:E",
        "2026-01-10 22:00 A06 bed class:I nature:HMS uf:6000 doctor:Leclerc",
        "2026-01-13 08:00 A21",
        "2026-01-14 18:00 A22 uh",
        "2026-01-15 11:00 A03",
    )

    assert found == {
        "resourceType": "Encounter",
        "id": "ven-101",
        "meta": {"profile": [f"{SD}/fr-core-encounter"]},
        "extension": [
            {"url": f"{SD}/fr-core-estimated-discharge-date", "valueDate": "2026-01-15"},
        ],
        "identifier": [
            {"use": "official", "type": concept(NUMBER, "VN"), "system": f"{SID}/venue", "value": "V101"},
            {"use": "temp", "type": concept(NUMBER, "VN"), "system": f"{SID}/preadmission", "value": "PRE1"},
            ACCOUNT,
        ],
        "status": "finished",
        "statusHistory": [
            {"status": "planned", "period": _during("2026-01-02T09:00", "2026-01-10T18:00")},
            {"status": "in-progress", "period": _during("2026-01-10T18:00", "2026-01-13T08:00")},
            {"status": "onleave", "period": _during("2026-01-13T08:00", "2026-01-14T18:00")},
            {"status": "in-progress", "period": _during("2026-01-14T18:00", "2026-01-15T11:00")},
        ],
        "class": _class("IMP"),
        "classHistory": [
            {"class": _class("EMER"), "period": _during("2026-01-10T18:00", "2026-01-10T22:00")},
            {"class": _class("IMP"), "period": _during("2026-01-10T22:00", "2026-01-15T11:00")},
        ],
        "type": [concept(f"{HL7}/v2-0007", "R"), concept(activity, "03")],
        "serviceType": concept(f"{CORE}/CodeSystem/fr-core-cs-discipline-prestation", "127"),
        "subject": {"reference": "Patient/pat-1"},
        "participant": [
            {
                "type": [concept(f"{HL7}/v3-ParticipationType", "ATND")],
                "individual": {"type": "Practitioner", "display": "Leclerc"},
            }
        ],
        "period": _during("2026-01-10T18:00", "2026-01-15T11:00"),
        "account": [{"type": "Account", "identifier": ACCOUNT}],
        "hospitalization": {
            "origin": {"type": "Organization", "identifier": {"system": finess, "value": "750100125"}},
            "admitSource": concept(f"{HL7}/v2-0023", "7"),
            "destination": {"type": "Organization", "identifier": {"system": finess, "value": "750100133"}},
            "dischargeDisposition": concept(f"{CORE}/CodeSystem/fr-core-cs-circonstances-sortie", "3"),
        },
        "location": [
            _place("uh-1", "completed", "wa", _during("2026-01-10T18:00", "2026-01-10T22:00")),
            _place("bed-3", "completed", "bd", _during("2026-01-10T22:00", "2026-01-13T08:00")),
            _place("uh-1", "completed", "wa", _during("2026-01-14T18:00", "2026-01-15T11:00")),
        ],
        "serviceProvider": {"reference": f"Organization/uf-{UF}"},
    }


def test_a_planned_venue_has_the_expected_date_as_its_period() -> None:
    row = VENUE._replace(expected_admit_at=at("2026-01-10 18:00"))

    assert rendered(row, "08:00 A05")["period"] == _during("2026-01-10T18:00")
    assert rendered(row)["period"] == _during("2026-01-10T18:00")


@pytest.mark.parametrize(("lines", "status"), [(["08:00 A05"], "planned"), ([], "cancelled")])
def test_a_venue_without_any_date_says_that_its_period_is_unknown(lines: list[str], status: str) -> None:
    found = rendered(VENUE, *lines)

    assert (found["status"], found["period"]) == (status, UNKNOWN)


def test_how_the_stay_ended_is_not_said_before_it_has() -> None:
    row = VENUE._replace(discharge_disposition="3", destination_finess="750100125")

    assert "hospitalization" not in rendered(row, "08:00 A01")
    assert set(rendered(row, "08:00 A01", "09:00 A03")["hospitalization"]) == {
        "destination",
        "dischargeDisposition",
    }


@pytest.mark.parametrize("code", codes.ADMIT_SOURCE)
def test_a_source_of_admission_that_is_only_french_is_text(code: str) -> None:
    found = rendered(VENUE._replace(admit_source=code), "08:00 A01")["hospitalization"]["admitSource"]

    assert found == ({"text": code} if code in ("90", "91") else concept(f"{HL7}/v2-0023", code))


@pytest.mark.parametrize(
    ("code", "system"),
    [
        *((code, f"{HL7}/v2-0007") for code in "CLNRU"),
        *((code, f"{CORE}/CodeSystem/fr-core-cs-type-admission") for code in ("RM", "IE")),
    ],
)
def test_a_type_of_admission_has_the_system_that_holds_it(code: str, system: str) -> None:
    assert rendered(VENUE._replace(admission_type=code), "08:00 A01")["type"] == [concept(system, code)]


@pytest.mark.parametrize("patient_class", codes.PATIENT_CLASS)
def test_every_class_of_patient_has_its_class_of_encounter(patient_class: str) -> None:
    found = rendered(VENUE._replace(patient_class=patient_class), "08:00 A01")

    assert found["class"] == _class(codes.PATIENT_CLASS[patient_class])


def test_the_type_of_activity_is_the_last_one_known() -> None:
    rows = [
        row._replace(activity_type=code)
        for row, code in zip(
            movements("08:00 A01", "09:00 A02", "10:00 A02"), ("03", "04", None), strict=True
        )
    ]

    found = content(venues.venue(VENUE._replace(activity_type="10"), rows, CONTEXT))

    assert found["type"] == [concept(f"{CORE}/CodeSystem/fr-core-cs-type-activite", "04")]


PLACES = {
    "the patient is in it": (
        ["08:00 A01 bed"],
        [_place("bed-3", "active", "bd", _during("2026-01-10T08:00"))],
    ),
    "kept during a leave": (
        ["08:00 A01 bed", "09:00 A21 bed"],
        [
            _place("bed-3", "completed", "bd", _during("2026-01-10T08:00", "2026-01-10T09:00")),
            _place("bed-3", "reserved", "bd", _during("2026-01-10T09:00")),
        ],
    ),
    "a bed that a transfer will need": (
        ["08:00 A01 uh", "09:00 A15 bed"],
        [
            _place("uh-1", "active", "wa", _during("2026-01-10T08:00")),
            _place("bed-3", "reserved", "bd"),
        ],
    ),
    "a ward that a transfer will go to": (
        ["08:00 A01 bed", "09:00 A15 uh"],
        [
            _place("bed-3", "active", "bd", _during("2026-01-10T08:00")),
            _place("uh-1", "planned", "wa"),
        ],
    ),
    "a room that a pre-admission names": (["08:00 A05 room"], [_place("room-2", "planned", "ro")]),
}


@pytest.mark.parametrize(("lines", "expected"), PLACES.values(), ids=PLACES.keys())
def test_a_place_of_a_venue(lines: list[str], expected: list[dict[str, Any]]) -> None:
    assert rendered(VENUE, *lines)["location"] == expected


def test_an_attending_doctor_is_a_logical_reference() -> None:
    (row,) = movements("08:00 A01")
    row = row._replace(attending_rpps="10101201234", attending_name="Dr Leclerc")

    found = content(venues.venue(VENUE, [row], CONTEXT))

    assert found["participant"] == [
        {
            "type": [concept(f"{HL7}/v3-ParticipationType", "ATND")],
            "individual": {
                "type": "Practitioner",
                "identifier": {
                    "type": concept(f"{CORE}/CodeSystem/fr-core-cs-v2-0203", "RPPS"),
                    "system": "https://rpps.esante.gouv.fr",
                    "value": "10101201234",
                },
                "display": "Dr Leclerc",
            },
        }
    ]
