"""Look-up tables for the codes of units and places: the renderer's constants, inverted."""

from typing import Final

from msgspec import Raw, json

from fhirexport_server.domain import codes
from fhirexport_server.fhir import structure_codes as code
from fhirexport_server.fhir.reading.datatypes.code_tables import coding_of, inverse
from fhirexport_server.fhir.reading.datatypes.own_ids import EJ


def profile_of(meta: Raw) -> str:
    """The profile in a `meta` of the renderer."""
    profile: str = json.decode(meta)["profile"][0]
    return profile


INDICATOR_URL: Final = code.INDICATOR["HEB"].url
UNIT_KIND: Final = {coding_of(code.EJ_TYPE): EJ} | inverse(code.UNIT_TYPE)
UNIT_SYSTEM: Final = coding_of(code.EJ_TYPE)[0]
ESTABLISHMENT, UNIT, UF, UAC, PLACE = map(
    profile_of, (code.ESTABLISHMENT, code.UNIT, code.UF, code.UAC, code.PLACE)
)
# The profiles that an Organization may claim, with the kinds that they are for; None is for any kind.
UNIT_PROFILES: Final = {ESTABLISHMENT: (EJ, "EG"), UNIT: None, UF: ("UF",), UAC: ("UAC",)}
# The extensions that any kind of unit may have, and those of some kinds.
_ANY_UNIT: Final = (code.SHORT_NAME, code.DESCRIPTION, code.IN_USE, code.MEMBER)
_OF_KIND: Final = {
    "EG": (code.LEGAL_NAME, code.SAE_CATEGORY),
    "UF": (
        code.EQUIPMENT_DISCIPLINE,
        code.ACTIVITY_TYPE,
        code.ACTIVITY_FIELD,
        code.PLACES,
        code.IS_EXTERNAL,
        code.REQUESTS_ACTS,
        code.PERFORMS_ACTS,
        INDICATOR_URL,
    ),
    "UAC": (code.SERVICE_DISCIPLINE, code.RATE),
}
EJ_EXTENSIONS: Final = frozenset((code.SHORT_NAME, code.IN_USE, code.LEGAL_NAME))
UNIT_EXTENSIONS: Final = {kind: frozenset((*_ANY_UNIT, *_OF_KIND.get(kind, ()))) for kind in codes.ORG_KIND}

# National numbers: for the code of each type, its system and the kinds that have one.
NATIONAL: Final = {
    "IDNST": (code.IDNST_SYSTEM, (EJ, "EG")),
    "FINEJ": (code.FINESS_SYSTEM, (EJ,)),
    "FINEG": (code.FINESS_SYSTEM, ("EG",)),
    "SIREN": (code.SIRENE_SYSTEM, (EJ,)),
    "SIRET": (code.SIRENE_SYSTEM, ("EG",)),
}
FINESS: Final = ("FINEJ", "FINEG")
NATIONAL_TYPE: Final = {
    coding_of(constant): coding_of(constant)[1]
    for constant in (code.IDNST_TYPE, code.FINEJ_TYPE, code.FINEG_TYPE, code.SIREN_TYPE, code.SIRET_TYPE)
}

SAE_CATEGORY: Final = inverse(code.SAE_CATEGORIES)
ACTIVITY_TYPE: Final = inverse(code.ACTIVITY_TYPES)
ACTIVITY_FIELD: Final = inverse(code.ACTIVITY_FIELDS)
INDICATOR: Final = inverse(code.INDICATOR)
RATE: Final = inverse(code.RATES)

PLACE_KIND: Final = inverse(code.PLACE_TYPE)
PHYSICAL: Final = {kind: coding_of(constant) for kind, constant in code.PHYSICAL_TYPE.items()}
PHYSICAL_TYPE: Final = {pair: pair for pair in PHYSICAL.values()}
# FR Core allows a place without a type: the physical type then tells these kinds.
KIND_OF_PHYSICAL_TYPE: Final = {
    PHYSICAL[kind]: kind for kind in ("UH", "ROOM", "BED", "BUILDING", "FLOOR", "WING", "CORRIDOR")
}
OPERATIONAL_STATUS: Final = inverse(code.OPERATIONAL_STATUS)
ROOM_TYPE: Final = inverse(code.ROOM_TYPES)
BED_POSITION: Final = inverse(code.BED_POSITIONS)
