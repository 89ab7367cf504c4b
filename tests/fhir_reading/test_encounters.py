"""What R4 allows in an Encounter never refuses it: each binding and each optional element, once."""

from typing import Any

import pytest
from fhir.samples import BASE
from fhir_reading.changes import GONE, READER, changed, said_of, valid
from fhirexport_server.fhir.reading.bundles.bundle import line
from fhirexport_server.fhir.reading.json.problems import Problems
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext
from fhirexport_server.fhir.reading.resources.dispatch import draft
from fhirexport_server.fhir.reading.resources.drafts import MovementDraft, VenueDraft
from msgspec import json

HL7 = "http://terminology.hl7.org/CodeSystem"
FR = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-identifier-type"
ACT = f"{HL7}/v3-ActCode"
ERROR, WARNING = "error", "warning"
X = {"coding": [{"system": "https://example.org/x", "code": "x", "display": "X"}], "text": "x"}
DISPLAY = {"display": "CHU X"}

# v3-ActEncounterCode, whole, and what each is kept as.
CLASSES = {
    "AMB": "O",
    "EMER": "E",
    "FLD": "O",
    "HH": "O",
    "IMP": "I",
    "ACUTE": "I",
    "NONAC": "I",
    "OBSENC": "I",
    "PRENC": "I",
    "SS": "I",
    "VR": "V",
}


def _draft(resource: dict[str, Any], context: ReadingContext = READER) -> VenueDraft | MovementDraft:
    problems = Problems()
    entry = line(json.encode(resource), 0, context, problems)
    assert entry is not None
    found = draft(entry, context, problems)
    assert isinstance(found, VenueDraft | MovementDraft), problems.listed()
    return found


@pytest.mark.parametrize(("code", "kept"), CLASSES.items())
@pytest.mark.parametrize("name", ["venue", "movement"])
def test_every_class_of_the_extensible_binding_is_kept_as_one_of_four(
    name: str, code: str, kept: str
) -> None:
    resource = changed(valid()[name], "class.code", code)

    said = [] if code in {"AMB", "EMER", "IMP", "VR"} else [(WARNING, "Encounter.class")]
    assert said_of(resource) == said
    assert _draft(resource).patient_class == kept


@pytest.mark.parametrize(("code", "kept"), {"E": "E", "I": "I", "O": "O", "R": "O", "P": "I"}.items())
def test_a_patient_class_of_hl7_v2_is_understood(code: str, kept: str) -> None:
    resource = changed(valid()["venue"], "class", {"system": f"{HL7}/v2-0004", "code": code})

    assert said_of(resource) == [(WARNING, "Encounter.class")]
    assert _draft(resource).patient_class == kept


@pytest.mark.parametrize("system", ["http://hl7.org/fhir/v3/ActCode", "urn:oid:2.16.840.1.113883.5.4"])
def test_the_code_system_has_had_other_names(system: str) -> None:
    resource = changed(valid()["venue"], "class", {"system": system, "code": "EMER", "display": "emergency"})

    assert said_of(resource) == [(WARNING, "Encounter.class")]
    assert _draft(resource).patient_class == "E"


def test_a_class_that_is_not_known_is_told_by_the_history_or_refused() -> None:
    foreign = changed(valid()["venue"], "class", {"system": "https://example.org/x", "code": "x"})

    assert said_of(foreign) == [(ERROR, "Encounter.class")]
    history = [{"class": {"system": ACT, "code": "EMER"}, "period": valid()["venue"]["period"]}]
    told = foreign | {"classHistory": history}
    assert said_of(told) == [(WARNING, "Encounter.class")]
    assert _draft(told).patient_class == "E"
    history.append({"class": foreign["class"], "period": valid()["venue"]["period"]})
    assert said_of(told) == [(WARNING, "Encounter.classHistory[1].class"), (WARNING, "Encounter.class")]


def test_a_movement_whose_class_is_not_known_has_the_one_that_holds() -> None:
    foreign = changed(valid()["movement"], "class", {"system": "https://example.org/x", "code": "x"})

    assert said_of(foreign) == [(WARNING, "Encounter.class")]
    assert _draft(foreign).patient_class is None


@pytest.mark.parametrize("status", ["arrived", "triaged"])
def test_who_has_arrived_is_there(status: str) -> None:
    venue = changed(valid()["venue"], "status", status)
    venue = changed(venue, "statusHistory[0].status", status)

    assert said_of(venue) == [
        (WARNING, "Encounter.status"),
        (WARNING, "Encounter.statusHistory[0].status"),
    ]
    found = _draft(venue)
    assert isinstance(found, VenueDraft)
    assert found.summary.status == found.summary.status_history[0][0] == "in-progress"


OPTIONAL: list[tuple[str, Any, list[str]]] = [
    ("text", {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}, ["text"]),
    ("contained", [{"resourceType": "Basic", "id": "b"}], ["contained"]),
    ("language", "fr", ["language"]),
    ("extension[1]", {"url": "https://example.org/x", "valueString": "x"}, ["extension[1]"]),
    ("statusHistory", GONE, []),
    ("statusHistory[0].status", "unknown", []),
    ("type", [X], ["type[0]"]),
    ("serviceType", X, ["serviceType"]),
    ("priority", X, ["priority"]),
    ("episodeOfCare", [DISPLAY], ["episodeOfCare"]),
    ("basedOn", [DISPLAY], ["basedOn"]),
    ("participant", GONE, []),
    ("participant[1]", {"individual": DISPLAY}, ["participant[1]"]),
    ("participant[0].period", {"start": "2026-01-10"}, ["participant[0].period"]),
    ("participant[0].individual", GONE, ["participant[0]"]),
    ("participant[0].individual", {"type": "RelatedPerson", "display": "x"}, ["participant[0].individual"]),
    ("participant[0].individual.reference", "Practitioner/7", ["participant[0].individual.reference"]),
    (
        "participant[0].individual.identifier",
        {"system": "https://rpps.esante.gouv.fr", "value": "1"},
        ["participant[0].individual.identifier"],
    ),
    ("participant[0].type", [X], ["participant[0]"]),
    ("participant[0].type[1]", X, []),
    ("participant[0].type[0].text", "x", []),
    ("appointment", [DISPLAY], ["appointment"]),
    ("length", {"value": 2, "unit": "d"}, ["length"]),
    ("reasonCode", [X], ["reasonCode"]),
    ("reasonReference", [DISPLAY], ["reasonReference"]),
    ("diagnosis", [{"condition": DISPLAY}], ["diagnosis"]),
    ("hospitalization", GONE, []),
    ("hospitalization.preAdmissionIdentifier", {"value": "x"}, ["hospitalization.preAdmissionIdentifier"]),
    ("hospitalization.origin", {"reference": "Location/x"}, ["hospitalization.origin"]),
    ("hospitalization.origin", DISPLAY, ["hospitalization.origin"]),
    ("hospitalization.destination", {"reference": "Organization/x"}, ["hospitalization.destination"]),
    ("hospitalization.admitSource", X, ["hospitalization.admitSource"]),
    ("hospitalization.reAdmission", X, ["hospitalization.reAdmission"]),
    ("hospitalization.dietPreference", [X], ["hospitalization.dietPreference"]),
    ("hospitalization.dischargeDisposition", X, ["hospitalization.dischargeDisposition"]),
    ("location", GONE, []),
    ("location[0].status", GONE, []),
    ("location[0].physicalType", X, ["location[0].physicalType"]),
    ("location[0].period", GONE, []),
    ("serviceProvider", GONE, []),
    ("account", GONE, []),
]


@pytest.mark.parametrize(("path", "value", "warned"), OPTIONAL)
def test_what_is_optional_never_refuses_a_venue(path: str, value: object, warned: list[str]) -> None:
    resource = changed(valid()["venue"], path, value)

    assert said_of(resource) == [(WARNING, f"Encounter.{one}") for one in warned]


def _number(system: str, value: str, type_: object = None, use: str | None = None) -> dict[str, object]:
    found: dict[str, object] = {"system": system, "value": value}
    return found | ({} if type_ is None else {"type": type_}) | ({} if use is None else {"use": use})


VN = {"coding": [{"system": FR, "code": "VN"}]}
HL7_VN = {"coding": [{"system": f"{HL7}/v2-0203", "code": "VN"}]}
OWN = READER.systems["VENUE"]
OTHER = "https://example.org/sid"


@pytest.mark.parametrize(
    ("identifiers", "number", "warned"),
    [
        ([_number(OWN, "1", HL7_VN)], "1", []),
        ([_number(OWN, "1", HL7_VN), _number(OTHER, "2")], "1", ["identifier[1]"]),
        # The EJ's own system says what no type says.
        ([_number(OWN, "1")], "1", ["identifier[0].type"]),
        ([_number(OTHER, "2", X), _number(OWN, "1", X)], "1", ["identifier[1].type", "identifier[0]"]),
        ([_number(OWN, "1", VN), _number(OWN, "2")], "1", ["identifier[1]"]),
    ],
)
def test_the_number_of_a_venue_is_recognized(
    identifiers: list[object], number: str, warned: list[str]
) -> None:
    venue = valid()["venue"] | {"identifier": identifiers, "account": [{"display": "x"}]}

    said = [problem for problem in said_of(venue) if problem[1] != "Encounter.account[0]"]
    assert said == [(WARNING, f"Encounter.{one}") for one in warned]
    found = _draft(venue)
    assert isinstance(found, VenueDraft)
    assert found.venue_no == number


def test_the_only_number_of_an_encounter_is_its_number_while_nothing_else_is_settled() -> None:
    unsettled = ReadingContext(BASE)
    for name, type_ in (("venue", None), ("venue", X), ("movement", None), ("movement", HL7_VN)):
        found = _draft(valid()[name] | {"identifier": [_number(OTHER, "1", type_)]}, unsettled)
        assert (found.venue_no if isinstance(found, VenueDraft) else found.movement_no) == "1"
        assert OTHER in dict(found.systems).values()


@pytest.mark.parametrize("use", [[], {}, ["temp"], 7, None])
def test_a_use_that_is_no_text_is_named_whatever_else_it_is(use: object) -> None:
    for name in ("venue", "movement"):
        identifier = _number(OTHER, "1") | {"use": use}
        problems = Problems()
        entry = line(json.encode(valid()[name] | {"identifier": [identifier]}), 0, READER, problems)
        assert entry is not None
        draft(entry, ReadingContext(BASE), problems)
        assert any("identifier" in problem.expression for problem in problems.listed())


@pytest.mark.parametrize("name", ["venue", "movement"])
def test_nothing_is_created_without_a_number(name: str) -> None:
    for identifiers in ([_number(OTHER, "1")], [_number(OTHER, "1"), _number(OTHER, "2")]):
        said = said_of(valid()[name] | {"identifier": identifiers})
        assert (ERROR, "Encounter.identifier") in said
