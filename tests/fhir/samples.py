"""The rows that the tests of the renderer start from. A test changes them by `_replace`."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from fhirexport_server.domain.rows import (
    EjRow,
    MovementRow,
    OrgUnitRow,
    PatientContactRow,
    PatientIdentifierRow,
    PatientRow,
    PlaceRow,
    VenueRow,
)
from fhirexport_server.fhir.rendering.ej_context import EjContext

BASE: Final = "https://fhir.chu-exemple.fr/fhir"
SID: Final = "https://chu-exemple.fr/fhir/sid"
CORE: Final = "https://hl7.fr/ig/fhir/core"
HL7: Final = "http://terminology.hl7.org/CodeSystem"
COMMUNE: Final = "https://mos.esante.gouv.fr/NOS/TRE_R13-CommuneOM/FHIR/TRE-R13-CommuneOM"

# Units and places that movements may name: the id says the kind.
UF, UF_CARE, UF_HEB, EG = 6000, 6001, 6002, 40
UH, ROOM, BED, BED_2 = 1, 2, 3, 4

CONTEXT: Final = EjContext(
    ej_id=1,
    base_url=BASE,
    time_zone="Europe/Paris",
    namespaces={
        "STRUCTURE": f"{SID}/structure",
        "UF": f"{SID}/uf",
        "UAC": f"{SID}/uac",
        "PLACE": f"{SID}/place",
        "NDA": f"{SID}/nda",
        "VENUE": f"{SID}/venue",
        "PREADMISSION": f"{SID}/preadmission",
        "MOVEMENT": f"{SID}/mouvement",
    },
    units={UF: "UF", UF_CARE: "UF", UF_HEB: "UF", EG: "EG"},
    places={UH: "UH", ROOM: "ROOM", BED: "BED", BED_2: "BED"},
)

EJ: Final = EjRow(
    id=1,
    finess="750712184",
    siren=None,
    idnatst=None,
    name="CHU EXEMPLE",
    legal_name=None,
    short_name=None,
    phone=None,
    email=None,
    address_line=None,
    address_line2=None,
    postal_code=None,
    city=None,
    insee_code=None,
    country=None,
    opened_on=None,
    closed_on=None,
    active=True,
    time_zone="Europe/Paris",
)
UNIT: Final = OrgUnitRow(
    id=12,
    kind="SERVICE",
    parent_id=None,
    parent_kind=None,
    depth=1,
    code="S11",
    finess=None,
    siret=None,
    idnatst=None,
    name="Service de cardiologie",
    short_name=None,
    legal_name=None,
    description=None,
    sae_category=None,
    activity_type=None,
    activity_field=None,
    equipment_discipline=None,
    places=None,
    is_external=None,
    requests_acts=None,
    performs_acts=None,
    is_heb=None,
    is_soin=None,
    is_admin=None,
    is_med=None,
    is_tech=None,
    is_medicotech=None,
    is_mag=None,
    service_discipline=None,
    rate=None,
    phone=None,
    email=None,
    address_line=None,
    address_line2=None,
    postal_code=None,
    city=None,
    insee_code=None,
    country=None,
    opened_on=None,
    closed_on=None,
    active=True,
)
PLACE: Final = PlaceRow(
    id=7,
    kind="UH",
    parent_id=None,
    parent_kind=None,
    depth=1,
    uf_id=None,
    uf_kind=None,
    code="6000H",
    name="UH Cardiologie 2e étage",
    description=None,
    status="active",
    operational_status=None,
    room_type=None,
    bed_position=None,
    phone=None,
    latitude=None,
    longitude=None,
)
PATIENT: Final = PatientRow(
    id=1,
    birth_family="DURAND",
    first_given="Pierre",
    birth_given_names=None,
    used_family=None,
    used_given=None,
    prefix=None,
    gender="M",
    birth_date="1974-12-25",
    birth_date_precision="D",
    birth_date_corrected=None,
    lunar_birth_date=None,
    birth_insee=None,
    birth_city=None,
    birth_country=None,
    multiple_birth=None,
    deceased=None,
    deceased_at=None,
    deceased_on=None,
    deceased_on_precision="D",
    death_city=None,
    identity_status=None,
    is_homonym=False,
    is_fictitious=False,
    is_doubtful=False,
    identity_method=None,
    identity_collected_on=None,
    identity_validated_on=None,
    identity_validation_mode=None,
    marital_status=None,
    nationality=None,
    address_line=None,
    address_line2=None,
    postal_code=None,
    city=None,
    insee_code=None,
    country=None,
    phone_home=None,
    phone_mobile=None,
    phone_work=None,
    email=None,
    active=True,
    merged_into_id=None,
)
QUALIFIED: Final = PATIENT._replace(
    id=3,
    birth_family="DUBOIS",
    first_given="ANNE",
    birth_given_names="ANNE MARIE",
    gender="F",
    birth_date="1969-05-03",
    birth_insee="63220",
    identity_status="VALI",
)
IPP: Final = PatientIdentifierRow(
    patient_id=1,
    seq=1,
    kind="IPP",
    use_code="usual",
    system=f"{SID}/ipp",
    value="8000012345",
    assigned_on=None,
    ended_on=None,
)
INS: Final = PatientIdentifierRow(
    patient_id=3,
    seq=2,
    kind="INS-NIR",
    use_code="official",
    system="urn:oid:1.2.250.1.213.1.4.8",
    value="269056322083573",
    assigned_on=None,
    ended_on=None,
)
CONTACT: Final = PatientContactRow(
    patient_id=1,
    seq=1,
    role_code="ECON",
    relation_code=None,
    family="LE GALL",
    given="Yann",
    phone="+33299000000",
    email=None,
    address_line=None,
    postal_code=None,
    city=None,
)
VENUE: Final = VenueRow(
    id=100,
    patient_id=1,
    venue_no="V100",
    nda=None,
    preadmission_no=None,
    patient_class="I",
    admission_type=None,
    activity_type=None,
    service_discipline=None,
    admit_source=None,
    expected_admit_at=None,
    expected_discharge_on=None,
    discharge_disposition=None,
    origin_finess=None,
    destination_finess=None,
)
_MOVEMENT: Final = MovementRow(
    venue_id=100,
    id=1,
    movement_no="M1",
    started_at=0,
    trigger_event="A01",
    nature=None,
    patient_class=None,
    activity_type=None,
    uf_heb_id=None,
    uf_med_id=None,
    uf_care_id=None,
    uh_id=None,
    room_id=None,
    bed_id=None,
    attending_rpps=None,
    attending_name=None,
    expected_return_at=None,
)


def at(text: str) -> int:
    """The epoch second of a wall-clock time in Paris, such as `2026-01-10 18:00`."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Paris")).timestamp())


def movements(*lines: str) -> list[MovementRow]:
    """Active movements of the venue, numbered from 1, one a line: time, event, and what else it says.

    A time without a date is on 10 January 2026. A place is `uh`, `room`, `bed` or `bed2`; the rest is
    `name:value`, the name being `class`, `nature`, `uf` (the medical responsibility) or `doctor`. So
    `11:30 A02 bed nature:H` is a transfer into the bed.
    """
    return [_movement(number, line.split()) for number, line in enumerate(lines, start=1)]


def _movement(number: int, words: list[str]) -> MovementRow:
    if "-" in words[0]:
        words = [f"{words[0]} {words[1]}", *words[2:]]
    else:
        words = [f"2026-01-10 {words[0]}", *words[1:]]
    when, event, *rest = words
    row = _MOVEMENT._replace(id=number, movement_no=f"M{number}", started_at=at(when), trigger_event=event)
    for word in rest:
        row = row._replace(**_SAYS[word.split(":")[0]](word.split(":")[-1]))
    return row


_SAYS: Final[dict[str, Callable[[str], dict[str, Any]]]] = {
    "uh": lambda _: {"uh_id": UH},
    "room": lambda _: {"uh_id": UH, "room_id": ROOM},
    "bed": lambda _: {"uh_id": UH, "room_id": ROOM, "bed_id": BED},
    "bed2": lambda _: {"uh_id": UH, "room_id": ROOM, "bed_id": BED_2},
    "class": lambda value: {"patient_class": value},
    "nature": lambda value: {"nature": value},
    "uf": lambda value: {"uf_med_id": int(value)},
    "doctor": lambda value: {"attending_name": value},
}
