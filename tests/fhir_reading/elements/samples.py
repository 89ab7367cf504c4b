"""A value of an element, with what becomes of it, and how such values are written down."""

from typing import Any, Final, NamedTuple

from fhir_reading.changes import GONE

KEPT: Final = "kept"
TOLD: Final = "told"
REFUSED: Final = "refused"
Outcome = str
"""One of these."""
CORE: Final = "https://hl7.fr/ig/fhir/core"
DEFINITION: Final = f"{CORE}/StructureDefinition"
SYSTEM: Final = f"{CORE}/CodeSystem/fr-core-cs"
HL7: Final = "http://terminology.hl7.org/CodeSystem"
R4: Final = "http://hl7.org/fhir/StructureDefinition"
IPP: Final = {
    "use": "usual",
    "type": {"coding": [{"system": f"{HL7}/v2-0203", "code": "PI"}]},
    "system": "https://chu.example/ipp",
    "value": "8",
}


class Sample(NamedTuple):
    """One value of an element."""

    resource: str
    """The valid resource that is changed: see `changes.valid`."""
    at: str
    """Where: a path in it."""
    value: Any
    outcome: Outcome
    is_listed: bool = True
    """Whether the binding's list holds it, where the element has one."""


def concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def coding(system: str, code: str) -> dict[str, Any]:
    return {"system": system, "code": code}


def extension(name: str, **value: object) -> dict[str, Any]:
    return {"url": name if "://" in name else f"{DEFINITION}/{name}", **value}


def reliability(name: str, **value: object) -> dict[str, Any]:
    return extension("fr-core-identity-reliability", extension=[{"url": name, **value}])


def every(resource: str, at: str, *samples: tuple[object, Outcome]) -> list[Sample]:
    return [Sample(resource, at, value, outcome) for value, outcome in samples]


def bound(
    resource: str, at: str, listed: tuple[object, Outcome], other: tuple[object, Outcome]
) -> list[Sample]:
    """A value of the binding's list, and one that it does not hold."""
    return [Sample(resource, at, *listed), Sample(resource, at, *other, is_listed=False)]


def of_any(resource: str) -> dict[str, list[Sample]]:
    """The elements that every resource has."""
    name = {"patient": "Patient", "unit": "Organization", "bed": "Location"}[resource]
    return {
        f"{name}.id": every(resource, "id", ("a1", KEPT), (GONE, KEPT)),
        f"{name}.meta": every(
            resource,
            "meta",
            ({"versionId": "1", "lastUpdated": "2026-01-01T00:00:00Z"}, KEPT),
            ({"source": "#1"}, TOLD),
        ),
        f"{name}.implicitRules": every(resource, "implicitRules", ("urn:x", REFUSED)),
        f"{name}.language": bound(resource, "language", ("fr", TOLD), ("xx-any", TOLD)),
        f"{name}.text": every(resource, "text", ({"status": "generated", "div": "<div>x</div>"}, TOLD)),
        f"{name}.contained": every(
            resource, "contained", ([{"resourceType": "Organization", "id": "x"}], TOLD)
        ),
        f"{name}.modifierExtension": every(resource, "modifierExtension", ([extension("x")], REFUSED)),
    }


PERIODS: Final[tuple[tuple[object, Outcome], ...]] = (
    ({"start": "2020-01-01"}, KEPT),
    ({"start": "2020-05"}, TOLD),
    ({"start": "2019-05-31T22:00:00Z"}, KEPT),
    ({"start": "2019-05-31T10:00:00.5Z"}, TOLD),
    ({"start": "2016-12-31T23:59:60Z"}, TOLD),
    ({"start": "0001-01-01", "end": "9999-12-31"}, TOLD),
    ({"start": "2020-05", "end": "2020"}, TOLD),
)
R13: Final = "https://mos.esante.gouv.fr/NOS/TRE_R13-CommuneOM/FHIR/TRE-R13-CommuneOM"
R66: Final = (
    "https://mos.esante.gouv.fr/NOS/TRE_R66-CategorieEtablissement/FHIR/TRE-R66-CategorieEtablissement"
)
ISO: Final = "urn:iso:std:iso:3166"


def of_extension(
    resource: str,
    name: str,
    value: str,
    listed: tuple[object, Outcome],
    other: tuple[object, Outcome] | None = None,
) -> list[Sample]:
    """An extension of a resource, with a value of the binding's list and one that it does not hold."""
    at = {"patient": "extension[1]", "unit": "extension[2]", "uf": "extension[2]", "eg": "extension[1]"}.get(
        resource, "extension"
    )
    found = []
    for is_listed, sample in ((True, listed), (False, other)):
        if sample is not None:
            made = extension(name, **{value: sample[0]})
            found.append(Sample(resource, at, [made] if at == "extension" else made, sample[1], is_listed))
    return found
