"""Values of the elements of FR Core's datatypes."""

from typing import Final

from fhir_reading.changes import GONE
from fhir_reading.elements.samples import KEPT, REFUSED, TOLD, bound, every

SAMPLES: Final = {
    "HumanName.id": every("patient", "name[0].id", ("x", TOLD)),
    "HumanName.use": bound(
        "patient", "name[1]", ({"use": "nickname", "family": "X"}, TOLD), ({"use": "x", "family": "X"}, TOLD)
    ),
    "HumanName.text": every("patient", "name[0].text", ("x", TOLD)),
    "HumanName.family": every("patient", "name[0].family", ("x" * 101, TOLD), (" X ", KEPT), ("X\nY", TOLD)),
    "HumanName.given": every(
        "patient", "name[0].given", (["A", "B"], KEPT), (["x" * 101], TOLD), ([" A "], KEPT)
    ),
    "HumanName.prefix": bound("patient", "name[0].prefix", (["MME"], KEPT), (["Pr"], TOLD)),
    "HumanName.suffix": every("patient", "name[0].suffix", (["x"], TOLD)),
    "HumanName.period": every("patient", "name[0].period", ({"start": "2020"}, TOLD)),
    "Address.id": every("patient", "address[0].id", ("x", TOLD)),
    "Address.use": bound("patient", "address[0].use", ("billing", TOLD), ("x", TOLD)),
    "Address.type": bound("patient", "address[0].type", ("both", TOLD), ("x", TOLD)),
    "Address.text": every("patient", "address[0].text", ("x", TOLD)),
    "Address.line": every(
        "patient",
        "address[0].line",
        (["1", "2"], KEPT),
        (["1", "2", "3"], TOLD),
        ([" "], TOLD),
        (["x" * 201], TOLD),
    ),
    "Address.city": every("patient", "address[0].city", ("x ", KEPT), ("x" * 101, TOLD)),
    "Address.district": every("patient", "address[0].district", ("x", TOLD)),
    "Address.state": every("patient", "address[0].state", ("x", TOLD)),
    "Address.postalCode": every("patient", "address[0].postalCode", ("75001 ", KEPT), ("x" * 21, TOLD)),
    "Address.country": every(
        "patient", "address[0].country", ("FRA", KEPT), ("FR", TOLD), ("FRANCE", TOLD), ("Ailleurs", TOLD)
    ),
    "Address.period": every(
        "patient", "address[0].period", ({"start": "2020-01-01"}, TOLD), ({"start": "x"}, TOLD)
    ),
    "ContactPoint.id": every("patient", "telecom[0].id", ("x", TOLD)),
    "ContactPoint.system": bound(
        "patient",
        "telecom[1]",
        ({"system": "fax", "value": "1"}, TOLD),
        ({"system": "x", "value": "1"}, REFUSED),
    ),
    "ContactPoint.value": every("patient", "telecom[0].value", ("1 ", KEPT), ("x" * 41, TOLD), (" ", TOLD))
    + every("patient", "telecom[1]", ({"system": "email", "value": f"{'x' * 100}@example.org"}, TOLD)),
    "ContactPoint.use": bound("patient", "telecom[0].use", ("temp", TOLD), ("x", TOLD))
    + every("patient", "telecom[0].use", (GONE, TOLD)),
    "ContactPoint.rank": every("patient", "telecom[0].rank", (1, KEPT)),
    "ContactPoint.period": every("patient", "telecom[0].period", ({"start": "2020-01-01T00:00:00Z"}, TOLD)),
}
