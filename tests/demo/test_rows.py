"""Shows that the demo's rows are believable and keep the rules of the columns."""

import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime

import pytest
from fhirexport_server.demo.cast import PARTS
from fhirexport_server.demo.group import batches
from fhirexport_server.demo.stays.scenarios import SCENARIOS
from fhirexport_server.domain import codes

Row = dict[str, object]
Tables = dict[str, list[Row]]
OF_KIND = {
    "EG": ("finess", "siret", "idnatst", "sae_category", "legal_name"),
    "UF": ("activity_type", "activity_field", "equipment_discipline", "places", "is_external", "is_heb"),
    "UAC": ("service_discipline", "rate"),
    "ROOM": ("room_type",),
    "BED": ("bed_position", "operational_status"),
}
CODES = {
    ("org_unit", "kind"): codes.ORG_KIND,
    ("org_unit", "sae_category"): codes.SAE_CATEGORY,
    ("org_unit", "activity_type"): codes.ACTIVITY_TYPE,
    ("org_unit", "activity_field"): codes.ACTIVITY_FIELD,
    ("org_unit", "rate"): codes.RATE,
    ("place", "kind"): codes.PLACE_KIND,
    ("place", "status"): codes.PLACE_STATUS,
    ("place", "room_type"): codes.ROOM_TYPE,
    ("place", "bed_position"): codes.BED_POSITION,
    ("place", "operational_status"): codes.OPERATIONAL_STATUS,
    ("patient", "gender"): codes.GENDER,
    ("patient", "prefix"): codes.PREFIX,
    ("patient", "birth_date_precision"): codes.DATE_PRECISION,
    ("patient", "identity_status"): codes.IDENTITY_STATUS,
    ("patient", "identity_method"): codes.IDENTITY_METHOD,
    ("patient", "identity_validation_mode"): codes.IDENTITY_VALIDATION_MODE,
    ("patient", "marital_status"): codes.MARITAL_STATUS,
    ("patient_identifier", "kind"): codes.PATIENT_IDENTIFIER_USE,
    ("venue", "patient_class"): codes.PATIENT_CLASS,
    ("venue", "admission_type"): (*codes.ADMISSION_TYPE_V2, *codes.ADMISSION_TYPE_FR),
    ("venue", "admit_source"): codes.ADMIT_SOURCE,
    ("venue", "discharge_disposition"): codes.DISCHARGE_DISPOSITION,
    ("movement", "trigger_event"): codes.TRIGGER_EVENT,
    ("movement", "state"): codes.MOVEMENT_STATE,
    ("movement", "nature"): codes.NATURE,
    ("movement", "patient_class"): codes.PATIENT_CLASS,
    ("namespace", "kind"): codes.NAMESPACE_KIND,
}
# The status that each venue shows follows from its active movements, in this order.
STATUS = {"A03": "finished", "A21": "onleave"}
ONLY_PLANS = {"A05", "A14"}


@pytest.fixture(scope="module")
def tables() -> Tables:
    found: Tables = defaultdict(list)
    for batch in batches(patients=2000):
        found[batch.table] += batch.rows
    return found


def test_text_is_clean_and_never_empty(tables: Tables) -> None:
    texts = {
        value for rows in tables.values() for row in rows for value in row.values() if isinstance(value, str)
    }
    assert len(texts) > 10_000
    assert [text for text in texts if not text or text != text.strip() or not text.isprintable()] == []


def test_codes_are_those_of_their_lists(tables: Tables) -> None:
    for (table, column), allowed in CODES.items():
        used = {row[column] for row in tables[table]} - {None}
        assert used
        assert used <= set(allowed), (table, column)


def test_columns_of_one_kind_are_empty_on_every_other(tables: Tables) -> None:
    for row in tables["org_unit"] + tables["place"]:
        for kind, columns in OF_KIND.items():
            if row["kind"] != kind:
                assert [row[column] for column in columns if row.get(column) is not None] == []


def test_what_a_row_names_belongs_to_the_same_entity_and_comes_before(tables: Tables) -> None:
    seen: dict[str, dict[object, object]] = defaultdict(dict)
    names = {
        "org_unit": {"parent_id": "org_unit"},
        "org_member": {"parent_id": "org_unit", "child_id": "org_unit"},
        "place": {"parent_id": "place", "uf_id": "org_unit"},
        "patient": {"merged_into_id": "patient"},
        "patient_identifier": {"patient_id": "patient"},
        "patient_contact": {"patient_id": "patient"},
        "venue": {"patient_id": "patient"},
        "movement": {
            "venue_id": "venue",
            **dict.fromkeys(("uf_heb_id", "uf_med_id", "uf_care_id"), "org_unit"),
            **dict.fromkeys(("uh_id", "room_id", "bed_id"), "place"),
        },
    }
    for table, rows in tables.items():
        for row in rows:
            for column, target in names.get(table, {}).items():
                if row[column] is not None:
                    assert seen[target][row[column]] == row["ej_id"]
            if "id" in row:
                seen[table][row["id"]] = row.get("ej_id", row["id"])
    assert set(seen["ej"]) == {1, 2, 3}


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("ej", ("finess",)),
        ("namespace", ("ej_id", "kind")),
        ("org_unit", ("id",)),
        ("org_unit", ("ej_id", "kind", "code")),
        ("org_member", ("ej_id", "parent_id", "child_id")),
        ("place", ("id",)),
        ("place", ("ej_id", "kind", "code")),
        ("patient", ("id",)),
        ("patient_identifier", ("ej_id", "patient_id", "seq")),
        ("patient_identifier", ("ej_id", "system", "value")),
        ("patient_contact", ("ej_id", "patient_id", "seq")),
        ("venue", ("id",)),
        ("venue", ("ej_id", "venue_no")),
        ("movement", ("id",)),
        ("movement", ("ej_id", "movement_no")),
    ],
)
def test_keys_are_unique(tables: Tables, table: str, columns: tuple[str, ...]) -> None:
    keys = [tuple(row[column] for column in columns) for row in tables[table]]
    assert len(set(keys)) == len(keys)


def test_identifiers_keep_the_rules_of_their_kind(tables: Tables) -> None:
    status = {row["id"]: row["identity_status"] for row in tables["patient"]}
    official = Counter[object]()
    for row in tables["patient_identifier"]:
        kind = str(row["kind"])
        assert row["use_code"] in codes.PATIENT_IDENTIFIER_USE[kind]
        assert row["system"] == codes.PATIENT_IDENTIFIER_SYSTEM.get(kind, row["system"])
        official[row["patient_id"]] += row["use_code"] == "official"
        if kind in codes.INS_KIND:
            assert status[row["patient_id"]] == "VALI"
    qualified = {patient for patient, is_status in status.items() if is_status == "VALI"}
    assert {patient for patient, count in official.items() if count} == qualified
    assert max(official.values()) == 1


def test_qualified_identities_have_every_trait(tables: Tables) -> None:
    traits = ("birth_family", "first_given", "birth_given_names", "gender", "birth_date", "birth_insee")
    qualified = [row for row in tables["patient"] if row["identity_status"] == "VALI"]
    assert len(qualified) > 1000
    for row in qualified:
        assert [trait for trait in traits if row[trait] is None] == []
        assert str(row["birth_given_names"]).split(" ")[0] == row["first_given"]
        assert row["identity_validation_mode"] in {"PA", "CN", "AN", "LE"}
        assert row["birth_date_precision"] == "D"


def test_every_kind_of_patient_is_there(tables: Tables) -> None:
    people = tables["patient"]
    assert {row["identity_status"] for row in people} == {part.status for part in PARTS}
    assert {row["birth_date_precision"] for row in people} == {"D", "M", "Y"}
    assert {row["gender"] for row in people} == {"M", "F", "U"}
    assert {row["multiple_birth"] for row in people} == {None, 1, 2}
    assert {row["deceased"] for row in people} == {None, False, True}
    for column in ("is_homonym", "is_fictitious", "is_doubtful", "used_family", "used_given", "deceased_at"):
        assert any(row[column] for row in people), column
    assert any(str(row["birth_insee"]).startswith("99") for row in people)
    assert any(str(row["birth_insee"]).startswith("2A") for row in people)
    assert {row["country"] for row in people} == {None, "FRA", "CHE"}
    kinds = {row["kind"] for row in tables["patient_identifier"]}
    assert kinds == {"IPP", "INS-NIR-TEST", "INS-NIR-DEMO", "INS-C", "NDP", "RRI"}


def test_twins_share_their_traits_and_a_duplicate_is_merged(tables: Tables) -> None:
    people = {row["id"]: row for row in tables["patient"]}
    second = [row for row in people.values() if row["multiple_birth"] == 2]
    merged = [row for row in people.values() if row["merged_into_id"] is not None]
    assert len(second) == len(merged) == 20
    for row in second:
        first = people[int(str(row["id"])) - 10]
        assert (first["birth_date"], first["birth_family"]) == (row["birth_date"], row["birth_family"])
    for row in merged:
        kept = people[row["merged_into_id"]]
        assert (row["active"], kept["active"]) == (False, True)
        assert (kept["birth_date"], kept["birth_family"]) == (row["birth_date"], row["birth_family"])
    assert not {row["patient_id"] for row in tables["venue"]} & {row["id"] for row in merged}


def test_addresses_lead_nowhere(tables: Tables) -> None:
    numbers, emails = set[str](), set[str]()
    for rows in tables.values():
        for row in rows:
            for column, value in row.items():
                if value is not None and column.startswith("phone"):
                    numbers.add(str(value))
                if value is not None and column == "email":
                    emails.add(str(value))
    # What ARCEP keeps for fiction, and RFC 2606 for examples.
    assert [n for n in numbers if not re.fullmatch(r"\+33(19900|46571|63998)\d{4}", n)] == []
    assert [e for e in emails if not re.fullmatch(r"[a-z0-9.-]+@([a-z]+\.)?example\.org", e)] == []


def test_every_event_and_cancellation_is_there(tables: Tables) -> None:
    active = {row["trigger_event"] for row in tables["movement"] if row["state"] == "active"}
    cancelled = {row["trigger_event"] for row in tables["movement"] if row["state"] == "cancelled"}
    assert active == set(codes.TRIGGER_EVENT)
    assert cancelled == {"A01", "A02", "A03", "A05", "A14", "A16", "A54"}
    assert {"M", "L", "HMS", "S", "SM", "LD", "MH"} <= {row["nature"] for row in tables["movement"]}
    assert {row["patient_class"] for row in tables["movement"]} == set(codes.PATIENT_CLASS)


def test_the_first_patients_show_every_status() -> None:
    found: Tables = defaultdict(list)
    for batch in batches(patients=len(SCENARIOS)):
        found[batch.table] += batch.rows
    courses: dict[object, list[str]] = {row["id"]: [] for row in found["venue"]}
    for row in found["movement"]:
        if row["state"] == "active":
            courses[row["venue_id"]].append(str(row["trigger_event"]))
    shown = Counter[str]()
    for events in courses.values():
        if not events:
            shown["cancelled"] += 1
        elif set(events) <= ONLY_PLANS:
            shown["planned"] += 1
        else:
            shown[STATUS.get(events[-1], "in-progress")] += 1
    assert shown == Counter(scenario.status for scenario in SCENARIOS)
    assert set(shown) == {"finished", "in-progress", "onleave", "planned", "cancelled"}


def test_time_passes_within_a_life_and_stops_at_the_same_moment_for_all(tables: Tables) -> None:
    born = {row["id"]: row["birth_date"] for row in tables["patient"]}
    patient = {row["id"]: row["patient_id"] for row in tables["venue"]}
    before: dict[object, datetime] = {}
    for row in tables["movement"]:
        at = row["started_at"]
        assert isinstance(at, datetime)
        assert at.tzinfo is UTC
        assert (at.second, at.microsecond) == (0, 0)
        assert before.get(row["venue_id"], at) <= at <= datetime(2026, 6, 15, 6, tzinfo=UTC)
        before[row["venue_id"]] = at
        birthday = born[patient[row["venue_id"]]]
        assert birthday is None or (isinstance(birthday, date) and birthday <= at.date())


def test_a_bed_is_in_its_room_and_its_ward(tables: Tables) -> None:
    parents = {row["id"]: (row["kind"], row["parent_id"]) for row in tables["place"]}
    lying = [row for row in tables["movement"] if row["bed_id"] is not None]
    assert len(lying) > 2000
    for row in lying:
        assert parents[row["bed_id"]] == ("BED", row["room_id"])
        assert parents[row["room_id"]] == ("ROOM", row["uh_id"])
