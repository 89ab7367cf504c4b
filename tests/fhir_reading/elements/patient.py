"""Values of the elements of fr-core-patient."""

from typing import Final

from fhir_reading.changes import GONE
from fhir_reading.elements.samples import (
    HL7,
    IPP,
    KEPT,
    PERIODS,
    REFUSED,
    SYSTEM,
    TOLD,
    Sample,
    bound,
    concept,
    every,
    extension,
    of_any,
)

SAMPLES: Final = of_any("patient") | {
    "Patient.identifier": every("patient", "identifier", (GONE, KEPT), ([IPP, IPP], TOLD)),
    "Patient.identifier.use": [
        Sample("patient", "identifier[0].use", "old", KEPT),
        Sample("patient", "identifier[0].use", GONE, TOLD),
        Sample("patient", "identifier[0].use", "other", REFUSED, is_listed=False),
        # fr-core-vs-patient-identifier-use-pi, required.
        Sample("patient", "identifier[0].use", "official", REFUSED, is_listed=False),
    ],
    "Patient.identifier.type": bound(
        "patient",
        "identifier[1]",
        ({"use": "official", "type": concept(f"{HL7}/v2-0203", "NH"), "system": "urn:x", "value": "1"}, TOLD),
        ({"type": {"text": "x"}, "system": "urn:x", "value": "1"}, TOLD),
    ),
    "Patient.identifier.system": every(
        "patient",
        "identifier[1]",
        (IPP | {"system": GONE}, TOLD),
        (IPP | {"system": "HTTP://x"}, TOLD),
        (IPP | {"system": f"urn:{'x' * 200}"}, TOLD),
    ),
    "Patient.identifier.value": every(
        "patient",
        "identifier[1]",
        (IPP | {"value": GONE}, TOLD),
        (IPP | {"value": "8 "}, TOLD),
        (IPP | {"value": "x" * 65}, TOLD),
        (IPP | {"value": " "}, TOLD),
    ),
    "Patient.identifier.period": every("patient", "identifier[0].period", *PERIODS),
    "Patient.identifier.assigner": every("patient", "identifier[0].assigner", ({"display": "x"}, TOLD)),
    "Patient.active": every("patient", "active", (GONE, KEPT), (False, KEPT)),
    "Patient.name": every(
        "patient", "name", (GONE, KEPT), ([{"text": "X Y"}], TOLD), ([{"use": "anonymous"}], TOLD)
    ),
    "Patient.telecom": every(
        "patient",
        "telecom",
        (GONE, KEPT),
        ([{"system": "email", "value": "x@example.org"}], KEPT),
        ([{"_system": {"extension": [extension("x")]}, "value": "1"}], TOLD),
    ),
    "Patient.gender": bound("patient", "gender", ("female", KEPT), ("M", REFUSED)),
    "Patient.birthDate": every(
        "patient",
        "birthDate",
        ("1974", KEPT),
        ("1974-12", KEPT),
        (GONE, KEPT),
        ("1849-01-01", TOLD),
        ("0001", TOLD),
    ),
    "Patient.deceased[x]": [
        *every("patient", "deceasedBoolean", (True, KEPT)),
        *every(
            "patient",
            "deceasedDateTime",
            ("2024", KEPT),
            ("2024-02", KEPT),
            ("2024-02-03", KEPT),
            ("2024-02-03T10:00:00Z", KEPT),
            ("2016-12-31T23:59:60Z", TOLD),
            ("1960", TOLD),
            ("0001-01-01", TOLD),
        ),
    ],
    "Patient.address": every("patient", "address", (GONE, KEPT), ([{"text": "1 rue X\n75001 PARIS"}], TOLD)),
    "Patient.maritalStatus": bound(
        "patient", "maritalStatus", (concept(f"{SYSTEM}-marital-status", "PACS"), KEPT), ({"text": "x"}, TOLD)
    ),
    "Patient.multipleBirth[x]": [
        *every("patient", "multipleBirthBoolean", (True, TOLD)),
        *every("patient", "multipleBirthInteger", (2, KEPT), (21, TOLD), (-1, TOLD)),
    ],
    "Patient.photo": every("patient", "photo", ([{"title": "x"}], TOLD)),
    "Patient.contact": every(
        "patient",
        "contact",
        (GONE, KEPT),
        ([{"telecom": [{"system": "fax", "value": "1"}]}], TOLD),
        ([{"organization": {"display": "x"}}], TOLD),
    ),
    "Patient.contact.modifierExtension": every(
        "patient", "contact[0].modifierExtension", ([extension("x")], REFUSED)
    ),
    "Patient.contact.relationship": bound(
        "patient",
        "contact[0].relationship",
        ([concept(f"{HL7}/v2-0131", "C")], KEPT),
        ([concept(f"{HL7}/v2-0131", "E"), {"text": "x"}], TOLD),
    ),
    "Patient.contact.name": every(
        "patient",
        "contact[0].name",
        ({"text": "X Y"}, TOLD),
        ({"family": "x" * 101}, TOLD),
        ({"use": "old", "family": "X"}, TOLD),
    ),
    "Patient.contact.telecom": every(
        "patient",
        "contact[0].telecom",
        ([{"system": "phone", "value": "1"}], KEPT),
        ([{"system": "phone", "value": "1", "use": "mobile"}, {"system": "phone", "value": "2"}], TOLD),
    ),
    "Patient.contact.address": every(
        "patient", "contact[0].address", ({"city": "X"}, KEPT), ({"country": "FR", "district": "x"}, TOLD)
    ),
    "Patient.contact.gender": bound("patient", "contact[0].gender", ("other", TOLD), ("x", TOLD)),
    "Patient.contact.organization": every("patient", "contact[0].organization", ({"display": "x"}, TOLD)),
    "Patient.contact.period": every(
        "patient", "contact[0].period", ({"start": "2020"}, TOLD), ({"end": "2010"}, TOLD)
    ),
    "Patient.communication": every("patient", "communication", ([{"language": {"text": "x"}}], TOLD)),
    "Patient.communication.modifierExtension": every(
        "patient",
        "communication",
        ([{"language": {"text": "x"}, "modifierExtension": [extension("x")]}], TOLD),
    ),
    "Patient.communication.language": bound(
        "patient",
        "communication",
        ([{"language": concept("urn:ietf:bcp:47", "fr")}], TOLD),
        ([{"language": {"text": "x"}}], TOLD),
    ),
    "Patient.communication.preferred": every(
        "patient", "communication", ([{"language": {"text": "x"}, "preferred": True}], TOLD)
    ),
    "Patient.generalPractitioner": every("patient", "generalPractitioner", ([{"display": "x"}], TOLD)),
    "Patient.managingOrganization": every(
        "patient",
        "managingOrganization",
        (GONE, KEPT),
        ({"display": "x"}, TOLD),
        ({"reference": "#1"}, TOLD),
        ({"identifier": {"value": "1"}}, TOLD),
        ({"reference": "Organization/ej-1/_history/2"}, KEPT),
        ({"reference": "Organization/ej-1", "display": "x"}, KEPT),
    ),
    "Patient.link": every("patient", "link", (GONE, KEPT)),
    "Patient.link.modifierExtension": every(
        "patient",
        "link",
        (
            [
                {
                    "other": {"reference": "Patient/pat-2"},
                    "type": "replaced-by",
                    "modifierExtension": [extension("x")],
                }
            ],
            REFUSED,
        ),
    ),
    "Patient.link.other": every(
        "patient",
        "link",
        ([{"other": {"reference": "Patient/pat-2/_history/1"}, "type": "replaced-by"}], KEPT),
        ([{"other": {"display": "x"}, "type": "replaced-by"}], REFUSED),
    ),
    "Patient.link.type": bound(
        "patient",
        "link",
        ([{"other": {"reference": "Patient/pat-2"}, "type": "refer"}], TOLD),
        ([{"other": {"reference": "Patient/pat-2"}, "type": "x"}], TOLD),
    ),
}
