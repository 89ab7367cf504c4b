"""Values of the elements of fr-core-location."""

from typing import Final

from fhir_reading.changes import GONE
from fhir_reading.elements.samples import (
    HL7,
    KEPT,
    REFUSED,
    TOLD,
    Sample,
    bound,
    coding,
    concept,
    every,
    extension,
    of_any,
)

SAMPLES: Final = of_any("bed") | {
    "Location.identifier": every(
        "bed",
        "identifier",
        (GONE, REFUSED),
        ([{"use": "old", "system": "https://chu.example/place", "value": "1"}], REFUSED),
    ),
    "Location.status": bound("bed", "status", ("inactive", KEPT), ("x", REFUSED)),
    "Location.operationalStatus": bound(
        "bed", "operationalStatus", (coding(f"{HL7}/v2-0116", "O"), KEPT), (coding("urn:x", "y"), TOLD)
    ),
    "Location.name": every("bed", "name", (GONE, TOLD), ("x" * 201, TOLD)),
    "Location.alias": every("bed", "alias", (["x"], TOLD)),
    "Location.description": every("bed", "description", ("x", KEPT), ("x\ny", TOLD), ("x" * 1001, TOLD)),
    "Location.mode": [
        *bound("bed", "mode", ("instance", KEPT), ("x", REFUSED)),
        Sample("bed", "mode", GONE, KEPT),
        # A kind of places is no place.
        Sample("bed", "mode", "kind", REFUSED),
    ],
    "Location.type": bound("bed", "type", (GONE, KEPT), ([concept("urn:x", "y")], REFUSED)),
    "Location.telecom": every("bed", "telecom", (GONE, KEPT), ([{"system": "email", "value": "x"}], TOLD)),
    "Location.address": every("bed", "address", ({"city": "x"}, TOLD)),
    "Location.physicalType": bound("bed", "physicalType", (GONE, KEPT), ({"text": "x"}, TOLD)),
    "Location.position": every("bed", "position", (GONE, KEPT), ({"latitude": 1, "longitude": 181}, TOLD)),
    "Location.position.modifierExtension": every(
        "bed", "position", ({"latitude": 1, "longitude": 1, "modifierExtension": [extension("x")]}, REFUSED)
    ),
    "Location.position.longitude": every("place", "position.longitude", (5, KEPT), (-181, TOLD)),
    "Location.position.latitude": every("place", "position.latitude", (46.25, KEPT), (91, TOLD)),
    "Location.position.altitude": every("place", "position.altitude", (200, TOLD)),
    "Location.managingOrganization": every(
        "bed",
        "managingOrganization",
        (GONE, KEPT),
        ({"display": "x"}, TOLD),
        ({"reference": "Organization/uf-1/_history/1"}, KEPT),
    ),
    "Location.partOf": every(
        "bed", "partOf", (GONE, KEPT), ({"display": "x"}, TOLD), ({"reference": "#x"}, TOLD)
    ),
    "Location.hoursOfOperation": every("bed", "hoursOfOperation", ([{"allDay": True}], TOLD)),
    "Location.hoursOfOperation.modifierExtension": every(
        "bed", "hoursOfOperation", ([{"modifierExtension": [extension("x")]}], TOLD)
    ),
    "Location.hoursOfOperation.daysOfWeek": bound(
        "bed", "hoursOfOperation", ([{"daysOfWeek": ["mon"]}], TOLD), ([{"daysOfWeek": ["x"]}], TOLD)
    ),
    "Location.hoursOfOperation.allDay": every("bed", "hoursOfOperation", ([{"allDay": True}], TOLD)),
    "Location.hoursOfOperation.openingTime": every(
        "bed", "hoursOfOperation", ([{"openingTime": "08:00:00"}], TOLD)
    ),
    "Location.hoursOfOperation.closingTime": every(
        "bed", "hoursOfOperation", ([{"closingTime": "18:00:00"}], TOLD)
    ),
    "Location.availabilityExceptions": every("bed", "availabilityExceptions", ("x", TOLD)),
    "Location.endpoint": every("bed", "endpoint", ([{"display": "x"}], TOLD)),
}
