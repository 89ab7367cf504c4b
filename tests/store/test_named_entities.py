"""Shows that EJs are listed by the ids that a caller may see, and found by their FINESS numbers."""

from collections.abc import Iterator

import pytest
from fhirexport_server.domain.rows import Batch
from fhirexport_server.store.database import Database
from fhirexport_server.store.loader import load
from fhirexport_server.store.snapshot import SnapshotReader

EJS = 12_000
"""More than two statements name."""


@pytest.fixture
def rows(database_url: str) -> Iterator[SnapshotReader]:
    entities = [
        {"id": number, "finess": f"{number:09}", "name": f"EJ {number}"} for number in range(1, EJS + 1)
    ]
    load(database_url, [Batch("ej", entities)])
    with Database.open(database_url) as database, database.snapshot() as snapshot:
        yield snapshot


def _ids(rows: SnapshotReader, ids: object, *, after: int = 0, limit: int = 100, **more: str) -> list[int]:
    finess = more.get("finess")
    found = rows.legal_entities(finess=finess, after_id=after, limit=limit, ids=ids)  # type: ignore[arg-type]  # a set of numbers, or None
    return [row.id for row in found]


@pytest.mark.long
def test_only_those_that_are_named_are_listed_in_order(rows: SnapshotReader) -> None:
    assert _ids(rows, None, limit=3) == [1, 2, 3]
    assert _ids(rows, {7, 3, 999_999, -1}) == [3, 7]
    assert _ids(rows, {7, 3}, after=3) == [7]
    assert _ids(rows, {7, 3}, limit=1) == [3]
    assert _ids(rows, set()) == []
    assert _ids(rows, {7}, finess="000000007") == [7]
    assert _ids(rows, {7}, finess="000000008") == []


@pytest.mark.long
def test_more_may_be_named_than_one_statement_takes(rows: SnapshotReader) -> None:
    every = set(range(1, EJS + 1))
    assert _ids(rows, every, after=4_998, limit=4) == [4_999, 5_000, 5_001, 5_002]
    assert _ids(rows, every, limit=EJS + 1) == sorted(every)
    missing = set(range(-20_000, 0)) | set(range(100_000, 130_000)) | {EJS}
    assert _ids(rows, missing) == [EJS]


@pytest.mark.long
def test_ids_are_found_by_finess_numbers(rows: SnapshotReader) -> None:
    assert rows.ids_by_finess({"000000002", "000012000", "999999999"}) == {
        "000000002": 2,
        "000012000": 12_000,
    }
    assert rows.ids_by_finess([]) == {}
    assert len(rows.ids_by_finess([f"{number:09}" for number in range(EJS + 5_000)])) == EJS
