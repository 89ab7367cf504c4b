"""Generated hospitals over the whole model: small ones, odd ones, with everything the store admits.

Every value is drawn from a `random.Random`. hypothesis lends one whose draws it knows and shrinks
(`hospitals()`); a seeded one of the standard library gives the same hospital anywhere
(`random_hospital(seed)`).
"""

from collections.abc import Callable, Iterator, Sequence
from random import Random

from fhirexport_server.demo.columns import COLUMNS, Row, row
from fhirexport_server.domain import codes
from fhirexport_server.domain.rows import Batch
from hypothesis import strategies as st

from support.draw import SYSTEMS, Draw

MOST_UNITS, MOST_PLACES, MOST_PATIENTS, MOST_VENUES, MOST_MOVEMENTS = 15, 10, 8, 8, 8

# Some codes of FR Core's lists: a code that a list does not hold would be none of its system.
EQUIPMENT = "45 176 727 753 824".split()
SERVICES = "104 127 163 230 402".split()
ROLES = (*codes.CONTACT_ROLE_CLASS, *codes.CONTACT_ROLE_LEGAL, *codes.CONTACT_ROLE_V2)
_FLAGS = "external requests_acts performs_acts heb soin admin med tech medicotech mag".split()


def hospital(draw: Draw) -> list[Batch]:
    """Draws a hospital of one or two EJs, as batches that the store takes in this order.

    Hospitals of the same Draw have no key in common, so that they fit into one database.
    """
    tables: dict[str, list[Row]] = {table: [] for table in COLUMNS}
    for _ in range(draw.random.randint(1, 2)):
        _entity(draw, tables)
    return [Batch(table, rows) for table, rows in tables.items() if rows]


def random_hospital(seed: int) -> list[Batch]:
    """Returns the hospital with this number; the same everywhere."""
    return hospital(Draw(Random(f"hospital {seed}")))


def random_hospitals(count: int, seed: str = "") -> Iterator[list[Batch]]:
    """Yield so many hospitals that fit into one database; the same everywhere, others for each `seed`."""
    draw = Draw(Random(f"hospitals{seed}"))
    for _ in range(count):
        yield hospital(draw)


def hospitals() -> st.SearchStrategy[list[Batch]]:
    """Hospitals for property tests."""
    random = st.randoms(note_method_calls=False, use_true_random=False)
    return random.map(lambda draws: hospital(Draw(draws, generous=False)))


def _entity(draw: Draw, tables: dict[str, list[Row]]) -> None:
    ej_id = draw.id("ej")
    finess = draw.finess()
    while finess in draw.taken:
        finess = draw.finess()
    draw.taken.add(finess)
    optional: dict[str, Callable[[], object]] = {
        "siren": lambda: draw.digits(9),
        "idnatst": draw.label_of(20),
        "legal_name": draw.label_of(200),
        "short_name": draw.label_of(100),
        "phone": draw.label_of(40),
        "email": draw.label_of(100),
        **draw.address(),
    }
    given = {"id": ej_id, "finess": finess, "name": draw.label(200), "active": draw.flag()}
    given |= {"time_zone": draw.pick(codes.TIME_ZONE), **draw.period("opened_on", "closed_on")}
    tables["ej"].append(row("ej", **given, **draw.some(optional)))
    kinds = draw.random.getrandbits(len(codes.NAMESPACE_KIND))
    for bit, kind in enumerate(codes.NAMESPACE_KIND):
        if kinds >> bit & 1:
            tables["namespace"].append(row("namespace", ej_id=ej_id, kind=kind, system=draw.pick(SYSTEMS)))
    units = _units(draw, ej_id)
    places = _places(draw, ej_id, units)
    patients = _patients(draw, ej_id)
    venues = _venues(draw, ej_id, patients)
    tables["org_unit"] += units
    tables["org_member"] += _members(draw, ej_id, units)
    tables["place"] += places
    tables["patient"] += patients
    tables["patient_identifier"] += [one for p in patients for one in _identifiers(draw, ej_id, p)]
    tables["patient_contact"] += [one for p in patients for one in _contacts(draw, ej_id, p)]
    tables["venue"] += venues
    tables["movement"] += [one for venue in venues for one in _movements(draw, ej_id, venue, units, places)]


def _units(draw: Draw, ej_id: int) -> list[Row]:
    units: list[Row] = []
    for _ in range(draw.count(MOST_UNITS)):
        kind = draw.pick(codes.ORG_KIND)
        optional: dict[str, Callable[[], object]] = {
            "parent_id": draw.named(units, "EG", "POLE", "SERVICE", "UF"),
            "short_name": draw.label_of(100),
            "description": draw.label_of(1000),
            "phone": draw.label_of(40),
            "email": draw.label_of(100),
            **draw.address(),
        }
        if kind == "EG":
            optional |= {
                "finess": draw.finess,
                "siret": lambda: draw.digits(14),
                "idnatst": draw.label_of(20),
                "legal_name": draw.label_of(200),
                "sae_category": draw.one_of(codes.SAE_CATEGORY),
            }
        elif kind == "UF":
            optional |= {
                "activity_type": draw.one_of(codes.ACTIVITY_TYPE),
                "activity_field": draw.one_of(codes.ACTIVITY_FIELD),
                "equipment_discipline": draw.one_of(EQUIPMENT),
                "places": lambda: draw.pick((0, 1, 24, 10_000)),
                **{name if name.endswith("_acts") else f"is_{name}": draw.flag for name in _FLAGS},
            }
        elif kind == "UAC":
            optional |= {"service_discipline": draw.one_of(SERVICES), "rate": draw.one_of(codes.RATE)}
        given = {"id": draw.id("org_unit"), "ej_id": ej_id, "kind": kind, "name": draw.label(200)}
        given |= {"code": draw.number((ej_id, kind)), "active": draw.flag()}
        given |= draw.period("opened_on", "closed_on")
        units.append(row("org_unit", **given, **draw.some(optional)))
    return units


def _members(draw: Draw, ej_id: int, units: Sequence[Row]) -> list[Row]:
    pairs = {(draw.pick(units)["id"], draw.pick(units)["id"]) for _ in range(draw.count(5) if units else 0)}
    return [
        row("org_member", ej_id=ej_id, parent_id=parent, child_id=child)
        for parent, child in sorted(pairs, key=str)
        if parent != child
    ]


def _places(draw: Draw, ej_id: int, units: Sequence[Row]) -> list[Row]:
    places: list[Row] = []
    for _ in range(draw.count(MOST_PLACES)):
        kind = draw.pick(("UH", "ROOM", "BED", *codes.PLACE_KIND))
        above = {"ROOM": "UH", "BED": "ROOM"}.get(kind, "BUILDING")
        optional: dict[str, Callable[[], object]] = {
            "parent_id": draw.named(places, above),
            "uf_id": draw.named(units, "UF"),
            "description": draw.label_of(1000),
            "operational_status": draw.one_of(codes.OPERATIONAL_STATUS),
            "phone": draw.label_of(40),
        }
        if kind == "ROOM":
            optional["room_type"] = draw.one_of(codes.ROOM_TYPE)
        if kind == "BED":
            optional["bed_position"] = draw.one_of(codes.BED_POSITION)
        given = {"id": draw.id("place"), "ej_id": ej_id, "kind": kind, "name": draw.label(200)}
        given |= {"code": draw.number((ej_id, kind)), "status": draw.pick(codes.PLACE_STATUS)}
        if draw.chance(4):
            given |= {
                "latitude": draw.pick((-90.0, 46.22, 0.0, 1e-7)),
                "longitude": draw.pick((5.2, -180.0, 0.1 + 0.2)),
            }
        places.append(row("place", **given, **draw.some(optional)))
    return places


def _patients(draw: Draw, ej_id: int) -> list[Row]:
    patients: list[Row] = []
    for _ in range(draw.count(MOST_PATIENTS)):
        optional: dict[str, Callable[[], object]] = {
            **{
                name: draw.label_of(100) for name in ("birth_city", "used_family", "used_given", "death_city")
            },
            "prefix": draw.one_of(codes.PREFIX),
            "gender": draw.one_of(codes.GENDER),
            "birth_date": draw.day,
            "birth_insee": draw.insee,
            "birth_country": lambda: draw.letters(3),
            "multiple_birth": lambda: draw.random.randint(1, 20),
            "deceased_at": draw.instant,
            "deceased_on": draw.day,
            "lunar_birth_date": draw.label_of(40),
            "identity_method": draw.one_of(codes.IDENTITY_METHOD),
            "identity_collected_on": draw.day,
            "identity_validated_on": draw.day,
            "marital_status": draw.one_of(codes.MARITAL_STATUS),
            "nationality": lambda: draw.letters(2),
            **{name: draw.label_of(40) for name in ("phone_home", "phone_mobile", "phone_work")},
            "email": draw.label_of(100),
            "merged_into_id": draw.named(patients),
            "birth_date_corrected": draw.flag,
            "deceased": draw.flag,
            **draw.address(),
        }
        status = draw.pick((None, "VALI", "VALI", *codes.IDENTITY_STATUS))
        strict = ("PA", "CN", "AN", "LE")
        modes = strict if status == "VALI" else codes.IDENTITY_VALIDATION_MODE
        given: Row = {"id": draw.id("patient"), "ej_id": ej_id, "identity_status": status}
        given |= {name: draw.chance(4) for name in ("is_homonym", "is_fictitious", "is_doubtful")}
        given |= {"identity_validation_mode": draw.pick((None, *modes)), "active": draw.flag()}
        given["birth_date_precision"] = draw.pick(codes.DATE_PRECISION)
        given["deceased_on_precision"] = draw.pick(codes.DATE_PRECISION)
        if not draw.chance(5):
            given |= {"birth_family": draw.label(100), "first_given": draw.label(100)}
            given["birth_given_names"] = draw.pick((None, given["first_given"], draw.label(200)))
        patients.append(row("patient", **given, **draw.some(optional)))
    return patients


def _identifiers(draw: Draw, ej_id: int, patient: Row) -> list[Row]:
    found: list[Row] = []
    taken: set[str] = set()
    for seq in range(1, draw.count(5) + 1):
        kind = draw.pick(codes.PATIENT_IDENTIFIER_USE)
        use = draw.pick(codes.PATIENT_IDENTIFIER_USE[kind])
        # At most one official identifier and one NDP each.
        rare = "official" if use == "official" else kind
        if rare in taken:
            kind, use = "IPP", "old"
        elif rare in ("official", "NDP"):
            taken.add(rare)
        system = codes.PATIENT_IDENTIFIER_SYSTEM.get(kind) or draw.pick(SYSTEMS)
        given = {"ej_id": ej_id, "patient_id": patient["id"], "seq": seq * 3, "kind": kind, "use_code": use}
        given |= {"system": system, "value": draw.number((ej_id, system))}
        found.append(row("patient_identifier", **given, **draw.period("assigned_on", "ended_on")))
    return found


def _contacts(draw: Draw, ej_id: int, patient: Row) -> list[Row]:
    found: list[Row] = []
    for seq in range(1, draw.count(3) + 1):
        said: dict[str, Callable[[], object]] = {
            **{name: draw.label_of(100) for name in ("family", "given", "email", "city")},
            "phone": draw.label_of(40),
            "address_line": draw.label_of(200),
            "postal_code": draw.label_of(20),
        }
        given: Row = {"ej_id": ej_id, "patient_id": patient["id"], "seq": seq}
        given["role_code"] = draw.pick((None, *ROLES))
        given["relation_code"] = draw.pick((None, "MTH", *codes.CONTACT_RELATION))
        values = draw.some(said) or {"family": draw.label(100)}
        found.append(row("patient_contact", **given, **values))
    return found


def _venues(draw: Draw, ej_id: int, patients: Sequence[Row]) -> list[Row]:
    venues: list[Row] = []
    for _ in range(draw.count(MOST_VENUES) if patients else 0):
        optional: dict[str, Callable[[], object]] = {
            "nda": draw.label_of(64),
            "preadmission_no": draw.label_of(64),
            "admission_type": draw.one_of((*codes.ADMISSION_TYPE_V2, *codes.ADMISSION_TYPE_FR)),
            "activity_type": draw.one_of(codes.ACTIVITY_TYPE),
            "service_discipline": draw.one_of(SERVICES),
            "admit_source": draw.one_of(codes.ADMIT_SOURCE),
            "expected_admit_at": draw.instant,
            "expected_discharge_on": draw.day,
            "discharge_disposition": draw.one_of(codes.DISCHARGE_DISPOSITION),
            "origin_finess": draw.finess,
            "destination_finess": draw.finess,
        }
        given = {"id": draw.id("venue"), "ej_id": ej_id, "patient_id": draw.pick(patients)["id"]}
        given |= {"venue_no": draw.number((ej_id, "venue")), "patient_class": draw.pick(codes.PATIENT_CLASS)}
        venues.append(row("venue", **given, **draw.some(optional)))
    return venues


def _movements(draw: Draw, ej_id: int, venue: Row, units: Sequence[Row], places: Sequence[Row]) -> list[Row]:
    movements: list[Row] = []
    at = draw.instant()
    for _ in range(draw.count(MOST_MOVEMENTS)):
        at = draw.pick((at, draw.instant()))
        optional: dict[str, Callable[[], object]] = {
            "nature": draw.one_of(codes.NATURE),
            "patient_class": draw.one_of(codes.PATIENT_CLASS),
            "activity_type": draw.one_of(codes.ACTIVITY_TYPE),
            **{name: draw.named(units, "UF") for name in ("uf_heb_id", "uf_med_id", "uf_care_id")},
            "uh_id": draw.named(places, "UH"),
            "room_id": draw.named(places, "ROOM"),
            "bed_id": draw.named(places, "BED"),
            "attending_rpps": lambda: draw.digits(11),
            "attending_name": draw.label_of(100),
            "expected_return_at": draw.instant,
        }
        given = {"id": draw.id("movement"), "ej_id": ej_id, "venue_id": venue["id"], "started_at": at}
        given |= {
            "movement_no": draw.number((ej_id, "movement")),
            "trigger_event": draw.pick(codes.TRIGGER_EVENT),
        }
        given["state"] = "cancelled" if draw.chance(5) else "active"
        given |= draw.some(optional)
        if not any(given.get(name) for name in ("bed_id", "room_id", "uh_id")):
            given.pop("expected_return_at", None)
        movements.append(row("movement", **given))
    return movements
