"""How an EJ and its units are rendered, in the shapes of FR Core's own examples."""

from fhir.decoding import concept, content
from fhir.samples import COMMUNE, CONTEXT, CORE, EJ, SID, UNIT
from fhirexport_server.domain.rows import OrgMemberRow
from fhirexport_server.fhir.rendering.structure import ej, org_unit

SD = f"{CORE}/StructureDefinition"
KIND = f"{CORE}/CodeSystem/fr-core-cs-v2-3307"
NUMBER = f"{CORE}/CodeSystem/fr-core-cs-v2-0203"
FINESS = "https://finess.esante.gouv.fr"


def test_a_legal_entity_with_nothing_optional() -> None:
    assert content(ej(EJ)) == {
        "resourceType": "Organization",
        "id": "ej-1",
        "meta": {"profile": [f"{SD}/fr-core-organization-etablissement"]},
        "identifier": [
            {"use": "official", "type": concept(NUMBER, "FINEJ"), "system": FINESS, "value": "750712184"}
        ],
        "active": True,
        "type": [concept(KIND, "LEGAL-ENTITY")],
        "name": "CHU EXEMPLE",
    }


def test_a_legal_entity_whose_clocks_are_not_those_of_paris_says_so() -> None:
    assert content(ej(EJ._replace(time_zone="Indian/Reunion")))["meta"] == {
        "extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/timezone", "valueCode": "Indian/Reunion"}
        ],
        "profile": [f"{SD}/fr-core-organization-etablissement"],
    }


def test_a_legal_entity_with_everything() -> None:
    row = EJ._replace(
        siren="267500452",
        idnatst="1750712184",
        legal_name="CENTRE HOSPITALIER UNIVERSITAIRE EXEMPLE",
        short_name="CHU EX",
        phone="+33140000000",
        email="contact@chu-exemple.fr",
        opened_on="1990-01-01",
        active=False,
        address_line="3 avenue Victoria",
        address_line2="Bâtiment B",
        postal_code="75004",
        city="Paris",
        insee_code="75056",
        country="FRA",
    )

    assert content(ej(row)) == {
        "resourceType": "Organization",
        "id": "ej-1",
        "meta": {"profile": [f"{SD}/fr-core-organization-etablissement"]},
        "extension": [
            {"url": f"{SD}/fr-core-organization-short-name", "valueString": "CHU EX"},
            {
                "url": "http://hl7.org/fhir/StructureDefinition/organization-period",
                "valuePeriod": {"start": "1990-01-01"},
            },
            {
                "url": f"{SD}/fr-core-organization-raison-sociale",
                "valueString": "CENTRE HOSPITALIER UNIVERSITAIRE EXEMPLE",
            },
        ],
        "identifier": [
            {
                "use": "official",
                "type": concept(NUMBER, "IDNST"),
                "system": "urn:oid:1.2.250.1.71.4.2.2",
                "value": "1750712184",
            },
            {"use": "official", "type": concept(NUMBER, "FINEJ"), "system": FINESS, "value": "750712184"},
            {
                "use": "official",
                "type": concept(NUMBER, "SIREN"),
                "system": "https://sirene.fr",
                "value": "267500452",
            },
        ],
        "active": False,
        "type": [concept(KIND, "LEGAL-ENTITY")],
        "name": "CHU EXEMPLE",
        "telecom": [
            {"system": "phone", "value": "+33140000000", "use": "work"},
            {"system": "email", "value": "contact@chu-exemple.fr", "use": "work"},
        ],
        "address": [
            {
                "extension": [
                    {
                        "url": f"{SD}/fr-core-address-insee-code",
                        "valueCoding": {"system": COMMUNE, "code": "75056"},
                    }
                ],
                "use": "work",
                "line": ["3 avenue Victoria", "Bâtiment B"],
                "city": "Paris",
                "postalCode": "75004",
                "country": "FRA",
            }
        ],
    }


def test_a_site_directly_below_its_legal_entity() -> None:
    row = UNIT._replace(
        id=40,
        kind="EG",
        code="HN",
        finess="750100125",
        siret="26750045200011",
        name="HOPITAL NORD",
        legal_name="HOPITAL NORD",
        sae_category="101",
    )

    assert content(org_unit(row, [], CONTEXT)) == {
        "resourceType": "Organization",
        "id": "eg-40",
        "meta": {"profile": [f"{SD}/fr-core-organization-etablissement"]},
        "extension": [
            {"url": f"{SD}/fr-core-organization-raison-sociale", "valueString": "HOPITAL NORD"},
            {
                "url": f"{SD}/fr-core-organization-sae-categorie",
                "valueCodeableConcept": concept(
                    "https://mos.esante.gouv.fr/NOS/TRE_R66-CategorieEtablissement/FHIR/TRE-R66-CategorieEtablissement",
                    "101",
                ),
            },
        ],
        "identifier": [
            {"use": "official", "type": concept(NUMBER, "FINEG"), "system": FINESS, "value": "750100125"},
            {
                "use": "official",
                "type": concept(NUMBER, "SIRET"),
                "system": "https://sirene.fr",
                "value": "26750045200011",
            },
            {"system": f"{SID}/structure", "value": "HN"},
        ],
        "active": True,
        "type": [concept(KIND, "GEOGRAPHICAL-ENTITY")],
        "name": "HOPITAL NORD",
        "partOf": {"reference": "Organization/ej-1"},
    }


def test_a_pole_that_a_unit_belongs_to_beside_the_main_tree() -> None:
    row = UNIT._replace(
        id=5,
        kind="POLE",
        parent_id=40,
        parent_kind="EG",
        depth=2,
        code="P01",
        name="Pôle Coeur-Métabolisme",
        short_name="COEUR",
        description="Deux sites",
        opened_on="2015-01-01",
        closed_on="2030-12-31",
        phone="84220",
    )

    assert content(org_unit(row, [OrgMemberRow(5, 6000, "UF")], CONTEXT)) == {
        "resourceType": "Organization",
        "id": "pole-5",
        "meta": {"profile": [f"{SD}/fr-core-organization"]},
        "extension": [
            {"url": f"{SD}/fr-core-organization-short-name", "valueString": "COEUR"},
            {
                "url": "http://hl7.org/fhir/5.0/StructureDefinition/extension-Organization.description",
                "valueMarkdown": "Deux sites",
            },
            {
                "url": "http://hl7.org/fhir/StructureDefinition/organization-period",
                "valuePeriod": {"start": "2015-01-01", "end": "2030-12-31"},
            },
            {
                "url": f"{SD}/fr-core-organization-member",
                "valueReference": {"reference": "Organization/uf-6000"},
            },
        ],
        "identifier": [{"system": f"{SID}/structure", "value": "P01"}],
        "active": True,
        "type": [concept(KIND, "POLE")],
        "name": "Pôle Coeur-Métabolisme",
        "telecom": [{"system": "phone", "value": "84220", "use": "work"}],
        "partOf": {"reference": "Organization/eg-40"},
    }


def test_a_functional_unit_with_everything() -> None:
    row = UNIT._replace(
        id=6000,
        kind="UF",
        parent_id=12,
        parent_kind="SERVICE",
        depth=3,
        code="6000",
        name="UF Cardiologie HC",
        activity_type="03",
        activity_field="MCO",
        equipment_discipline="45",
        places=24,
        is_external=False,
        requests_acts=True,
        performs_acts=False,
        is_heb=True,
        is_soin=False,
        is_med=True,
    )

    indicator = f"{SD}/fr-core-organization-uf-indicateur"
    unit = content(org_unit(row, [], CONTEXT))

    assert unit["meta"] == {"profile": [f"{SD}/fr-core-organization-uf"]}
    # Exactly one coding without a display: the profile fixes it.
    assert unit["type"] == [concept(KIND, "UF")]
    assert unit["identifier"] == [{"system": f"{SID}/uf", "value": "6000"}]
    assert unit["partOf"] == {"reference": "Organization/service-12"}
    assert unit["extension"] == [
        {
            "url": f"{SD}/fr-core-organization-discipline-equipement",
            "valueCoding": {"system": f"{CORE}/CodeSystem/fr-core-cs-discipline-equipement", "code": "45"},
        },
        {
            "url": f"{SD}/fr-core-organization-type-activite",
            "valueCodeableConcept": concept(f"{CORE}/CodeSystem/fr-core-cs-type-activite", "03"),
        },
        {
            "url": f"{SD}/fr-core-organization-champ-activite",
            "valueCoding": {"system": f"{CORE}/CodeSystem/fr-core-cs-champ-activite", "code": "MCO"},
        },
        {"url": f"{SD}/fr-core-organization-place-hebergement-theorique", "valueInteger": 24},
        {"url": f"{SD}/fr-core-organization-uf-externe", "valueBoolean": False},
        {"url": f"{SD}/fr-core-organization-demandeuse-acte", "valueBoolean": True},
        {"url": f"{SD}/fr-core-organization-executante-acte", "valueBoolean": False},
        *(
            {
                "url": indicator,
                "valueCodeableConcept": concept(f"{CORE}/CodeSystem/fr-core-cs-uf-indicateur", code),
            }
            for code in ("HEB", "MED")
        ),
    ]
