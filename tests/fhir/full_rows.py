"""Rows that have a value in each column: what an export can show is in their resources."""

from typing import Any, Final

from fhir.samples import CONTACT, EJ, INS, IPP, PATIENT, PLACE, UF, UNIT, VENUE, at, movements

_ADDRESS: Final[dict[str, Any]] = {
    "address_line": "1 RUE DE L'HÔPITAL",
    "address_line2": "BP 7",
    "postal_code": "75004",
    "city": "PARIS",
    "insee_code": "75104",
    "country": "FR",
}
_REACHED: Final[dict[str, Any]] = {"phone": "+33142000000", "email": "accueil@chu-exemple.fr"}
_OPEN: Final[dict[str, Any]] = {"opened_on": "1990-01-01", "closed_on": "2030-12-31"}
_NAMED: Final[dict[str, Any]] = {"legal_name": "CENTRE HOSPITALIER EXEMPLE", "short_name": "CHU EX"}

_FLAGS: Final[dict[str, Any]] = dict.fromkeys(
    (
        *("is_external", "requests_acts", "performs_acts", "is_heb", "is_soin", "is_admin", "is_med"),
        *("is_tech", "is_medicotech", "is_mag"),
    ),
    True,
)

FULL_EJ: Final = EJ._replace(
    siren="267500452", idnatst="1750712184", **_NAMED, **_REACHED, **_ADDRESS, **_OPEN
)
FULL_UNIT: Final = UNIT._replace(
    parent_id=11,
    parent_kind="POLE",
    finess="750100208",
    siret="26750045200011",
    idnatst="1750100208",
    description="Cardiologie adulte",
    sae_category="101",
    activity_type="03",
    activity_field="MCO",
    equipment_discipline="127",
    places=12,
    **_FLAGS,
    service_discipline="174",
    rate="11",
    **_NAMED,
    **_REACHED,
    **_ADDRESS,
    **_OPEN,
)
FULL_PLACE: Final = PLACE._replace(
    kind="BED",
    parent_id=3,
    parent_kind="ROOM",
    uf_id=UF,
    uf_kind="UF",
    description="Côté fenêtre",
    operational_status="O",
    room_type="STD",
    bed_position="FNTR",
    phone="84220",
    latitude=48.85,
    longitude=2.35,
)
FULL_PATIENT: Final = PATIENT._replace(
    birth_given_names="PIERRE JEAN",
    used_family="DURAND-LE GALL",
    used_given="PIERRE",
    prefix="M",
    birth_date_corrected=True,
    lunar_birth_date="1974-00-00",
    birth_insee="75104",
    birth_city="PARIS",
    birth_country="FR",
    multiple_birth=2,
    deceased=True,
    deceased_at=at("2026-02-01 03:00"),
    deceased_on="2026-02-01",
    death_city="PARIS",
    identity_status="VALI",
    is_homonym=True,
    is_fictitious=True,
    is_doubtful=True,
    identity_method="CV",
    identity_collected_on="2026-01-10",
    identity_validated_on="2026-01-11",
    identity_validation_mode="CN",
    marital_status="M",
    nationality="FR",
    **_ADDRESS,
    phone_home="+33142000001",
    phone_mobile="+33642000001",
    phone_work="+33142000002",
    email="pierre@exemple.fr",
    merged_into_id=2,
)
FULL_IDENTIFIERS: Final = [
    IPP._replace(assigned_on="2020-01-01", ended_on="2030-01-01"),
    INS._replace(patient_id=1),
]
FULL_CONTACT: Final = CONTACT._replace(
    relation_code="MTH",
    email="yann@exemple.fr",
    address_line="2 RUE DU PORT",
    postal_code="35000",
    city="RENNES",
)
FULL_VENUE: Final = VENUE._replace(
    nda="N1",
    preadmission_no="P1",
    admission_type="R",
    activity_type="03",
    service_discipline="174",
    admit_source="7",
    expected_admit_at=at("2026-01-09 08:00"),
    expected_discharge_on="2026-01-20",
    discharge_disposition="3",
    origin_finess="750100208",
    destination_finess="750100216",
)
FULL_MOVEMENTS: Final = [
    one._replace(
        nature="S",
        patient_class="I",
        activity_type="03",
        uf_heb_id=UF + 2,
        uf_med_id=UF,
        uf_care_id=UF + 1,
        attending_rpps="10001234567",
        attending_name="Leclerc",
        expected_return_at=at("2026-01-14 18:00"),
    )
    for one in movements("2026-01-10 18:00 A01 bed", "2026-01-13 08:00 A21 bed", "2026-01-15 11:00 A03 bed")
]
FULL_ROWS: Final = (
    FULL_EJ,
    FULL_UNIT,
    FULL_PLACE,
    FULL_PATIENT,
    FULL_IDENTIFIERS[0],
    FULL_CONTACT,
    FULL_VENUE,
    FULL_MOVEMENTS[0],
)
