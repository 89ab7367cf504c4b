"""Shows that the log covers the difference of any two snapshots, whatever was written between them."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count, product
from random import Random

import psycopg
import pytest
from fhirexport_server.domain.audit import AuditEntry
from fhirexport_server.domain.changes import Changes
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.outcomes import FullReason
from fhirexport_server.store import compactor
from fhirexport_server.store.database import Database
from fhirexport_server.store.migrate import migrate
from store.differences import NAMED, Seen, missing, see, seen_in
from support.databases import BACKENDS, Databases, filled_with
from support.in_memory import in_memory
from support.postgres import running_postgres
from verification.metamorphic.exports import queries_made_once
from verification.metamorphic.rows import EJS, small_hospital
from verification.metamorphic.statements import Statements
from verification.metamorphic.writer import RefusedError, Writer, held
from verification.metamorphic.writer import writing as another_program

TRANSACTIONS = {"sqlite": 100, "postgresql": 60}
KEPT = 20
"""How many earlier snapshots are kept of a dataset."""
ENTRY = AuditEntry("test", "invalidate", "fhir:*", 1, "", "")


class Comparison:
    """Compares what the log says with what is there, and counts."""

    def __init__(
        self,
        database: Database,
        random: Random,
        ej_ids: Iterable[int],
        datasets: Iterable[Dataset],
        most: int,
    ) -> None:
        """Compare nothing yet.

        Args:
            database: The database.
            random: Chooses what to keep, and what to compare.
            ej_ids: The EJs to look at.
            datasets: The datasets to look at.
            most: With how many earlier snapshots each look is compared at most.
        """
        self._database = database
        self._random = random
        self._most = most
        self._kept: dict[tuple[int, Dataset], list[Seen]] = {key: [] for key in product(ej_ids, datasets)}
        self.outcomes: Counter[str] = Counter()

    def look(self) -> None:
        for (ej_id, dataset), kept in self._kept.items():
            with self._database.snapshot() as snapshot:
                now = seen_in(snapshot, ej_id, dataset)
                for before in self._random.sample(kept, min(self._most, len(kept))):
                    assert before.position is not None
                    changes = snapshot.changes(ej_id, dataset, before.revision, before.position)
                    self._compare(before, now, changes)
            if now.position is not None:
                if len(kept) == KEPT:
                    kept.pop(self._random.randrange(KEPT))
                kept.append(now)

    def _compare(self, before: Seen, now: Seen, changes: Changes | FullReason) -> None:
        if isinstance(changes, FullReason):
            self.outcomes[changes.value] += 1
            return
        self.outcomes["named" if before.rows != now.rows else "alike"] += 1
        assert missing(before, now, changes) == set()


def _committed(writer: Writer, drawn: Statements, random: Random) -> None:
    """Execute one to three statements in a transaction, of which some are rolled back."""
    writer.begin()
    try:
        for _ in range(random.choice((1, 1, 2, 3))):
            writer.execute(drawn.draw(held(writer)))
    except RefusedError:
        writer.end(commit=False)
    else:
        writer.end(commit=random.random() < 0.9)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.long
def test_random_statements_are_covered(
    backend: str, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compactor, "BATCH_ROWS", 4)
    random = Random("changes")
    url = databases.copy(backend, "metamorphic", filled_with(small_hospital))
    with queries_made_once(), Database.open(url) as database, another_program(url) as writer:
        drawn, comparison = Statements(writer.dialect, random), Comparison(database, random, EJS, NAMED, 2)
        for _ in range(TRANSACTIONS[backend]):
            _committed(writer, drawn, random)
            if random.random() < 0.02:
                database.invalidate([(random.choice(EJS), random.choice(NAMED))], ENTRY)
            for _ in range(random.choice((0, 0, 1, 5))):
                database.compact()
            comparison.look()
    # Only an invalidation, or TRUNCATE, is a reason to believe nothing.
    allowed = {"named", "alike", "everything", "unproven" if backend == "postgresql" else "everything"}
    assert set(comparison.outcomes) <= allowed
    assert comparison.outcomes["named"] > TRANSACTIONS[backend]


WRITERS = 4
LOOKS = 15
CHANGES = (
    "UPDATE patient SET email = 'a{0}@b.example' WHERE id = {1}",
    "UPDATE patient SET email = 'b{0}@b.example' WHERE id BETWEEN {1} AND {1} + 3",
    "UPDATE patient_contact SET family = 'F{0}' WHERE patient_id = {1}",
    "INSERT INTO patient (id, ej_id) VALUES (1000 + {0} * 10 + {2}, {3}) ON CONFLICT DO NOTHING",
    "DELETE FROM patient WHERE id = 1000 + ({0} - 7) * 10 + {2}",
    "UPDATE patient SET ej_id = {3} WHERE id = 1000 + ({0} - 3) * 10 + {2}",
    "UPDATE ej SET phone = '{0}' WHERE id = {3}",
)


ROWS = (
    "INSERT INTO ej (id, finess, name) VALUES (1, '010780054', 'A'), (2, '750712184', 'B')",
    "INSERT INTO patient (id, ej_id) SELECT n, 1 + n % 2 FROM generate_series(1, 80) AS n",
    "INSERT INTO patient_contact (ej_id, patient_id, seq, family) SELECT ej_id, id, 1, 'X' FROM patient",
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A database whose transactions can be prepared, with forty patients in each of two EJs."""
    with running_postgres(vacuums=False, logical=True, parent=in_memory()) as server:
        url = server.create_database()
        migrate(url)
        with psycopg.connect(url) as connection:
            for rows in ROWS:
                connection.execute(rows.encode())
        yield url


def _write(url: str, number: int, done: threading.Event) -> None:
    """Write in every way in which a transaction can come to its end, some later than others."""
    random = Random(f"writer {number}")
    with psycopg.connect(url, autocommit=True) as connection:
        for turn in count():
            if done.is_set():
                return
            try:
                _transact(connection, random, turn, number)
            except psycopg.errors.DeadlockDetected:
                connection.rollback()


def _transact(connection: psycopg.Connection, random: Random, turn: int, number: int) -> None:
    ending = random.choice(("COMMIT", "COMMIT", "COMMIT", "ROLLBACK", "PREPARE"))
    connection.execute("BEGIN")
    for _ in range(random.choice((1, 1, 2, 4))):
        statement = random.choice(CHANGES).format(turn, random.randint(1, 80), number, random.choice((1, 2)))
        is_undone = random.random() < 0.2
        connection.execute("SAVEPOINT here")
        connection.execute(statement.encode())
        connection.execute("ROLLBACK TO here" if is_undone else "RELEASE here")
    connection.execute("SELECT pg_sleep(%s)", [random.choice((0, 0, 0.005, 0.05))])
    if ending == "PREPARE":
        name = f"w{number}_{turn}"
        connection.execute(f"PREPARE TRANSACTION '{name}'".encode())
        connection.execute("SELECT pg_sleep(%s)", [random.choice((0, 0.02))])
        connection.execute(f"{random.choice(('COMMIT', 'COMMIT', 'ROLLBACK'))} PREPARED '{name}'".encode())
    else:
        connection.execute(ending.encode())


@pytest.mark.long
def test_what_writers_and_compactors_do_at_once_is_covered(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compactor, "BATCH_ROWS", 7)
    done = threading.Event()

    def read(comparison: Comparison) -> None:
        for _ in range(LOOKS):
            comparison.look()

    def compact(database: Database) -> None:
        while not done.wait(0.005):
            database.compact()

    with Database.open(url) as database:
        comparisons = [Comparison(database, Random(seed), (1, 2), [Dataset.PATIENTS], 6) for seed in (1, 2)]
        readers = [threading.Thread(target=read, args=(comparison,)) for comparison in comparisons]
        others = [threading.Thread(target=_write, args=(url, number, done)) for number in range(WRITERS)]
        others += [threading.Thread(target=compact, args=(database,)) for _ in range(2)]
        for thread in (*others, *readers):
            thread.start()
        for thread in readers:
            thread.join()
        done.set()
        for thread in others:
            thread.join()
        for comparison in comparisons:
            comparison.look()
            assert set(comparison.outcomes) <= {"named", "alike"}
            assert comparison.outcomes["named"] > LOOKS
        while database.compact().more:
            pass
        with psycopg.connect(url) as connection:
            log = "revision_log WHERE ej_id = 1 AND dataset = 'patients'"
            row = connection.execute(f"SELECT count(*) = max(n), min(n) FROM {log}".encode()).fetchone()
        assert row == (True, 1), "every change has a number, without a gap"
        assert see(database, 1, Dataset.PATIENTS).position is not None
