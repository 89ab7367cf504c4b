"""Owns the demo's data as a whole: every row, in the order in which a database takes it."""

from collections.abc import Iterator

from fhirexport_server.demo.cast import PARTS, PARTS_IN_ALL, entity, part
from fhirexport_server.demo.columns import Row
from fhirexport_server.demo.dice import Dice
from fhirexport_server.demo.hospitals.care import Care
from fhirexport_server.demo.hospitals.units import structure
from fhirexport_server.demo.people.person import contacts, dies_later, identifiers, patient, person
from fhirexport_server.demo.people.traits import MOST_PATIENTS
from fhirexport_server.demo.stays.stay import MOVEMENTS, stay
from fhirexport_server.domain.rows import Batch

ROWS_A_BATCH = 1000


def batches(*, patients: int = 1000, seed: int = 1) -> Iterator[Batch]:
    """Yield the rows of an invented hospital group, at most 1,000 a batch, parents before children.

    The structure is the same for every seed and number. The k-th patient, its venue and its movements
    depend on the seed and on k alone, so that more patients only add rows to each table. Ids are given:
    the first EJ has id 1. Memory does not grow with the number.

    Args:
        patients: How many patients, and as many venues with five movements each.
        seed: Which group of the many.

    Raises:
        ValueError: More patients than there are distinct matricules, or fewer than none.
    """
    if not 0 <= patients <= MOST_PATIENTS:
        raise ValueError(f"patients must be between 0 and {MOST_PATIENTS:,}")
    tables, care = structure()
    for table, rows in tables.items():
        yield from _cut(table, rows)
    for first in range(0, patients, ROWS_A_BATCH):
        numbers = range(first, min(first + ROWS_A_BATCH, patients))
        for table, rows in _chunk(seed, numbers, care).items():
            yield from _cut(table, rows)


def total_rows(*, patients: int) -> int:
    """Return how many rows `batches` yields for so many patients, whatever the seed."""
    rounds, rest = divmod(patients, PARTS_IN_ALL)
    own = [one.identifiers + one.contacts for one in PARTS]
    of_structure = sum(len(rows) for rows in structure().tables.values())
    return of_structure + patients * (2 + MOVEMENTS) + rounds * sum(own) + sum(own[:rest])


def _chunk(seed: int, numbers: range, care: tuple[Care, ...]) -> dict[str, list[Row]]:
    tables: dict[str, list[Row]] = {
        table: [] for table in ("patient", "patient_identifier", "patient_contact", "venue", "movement")
    }
    for number in numbers:
        dice = Dice(seed, number)
        this, who = person(dice, seed, number, part(number))
        course = stay(dice, this, care[entity(number)])
        died_at = course.ended_at if course.fatal else None
        if this.part.dead and course.ended_at is not None and dice.chance(0.5):
            died_at = dies_later(dice, course.ended_at)
        tables["patient"].append(patient(dice, this, who, died_at))
        tables["patient_identifier"] += identifiers(dice, this, who)
        tables["patient_contact"] += contacts(dice, this, who)
        tables["venue"].append(course.venue)
        tables["movement"] += course.movements
    return tables


def _cut(table: str, rows: list[Row]) -> Iterator[Batch]:
    for start in range(0, len(rows), ROWS_A_BATCH):
        yield Batch(table, rows[start : start + ROWS_A_BATCH])
