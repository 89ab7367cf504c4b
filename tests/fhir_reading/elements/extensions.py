"""Values of the extensions of patients, units and places."""

from typing import Final

from fhir_reading.elements.samples import (
    ISO,
    KEPT,
    PERIODS,
    R4,
    R13,
    R66,
    REFUSED,
    SYSTEM,
    TOLD,
    Sample,
    bound,
    coding,
    concept,
    every,
    extension,
    of_extension,
    reliability,
)

SAMPLES: Final = {
    f"fr-core-identity-reliability.{part}": [
        Sample("patient", "extension[1]", reliability(part, **{value: sample}), outcome, is_listed)
        for sample, outcome, is_listed in samples
    ]
    for part, value, samples in (
        (
            "identityStatus",
            "valueCoding",
            [(coding(f"{SYSTEM}-v2-0445", "PROV"), KEPT, True), (coding("urn:x", "y"), TOLD, False)],
        ),
        (
            "methodCollection",
            "valueCoding",
            [(coding(f"{SYSTEM}-method-collection", "CV"), KEPT, True), (coding("urn:x", "y"), TOLD, False)],
        ),
        (
            "dateCollection",
            "valueDate",
            [("2020-01-01", KEPT, True), ("2020-01", TOLD, True), ("0001-01-01", TOLD, True)],
        ),
        ("validationDate", "valueDate", [("2020-01-01", KEPT, True), ("2020", TOLD, True)]),
        (
            "validationMode",
            "valueCoding",
            [
                (coding(f"{SYSTEM}-mode-validation-identity", "CC"), KEPT, True),
                (coding("urn:x", "y"), REFUSED, False),
            ],
        ),
    )
} | {
    "fr-core-patient-nationality.code": [
        Sample("patient", "extension[0].extension[0].valueCodeableConcept", value, outcome, is_listed)
        for value, outcome, is_listed in (
            (concept(ISO, "BE"), KEPT, True),
            (concept(ISO, "BEL"), TOLD, True),
            ({"text": "x"}, TOLD, False),
            (concept("urn:x", "y"), TOLD, False),
            (concept(ISO, "250"), TOLD, True),
        )
    ],
    "fr-core-patient-nationality.period": every(
        "patient", "extension[0].extension[1]", ({"url": "period", "valuePeriod": {"start": "2020"}}, TOLD)
    ),
    "fr-core-patient-death-place": of_extension(
        "patient", "fr-core-patient-death-place", "valueAddress", ({"city": "x", "country": "FR"}, TOLD)
    ),
    "fr-core-patient-birthdate-update-indicator": of_extension(
        "patient", "fr-core-patient-birthdate-update-indicator", "valueBoolean", (True, KEPT)
    ),
    "patient-birthPlace": of_extension(
        "patient",
        f"{R4}/patient-birthPlace",
        "valueAddress",
        ({"city": "x", "country": "BEL", "use": "old"}, TOLD),
    ),
    "fr-core-lunar-date": of_extension("patient", "fr-core-lunar-date", "valueString", ("x", KEPT))
    + of_extension("patient", "fr-core-lunar-date", "valueString", ("x" * 41, TOLD))
    + of_extension("patient", "fr-core-lunar-date", "valueString", (" ", TOLD)),
    "fr-core-address-insee-code": bound(
        "patient",
        "address[0].extension",
        ([extension("fr-core-address-insee-code", valueCoding=coding(R13, "75056"))], KEPT),
        ([extension("fr-core-address-insee-code", valueCoding=coding(R13, "x"))], REFUSED),
    ),
    "fr-core-patient-birth-list-given-name": every(
        "patient",
        "name[0].extension",
        ([extension("fr-core-patient-birth-list-given-name", valueString="Pierre  ")], KEPT),
        ([extension("fr-core-patient-birth-list-given-name", valueString="x" * 201)], TOLD),
    ),
    "humanname-assembly-order": bound(
        "patient",
        "name[0].extension",
        ([extension(f"{R4}/humanname-assembly-order", valueCode="NL1")], TOLD),
        ([extension(f"{R4}/humanname-assembly-order", valueCode="x")], TOLD),
    ),
    "fr-core-contact-point-email-type": bound(
        "patient",
        "telecom[0].extension",
        ([extension("fr-core-contact-point-email-type", valueCoding=coding("urn:x", "y"))], TOLD),
        ([extension("fr-core-contact-point-email-type", valueCoding=coding("urn:x", "z"))], TOLD),
    ),
    "fr-core-patient-contact-identifier": every(
        "patient",
        "contact[0].extension",
        ([extension("fr-core-patient-contact-identifier", valueIdentifier={"value": "1"})], TOLD),
    ),
    "fr-core-comment": every(
        "patient", "contact[0].extension", ([extension("fr-core-comment", valueString="x")], TOLD)
    ),
    "fr-core-patient-contact-relationship-category": bound(
        "patient", "contact[0].relationship[0].extension[0].valueCode", ("role", KEPT), ("x", REFUSED)
    )
    + every("patient", "contact[0].relationship[0].extension[0].valueCode", ("relationType", TOLD)),
    "fr-core-organization-short-name": of_extension(
        "eg", "fr-core-organization-short-name", "valueString", ("x" * 101, TOLD)
    ),
    "organization-period": [
        Sample("eg", "extension[1]", extension(f"{R4}/organization-period", valuePeriod=value), outcome)
        for value, outcome in PERIODS
    ],
    "note": of_extension("unit", f"{R4}/note", "valueAnnotation", ({"text": "x"}, TOLD)),
    "fr-core-organization-member": of_extension(
        "eg",
        "fr-core-organization-member",
        "valueReference",
        ({"reference": "Organization/uf-6000/_history/1"}, KEPT),
    )
    + of_extension("eg", "fr-core-organization-member", "valueReference", ({"display": "x"}, TOLD)),
    "fr-core-organization-raison-sociale": of_extension(
        "eg", "fr-core-organization-raison-sociale", "valueString", ("x" * 201, TOLD)
    ),
    "fr-core-organization-sae-categorie": bound(
        "eg", "extension[0].valueCodeableConcept", (concept(R66, "101"), KEPT), (concept(R66, "1"), REFUSED)
    ),
    "fr-core-organization-discipline-equipement": of_extension(
        "uf",
        "fr-core-organization-discipline-equipement",
        "valueCoding",
        (coding(f"{SYSTEM}-discipline-equipement", "45"), KEPT),
        (coding(f"{SYSTEM}-discipline-equipement", "a b"), TOLD),
    ),
    "fr-core-organization-type-activite": of_extension(
        "uf",
        "fr-core-organization-type-activite",
        "valueCodeableConcept",
        (concept(f"{SYSTEM}-type-activite", "01"), KEPT),
        (concept(f"{SYSTEM}-type-activite", "22"), REFUSED),
    ),
    "fr-core-organization-champ-activite": of_extension(
        "uf",
        "fr-core-organization-champ-activite",
        "valueCoding",
        (coding(f"{SYSTEM}-champ-activite", "MCO"), KEPT),
        (coding("urn:x", "y"), TOLD),
    ),
    "fr-core-organization-place-hebergement-theorique": every(
        "uf", "extension[0].valueInteger", (0, KEPT), (-1, TOLD), (10_001, TOLD)
    ),
    **{
        f"fr-core-organization-{name}": of_extension(
            "uf", f"fr-core-organization-{name}", "valueBoolean", (False, KEPT)
        )
        for name in ("uf-externe", "demandeuse-acte", "executante-acte")
    },
    "fr-core-organization-uf-indicateur": of_extension(
        "uf",
        "fr-core-organization-uf-indicateur",
        "valueCodeableConcept",
        (concept(f"{SYSTEM}-uf-indicateur", "MED"), KEPT),
        (concept("urn:x", "y"), REFUSED),
    ),
    "fr-core-organization-discipline-prestation": of_extension(
        "uf",
        "fr-core-organization-discipline-prestation",
        "valueCoding",
        (coding("urn:x", "y"), TOLD),
        (coding("urn:x", "z"), TOLD),
    ),
    "fr-core-organization-tarif": of_extension(
        "uf",
        "fr-core-organization-tarif",
        "valueCoding",
        (coding(f"{SYSTEM}-code-tarif-tnjp", "03"), TOLD),
        (coding("urn:x", "y"), TOLD),
    ),
    "fr-core-location-type-chambre": of_extension(
        "place",
        "fr-core-location-type-chambre",
        "valueCoding",
        (coding(f"{SYSTEM}-location-type-chambre", "STD"), TOLD),
        (coding("urn:x", "y"), TOLD),
    ),
    "fr-core-location-position-lit": of_extension(
        "bed",
        "fr-core-location-position-lit",
        "valueCoding",
        (coding(f"{SYSTEM}-location-position-lit", "FNTR"), KEPT),
        (coding("urn:x", "y"), TOLD),
    ),
}
