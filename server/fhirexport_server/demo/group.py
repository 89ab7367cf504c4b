"""All rows of the demo, in the order in which a database accepts them."""

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

    The structure is the same for every seed and every number of patients. The k-th patient, its venue and
    its movements depend only on the seed and k, so that more patients only add rows to each table. Ids are
    fixed: the first EJ has id 1. The memory used does not grow with the number.

    Args:
        patients: The number of patients; each has a venue with five movements.
        seed: The seed: another one gives another group.

    Raises:
        ValueError: `patients` is negative, or larger than the number of distinct matricules.
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
    """Return the number of rows that `batches` yields for a number of patients, whatever the seed."""
    rounds, rest = divmod(patients, PARTS_IN_ALL)
    rows_of_parts = [part.identifiers + part.contacts for part in PARTS]
    of_structure = sum(len(rows) for rows in structure().tables.values())
    return of_structure + patients * (2 + MOVEMENTS) + rounds * sum(rows_of_parts) + sum(rows_of_parts[:rest])


def _chunk(seed: int, numbers: range, care: tuple[Care, ...]) -> dict[str, list[Row]]:
    tables: dict[str, list[Row]] = {
        table: [] for table in ("patient", "patient_identifier", "patient_contact", "venue", "movement")
    }
    for number in numbers:
        dice = Dice(seed, number)
        who, their_traits = person(dice, seed, number, part(number))
        stay_rows = stay(dice, who, care[entity(number)])
        died_at = stay_rows.ended_at if stay_rows.fatal else None
        if who.part.dead and stay_rows.ended_at is not None and dice.chance(0.5):
            died_at = dies_later(dice, stay_rows.ended_at)
        tables["patient"].append(patient(dice, who, their_traits, died_at))
        tables["patient_identifier"] += identifiers(dice, who, their_traits)
        tables["patient_contact"] += contacts(dice, who, their_traits)
        tables["venue"].append(stay_rows.venue)
        tables["movement"] += stay_rows.movements
    return tables


def _cut(table: str, rows: list[Row]) -> Iterator[Batch]:
    for start in range(0, len(rows), ROWS_A_BATCH):
        yield Batch(table, rows[start : start + ROWS_A_BATCH])
