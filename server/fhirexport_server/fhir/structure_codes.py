"""FHIR constants of units and places: profiles, types, and the codes of columns.

Source: FR Core 2.2.0, Organization and Location profiles and the code systems that they bind.
"""

from typing import Final

from fhirexport_server.domain import codes
from fhirexport_server.fhir.codings import (
    codings,
    concept,
    concepts,
    fr_definition,
    fr_system,
    hl7_system,
    meta,
    nos_system,
)
from fhirexport_server.fhir.model import Extension
from fhirexport_server.fhir.time_zones import USUAL as USUAL_TIME_ZONE

# --- units ---------------------------------------------------------------------------------------

ESTABLISHMENT: Final = meta("fr-core-organization-etablissement")
# A time zone other than the usual one is exported, so that whoever imports the EJ prints the same offsets.
EJ_META: Final = {
    zone: ESTABLISHMENT if zone == USUAL_TIME_ZONE else meta("fr-core-organization-etablissement", zone)
    for zone in codes.TIME_ZONE
}
# The usual time zone is exported too where the EJ's department has another one.
EJ_META_OVERSEAS: Final = meta("fr-core-organization-etablissement", USUAL_TIME_ZONE)
UNIT: Final = meta("fr-core-organization")
UF: Final = meta("fr-core-organization-uf")
UAC: Final = meta("fr-core-organization-uac")

_KIND: Final = fr_system("v2-3307")
EJ_TYPE: Final = (concept(_KIND, "LEGAL-ENTITY"),)
UNIT_TYPE: Final = {kind: (concept(_KIND, code),) for kind, code in codes.ORG_KIND.items()}
# The namespace of a unit's own code; the other kinds share one.
UNIT_NAMESPACE: Final = {"UF": "UF", "UAC": "UAC"}

_IDENTIFIER: Final = fr_system("v2-0203")
IDNST_TYPE, FINEJ_TYPE, FINEG_TYPE, SIREN_TYPE, SIRET_TYPE = (
    concept(_IDENTIFIER, code) for code in ("IDNST", "FINEJ", "FINEG", "SIREN", "SIRET")
)
IDNST_SYSTEM: Final = "urn:oid:1.2.250.1.71.4.2.2"
FINESS_SYSTEM: Final = "https://finess.esante.gouv.fr"
SIRENE_SYSTEM: Final = "https://sirene.fr"

SHORT_NAME: Final = fr_definition("fr-core-organization-short-name")
DESCRIPTION: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Organization.description"
IN_USE: Final = "http://hl7.org/fhir/StructureDefinition/organization-period"
LEGAL_NAME: Final = fr_definition("fr-core-organization-raison-sociale")
SAE_CATEGORY: Final = fr_definition("fr-core-organization-sae-categorie")
SAE_CATEGORIES: Final = concepts(nos_system("TRE_R66-CategorieEtablissement"), codes.SAE_CATEGORY)
EQUIPMENT_DISCIPLINE: Final = fr_definition("fr-core-organization-discipline-equipement")
EQUIPMENT_DISCIPLINE_SYSTEM: Final = fr_system("discipline-equipement")
ACTIVITY_TYPE: Final = fr_definition("fr-core-organization-type-activite")
ACTIVITY_TYPES: Final = concepts(fr_system("type-activite"), codes.ACTIVITY_TYPE)
ACTIVITY_FIELD: Final = fr_definition("fr-core-organization-champ-activite")
ACTIVITY_FIELDS: Final = codings(fr_system("champ-activite"), codes.ACTIVITY_FIELD)
PLACES: Final = fr_definition("fr-core-organization-place-hebergement-theorique")
IS_EXTERNAL: Final = fr_definition("fr-core-organization-uf-externe")
REQUESTS_ACTS: Final = fr_definition("fr-core-organization-demandeuse-acte")
PERFORMS_ACTS: Final = fr_definition("fr-core-organization-executante-acte")
_INDICATORS: Final = concepts(fr_system("uf-indicateur"), "HEB SOIN ADMIN MED TECH MEDICOTECH MAG".split())
INDICATOR: Final = {
    code: Extension(url=fr_definition("fr-core-organization-uf-indicateur"), value_codeable_concept=indicator)
    for code, indicator in _INDICATORS.items()
}
SERVICE_DISCIPLINE: Final = fr_definition("fr-core-organization-discipline-prestation")
SERVICE_DISCIPLINE_SYSTEM: Final = fr_system("discipline-prestation")
RATE: Final = fr_definition("fr-core-organization-tarif")
RATES: Final = codings(fr_system("code-tarif-tnjp"), codes.RATE)
MEMBER: Final = fr_definition("fr-core-organization-member")

# --- places --------------------------------------------------------------------------------------

PLACE: Final = meta("fr-core-location")
_PLACE_DISPLAY: Final = {
    "CHAMB": "Chambre",
    "LIT": "Lit",
    "BAT": "Bâtiment",
    "ETAG": "Étage",
    "COUL": "Couloir",
    "AILE": "Aile",
    "BOX": "Box",
    "PL_TECH": "Plateau technique",
    "PNT_CLCT": "Point de collecte",
    "PNT_LVRSN": "Point de livraison",
    "SL_EXM": "Salle d'examen",
    "SL_CONS": "Salle de consultation",
}
# The binding is required, and the value set has no code for a UH: it has no type.
PLACE_TYPE: Final = {
    kind: None if code is None else (concept(fr_system("location-type"), code, _PLACE_DISPLAY[code]),)
    for kind, code in codes.PLACE_KIND.items()
}
PHYSICAL: Final = {
    "UH": ("wa", "Ward"),
    "ROOM": ("ro", "Room"),
    "BED": ("bd", "Bed"),
    "BUILDING": ("bu", "Building"),
    "FLOOR": ("lvl", "Level"),
    "CORRIDOR": ("co", "Corridor"),
    "WING": ("wi", "Wing"),
    "BOX": ("ro", "Room"),
    "PLATFORM": ("area", "Area"),
    "COLLECTION_POINT": ("area", "Area"),
    "DELIVERY_POINT": ("area", "Area"),
    "EXAM_ROOM": ("ro", "Room"),
    "CONSULTATION_ROOM": ("ro", "Room"),
}
PHYSICAL_SYSTEM: Final = hl7_system("location-physical-type")
PHYSICAL_TYPE: Final = {kind: concept(PHYSICAL_SYSTEM, *physical) for kind, physical in PHYSICAL.items()}
PLACE_STATUS: Final = {code: code for code in codes.PLACE_STATUS}
OPERATIONAL_STATUS: Final = codings(hl7_system("v2-0116"), codes.OPERATIONAL_STATUS)
ROOM_TYPE: Final = fr_definition("fr-core-location-type-chambre")
ROOM_TYPES: Final = codings(
    fr_system("location-type-chambre"),
    {
        "STD": "Standard",
        "PRSN_NGTV": "Pression négative",
        "PRSN_PSTV": "Pression positive",
        "CRCRL": "Carcéral",
        "CPTN": "Capitonné",
    },
)
BED_POSITION: Final = fr_definition("fr-core-location-position-lit")
BED_POSITIONS: Final = codings(
    fr_system("location-position-lit"), {"FNTR": "Fenêtre", "CLR": "Couloir", "ML": "Milieu"}
)
