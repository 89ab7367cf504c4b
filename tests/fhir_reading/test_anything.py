"""Shows that whatever comes is read or refused: nothing else is raised, and the store takes what is read."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from fhir_reading.gathering import drafts, gather, read
from fhir_reading.hospital_rows import BASE
from fhir_reading.mutants import mutants
from fhirexport_server.fhir.reading.bundles.bundle import bundle, line
from fhirexport_server.fhir.reading.json.problems import Problems
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext
from fhirexport_server.fhir.reading.json.strict_json import MalformedJsonError
from fhirexport_server.fhir.reading.resources.drafts import (
    Draft,
    EjDraft,
    MovementDraft,
    OrgUnitDraft,
    PatientDraft,
    PlaceDraft,
    VenueDraft,
)
from fhirexport_server.fhir.time_zones import USUAL as USUAL_TIME_ZONE
from fhirexport_server.store.schema import METADATA
from fhirexport_server.store.schema.column_types import Instant
from fhirexport_server.store.schema.ddl import statements
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

CONTEXT = ReadingContext(BASE)
TABLES = {
    EjDraft: "ej",
    OrgUnitDraft: "org_unit",
    PlaceDraft: "place",
    PatientDraft: "patient",
    VenueDraft: "venue",
    MovementDraft: "movement",
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["entry", "resource", "resourceType", "type", "request"]), inner)
    ),
    max_leaves=20,
)
WORDS = st.sampled_from(["Bundle", "collection", "batch", "Patient", "Encounter", "Location", "Organization"])


@pytest.fixture(scope="module")
def store() -> Iterator[sqlite3.Connection]:
    """A database with every check of the schema, which does not look where keys lead."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statement in statements("sqlite"):
            connection.execute(statement)
        connection.execute("PRAGMA foreign_keys = OFF")
        yield connection


@pytest.mark.long
@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
@examples(300)
def test_any_bytes_are_read_or_malformed(data: bytes) -> None:
    problems = Problems()
    try:
        found = bundle(data, CONTEXT, problems)
    except MalformedJsonError:
        found = None
    if found is not None:
        read(found, CONTEXT, problems)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
@examples(300)
def test_any_line_is_read_or_refused(data: bytes) -> None:
    problems = Problems()

    found = line(data, 0, CONTEXT, problems)

    assert (found is None) == (problems.errors > 0)


@given(st.lists(mutants(), min_size=1, max_size=3), st.sampled_from(["collection", "transaction", "batch"]))
@examples(200)
def test_bundles_of_mutants_are_read(resources: list[dict[str, Any]], type_: str) -> None:
    request = {} if type_ == "collection" else {"request": {"method": "POST", "url": "Patient"}}
    entries = [{"resource": resource, **request} for resource in resources]
    content = json.dumps({"resourceType": "Bundle", "type": type_, "entry": entries}).encode()
    problems = Problems()
    try:
        found = bundle(content, CONTEXT, problems)
    except MalformedJsonError:
        return
    assert found is not None
    read(found, CONTEXT, problems)


@given(mutants())
@examples(1000)
def test_the_store_takes_whatever_is_read(store: sqlite3.Connection, resource: dict[str, Any]) -> None:
    problems = Problems()
    entry = line(json.dumps(resource).encode(), 0, CONTEXT, problems)

    found = drafts([] if entry is None else [entry], CONTEXT, problems)
    gather(found, problems)

    if problems.errors:
        return
    store.execute("BEGIN")
    try:
        for draft in found:
            # Which event it is follows from the movements around it (`fhir/reading/together/inference.py`).
            unsaid = isinstance(draft, MovementDraft) and draft.trigger_event is None
            one = draft._replace(trigger_event="A01") if unsaid else draft  # type: ignore[call-arg]  # a movement's
            for table, values in _rows(one):
                names = ", ".join(values)
                marks = ", ".join("?" * len(values))
                store.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(values.values()))
    finally:
        store.execute("ROLLBACK")


def _rows(draft: Draft) -> Iterator[tuple[str, dict[str, object]]]:
    table = TABLES[type(draft)]
    if isinstance(draft, EjDraft):
        # An import knows the clocks of an EJ that does not say.
        draft = draft._replace(time_zone=draft.time_zone or USUAL_TIME_ZONE)
    yield table, _columns(table, draft._asdict(), ej_id=1, patient_id=1, venue_id=1, uf_id=None)
    if isinstance(draft, PatientDraft):
        for one in draft.identifiers:
            yield "patient_identifier", _columns("patient_identifier", one._asdict(), ej_id=1, patient_id=1)
        for contact in draft.contacts:
            yield "patient_contact", _columns("patient_contact", contact._asdict(), ej_id=1, patient_id=1)


def _columns(table: str, values: dict[str, Any], **given: object) -> dict[str, object]:
    found: dict[str, object] = {}
    for column in METADATA.tables[table].columns:
        if column.name in given:
            found[column.name] = given[column.name]
        elif column.name.removesuffix("_id") in values and column.name.endswith("_id"):
            found[column.name] = None if values[column.name.removesuffix("_id")] is None else 1_000
        elif column.name in values:
            found[column.name] = _stored(column.type, values[column.name])
    return found


def _stored(type_: object, value: object) -> object:
    if isinstance(type_, Instant) and isinstance(value, int):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value
