"""Shows that the demo's data are the same everywhere, counted beforehand, and only grow."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

import pytest
from fhirexport_server.demo.columns import COLUMNS
from fhirexport_server.demo.group import ROWS_A_BATCH, batches, total_rows
from fhirexport_server.domain.rows import Batch

Row = dict[str, object]
DIGEST = """
import hashlib
from fhirexport_server.demo.group import batches
digest = hashlib.sha256()
for batch in batches(patients=300, seed=7):
    digest.update(repr(batch).encode())
print(digest.hexdigest())
"""


def tables(rows: Iterable[Batch]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for batch in rows:
        found.setdefault(batch.table, []).extend(batch.rows)
    return found


def digest_in_another_process(hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": "Asia/Tokyo"}
    done = subprocess.run([sys.executable, "-c", DIGEST], env=environment, check=True, capture_output=True)
    return done.stdout.decode()


def test_every_process_makes_the_same_rows() -> None:
    first, second = digest_in_another_process("0"), digest_in_another_process("4242")
    assert first == second != ""


def test_another_seed_makes_other_people_in_the_same_structure() -> None:
    one, other = tables(batches(patients=100, seed=1)), tables(batches(patients=100, seed=-2))
    for table in ("ej", "namespace", "org_unit", "org_member", "place"):
        assert one[table] == other[table]
    for table in ("patient", "patient_identifier", "patient_contact", "venue", "movement"):
        assert one[table] != other[table]


@pytest.mark.parametrize("patients", [0, 1, 99, 250, 1001])
def test_rows_are_counted_before_they_are_made(patients: int) -> None:
    made = sum(len(batch.rows) for batch in batches(patients=patients, seed=3))
    assert total_rows(patients=patients) == made


def test_a_larger_group_only_adds_rows_to_each_table() -> None:
    small, large = tables(batches(patients=130)), tables(batches(patients=1200))
    assert {table: rows[: len(small[table])] for table, rows in large.items()} == small


def test_batches_are_bounded_and_parents_come_first() -> None:
    order = list(COLUMNS)
    made = [(batch.table, len(batch.rows)) for batch in batches(patients=2500)]
    assert max(count for _, count in made) == ROWS_A_BATCH
    assert min(count for _, count in made) > 0
    tables_seen = [table for table, _ in groupby(table for table, _ in made)]
    people = order[order.index("patient") :]
    assert tables_seen == order + people * 2


def test_rows_have_the_columns_of_their_table() -> None:
    for batch in batches(patients=120):
        for row in batch.rows:
            assert set(row) == set(COLUMNS[batch.table])
            assert list(row) == list(batch.rows[0])


def test_the_first_rows_of_a_million_patients_come_before_the_last_are_made() -> None:
    rows: Iterator[Batch] = batches(patients=1_000_000)
    first = next(batch for batch in rows if batch.table == "venue")
    assert len(first.rows) == ROWS_A_BATCH


def test_a_thousand_patients_have_as_many_venues_and_five_movements_each() -> None:
    found = tables(batches())
    assert len(found["patient"]) == len(found["venue"]) == 1000
    assert set(Counter(row["venue_id"] for row in found["movement"]).values()) == {5}
    assert 180 <= len(found["org_unit"]) + len(found["place"]) <= 260


@pytest.mark.parametrize("patients", [-1, 100_000_000])
def test_an_impossible_number_of_patients_is_refused(patients: int) -> None:
    with pytest.raises(ValueError, match="patients must be between 0 and"):
        next(batches(patients=patients))
