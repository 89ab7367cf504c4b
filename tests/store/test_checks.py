"""Shows that both databases refuse, at write time, what FHIR or a profile would refuse later."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from fhirexport_server.store.connection.engine import create
from fhirexport_server.store.schema import METADATA
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from support.rows import SMALL

INS = "urn:oid:1.2.250.1.213.1.4.8"

REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("ej", {"id": 0}),
    ("ej", {"finess": "01078005"}),
    ("ej", {"finess": "01078005X"}),
    ("ej", {"siren": "12345678"}),
    ("ej", {"name": ""}),
    ("ej", {"name": " CH"}),
    ("ej", {"name": "CH "}),
    ("ej", {"name": "\u00a0CH"}),
    ("ej", {"name": "CH\u2028"}),
    ("ej", {"name": "\u3000"}),
    ("ej", {"name": "C\tH"}),
    ("ej", {"name": "C\nH"}),
    ("ej", {"name": "C\x7fH"}),
    ("ej", {"name": "x" * 201}),
    ("ej", {"country": "FR"}),
    ("ej", {"insee_code": "7505"}),
    ("ej", {"time_zone": "Europe/Berlin"}),
    ("ej", {"opened_on": date(1849, 12, 31)}),
    ("ej", {"opened_on": date(2020, 1, 2), "closed_on": date(2020, 1, 1)}),
    ("namespace", {"kind": "IPP"}),
    ("namespace", {"system": "no scheme"}),
    ("namespace", {"system": "urn:oid:1 2"}),
    ("org_unit", {"kind": "WARD"}),
    ("org_unit", {"kind": "UF", "finess": "010000024"}),
    ("org_unit", {"kind": "EG", "activity_type": "03"}),
    ("org_unit", {"kind": "UF", "activity_type": "22"}),
    ("org_unit", {"kind": "UF", "rate": "03"}),
    ("org_unit", {"kind": "UAC", "rate": "99"}),
    ("org_unit", {"sae_category": "102"}),
    ("org_unit", {"kind": "UAC", "service_discipline": "1 2"}),
    ("org_unit", {"kind": "UF", "equipment_discipline": "é"}),
    ("org_unit", {"kind": "UF", "places": -1}),
    ("org_unit", {"id": 2, "parent_id": 2}),
    ("org_unit", {"parent_id": 99}),
    ("org_unit", {"ej_id": 99}),
    ("place", {"kind": "BED", "room_type": "STD"}),
    ("place", {"kind": "ROOM", "bed_position": "FNTR"}),
    ("place", {"status": "closed"}),
    ("place", {"operational_status": "X"}),
    ("place", {"latitude": 91.0, "longitude": 0.0}),
    ("place", {"latitude": 46.0}),
    ("place", {"uf_id": 99}),
    ("patient", {"gender": "O"}),
    ("patient", {"first_given": None}),
    ("patient", {"birth_date": date(2200, 1, 1)}),
    ("patient", {"birth_date_precision": "H"}),
    ("patient", {"prefix": "MLLE"}),
    ("patient", {"multiple_birth": 0}),
    ("patient", {"identity_status": "OK"}),
    ("patient", {"identity_validation_mode": "XX"}),
    ("patient", {"identity_status": "VALI", "identity_validation_mode": "IE"}),
    ("patient", {"marital_status": "X"}),
    ("patient", {"nationality": "FRA"}),
    ("patient", {"id": 2, "merged_into_id": 2}),
    ("patient_identifier", {"use_code": "official"}),
    ("patient_identifier", {"kind": "INS-NIR", "use_code": "official"}),
    ("patient_identifier", {"kind": "INS-NIR", "use_code": "usual", "system": INS}),
    ("patient_identifier", {"system": INS}),
    ("patient_identifier", {"kind": "NSS-NIR"}),
    ("patient_identifier", {"value": ""}),
    ("patient_identifier", {"patient_id": 99}),
    ("patient_contact", {"family": None}),
    ("patient", {"birth_family": None, "first_given": None, "birth_given_names": "ANNE"}),
    ("patient_contact", {"role_code": "econ"}),
    ("patient_contact", {"relation_code": "UNKNOWN"}),
    ("venue", {"patient_class": "N"}),
    ("venue", {"admission_type": "X"}),
    ("venue", {"discharge_disposition": "1"}),
    ("venue", {"origin_finess": "12345"}),
    ("venue", {"patient_id": 99}),
    ("movement", {"trigger_event": "A08"}),
    ("movement", {"state": "C"}),
    ("movement", {"nature": "Z"}),
    ("movement", {"started_at": datetime(1849, 12, 31, 23, tzinfo=UTC)}),
    ("movement", {"attending_rpps": "123"}),
    ("movement", {"expected_return_at": datetime(2026, 1, 11, tzinfo=UTC)}),
    ("movement", {"bed_id": 99}),
    ("movement", {"uf_med_id": 99}),
    ("movement", {"venue_id": 99}),
]


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    yield from _filled(database_url)


@pytest.fixture
def sqlite_connection(new_database: Callable[[str], str]) -> Iterator[Connection]:
    yield from _filled(new_database("sqlite"))


def test_a_patient_has_one_official_identifier_and_one_ndp_at_most(connection: Connection) -> None:
    table = METADATA.tables["patient_identifier"]
    for number, (kind, use, system) in enumerate(
        [("INS-NIR", "official", INS), ("NDP", "secondary", "urn:oid:1.2.250.1.176.1.2")]
    ):
        row = SMALL["patient_identifier"] | {"kind": kind, "use_code": use, "system": system}
        connection.execute(insert(table), [row | {"seq": 10 + number, "value": "1"}])
        savepoint = connection.begin_nested()
        with pytest.raises(IntegrityError):
            connection.execute(insert(table), [row | {"seq": 20 + number, "value": "2"}])
        savepoint.rollback()


def _filled(url: str) -> Iterator[Connection]:
    engine = create(url)
    with engine.connect() as connection:
        for table, row in SMALL.items():
            connection.execute(insert(METADATA.tables[table]), [row])
        yield connection
        connection.rollback()
    engine.dispose()


def _fresh(table: str) -> dict[str, Any]:
    """A second valid row of the table, beside the first."""
    changes: dict[str, dict[str, Any]] = {
        "ej": {"id": 2, "finess": "750712184"},
        "namespace": {"kind": "NDA"},
        "org_unit": {"id": 2, "code": "E2"},
        "place": {"id": 2, "code": "H2"},
        "patient": {"id": 2},
        "patient_identifier": {"seq": 2, "value": "8002"},
        "patient_contact": {"seq": 2},
        "venue": {"id": 2, "venue_no": "V2"},
        "movement": {"id": 2, "movement_no": "M2"},
    }
    return SMALL[table] | changes[table]


@pytest.mark.parametrize("table", SMALL)
def test_a_second_valid_row_is_accepted(connection: Connection, table: str) -> None:
    connection.execute(insert(METADATA.tables[table]), [_fresh(table)])


def test_each_value_that_breaks_a_rule_is_refused(connection: Connection) -> None:
    accepted = []
    for table, change in REFUSED:
        row = _fresh(table) | change
        savepoint = connection.begin_nested()
        try:
            connection.execute(insert(METADATA.tables[table]), [row])
        except (IntegrityError, DataError):
            pass
        else:
            accepted.append((table, change))
        finally:
            savepoint.rollback()
    assert accepted == []


@pytest.mark.parametrize("value", ["2026-02-31", "2026-2-3", "20260203", "soon", ""])
def test_plain_sql_cannot_write_a_day_that_is_none(connection: Connection, value: str) -> None:
    statement = text("UPDATE patient SET birth_date = :value")
    if connection.dialect.name == "postgresql" and value == "20260203":
        value = "2026-02-30"  # PostgreSQL reads the basic format as the date that it is
    if connection.dialect.name == "postgresql" and value == "2026-2-3":
        value = "2026-13-3"  # and this one too
    with pytest.raises(DBAPIError):
        connection.execute(statement, {"value": value})


@pytest.mark.parametrize("value", ["2026-02-28 10:00:00", "2026-02-28T24:00:00Z", "2026-02-28T10:00:00.5Z"])
def test_sqlite_takes_an_instant_in_one_spelling_only(sqlite_connection: Connection, value: str) -> None:
    with pytest.raises(IntegrityError):
        sqlite_connection.execute(text("UPDATE movement SET started_at = :value"), {"value": value})


def test_sqlite_refuses_a_value_of_another_type(sqlite_connection: Connection) -> None:
    with pytest.raises(IntegrityError):
        sqlite_connection.execute(text("UPDATE org_unit SET places = 'many', kind = 'UF'"))


def test_sqlite_refuses_text_with_nul(sqlite_connection: Connection) -> None:
    with pytest.raises(IntegrityError):
        sqlite_connection.execute(text("UPDATE ej SET name = :name"), {"name": "C\0H"})
