"""Values of the elements of fr-core-organization-etablissement."""

from typing import Final

from fhir_reading.changes import GONE
from fhir_reading.elements.samples import (
    HL7,
    KEPT,
    REFUSED,
    TOLD,
    Sample,
    bound,
    concept,
    every,
    extension,
    of_any,
)

SAMPLES: Final = of_any("unit") | {
    "Organization.identifier": every("unit", "identifier", (GONE, REFUSED)),
    "Organization.identifier.use": bound("unit", "identifier[0].use", ("secondary", KEPT), ("x", KEPT)),
    "Organization.identifier.type": bound(
        "eg",
        "identifier[0].type",
        (GONE, KEPT),
        (concept("urn:x", "y"), KEPT),
    ),
    "Organization.identifier.system": every(
        "unit", "identifier[1]", ({"value": "1"}, TOLD), ({"system": "urn:x"}, TOLD)
    ),
    "Organization.identifier.value": every("unit", "identifier[0].value", ("x ", TOLD), ("x" * 65, REFUSED))
    + every("eg", "identifier[0].value", ("01 000 0024", TOLD)),
    "Organization.identifier.period": every(
        "unit", "identifier[0].period", ({"start": "2020"}, TOLD), ({"end": "2010"}, TOLD)
    ),
    "Organization.identifier.assigner": every("unit", "identifier[0].assigner", ({"display": "x"}, TOLD)),
    "Organization.active": every("unit", "active", (GONE, KEPT), (False, KEPT)),
    "Organization.type": [
        Sample("unit", "type[1]", concept(f"{HL7}/organization-type", "dept"), TOLD),
        Sample("unit", "type", GONE, REFUSED),
        Sample("unit", "type", [concept(f"{HL7}/organization-type", "dept")], REFUSED, is_listed=False),
    ],
    "Organization.name": every(
        "unit", "name", ("x " * 150, TOLD), (GONE, TOLD), ("a\r\nb", TOLD), (" ", TOLD)
    ),
    "Organization.alias": every("unit", "alias", (["x"], TOLD)),
    "Organization.telecom": every(
        "unit",
        "telecom",
        (GONE, KEPT),
        ([{"system": "phone", "value": "1"}], KEPT),
        ([{"system": "url", "value": "x"}], TOLD),
    ),
    "Organization.address": every(
        "unit",
        "address",
        (GONE, KEPT),
        ([{"city": "A", "use": "old"}, {"city": "B"}], TOLD),
        ([{"city": "A", "use": "home"}], TOLD),
    ),
    "Organization.partOf": every("unit", "partOf", (GONE, KEPT), ({"display": "x"}, TOLD))
    + every("ej", "partOf", ({"display": "GHT X"}, TOLD), ({"reference": "Organization/1"}, TOLD)),
    "Organization.partOf.reference": every(
        "unit",
        "partOf",
        ({"reference": "Organization/ej-1/_history/4"}, KEPT),
        ({"reference": "#1"}, TOLD),
        (
            {
                "reference": "#1",
                "identifier": {"system": "https://finess.esante.gouv.fr", "value": "010780054"},
            },
            TOLD,
        ),
    ),
    "Organization.partOf.type": bound(
        "unit", "partOf.type", ("GEOGRAPHICAL-ENTITY", KEPT), ("Organization", KEPT)
    ),
    "Organization.partOf.identifier": every("unit", "partOf", ({"identifier": {"value": "1"}}, TOLD)),
    "Organization.partOf.display": every("unit", "partOf.display", ("x", KEPT)),
    "Organization.contact": every("unit", "contact", ([{"name": {"text": "x"}}], TOLD)),
    "Organization.contact.modifierExtension": every(
        "unit", "contact", ([{"modifierExtension": [extension("x")]}], TOLD)
    ),
    "Organization.contact.purpose": bound(
        "unit",
        "contact",
        ([{"purpose": concept(f"{HL7}/contactentity-type", "ADMIN")}], TOLD),
        ([{"purpose": {"text": "x"}}], TOLD),
    ),
    "Organization.contact.name": every("unit", "contact", ([{"name": {"text": "x"}}], TOLD)),
    "Organization.contact.telecom": every(
        "unit", "contact", ([{"telecom": [{"system": "phone", "value": "1"}]}], TOLD)
    ),
    "Organization.contact.address": every("unit", "contact", ([{"address": {"city": "x"}}], TOLD)),
    "Organization.endpoint": every("unit", "endpoint", ([{"display": "x"}], TOLD)),
}
