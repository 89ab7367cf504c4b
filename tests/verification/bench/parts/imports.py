"""Measures imports: a whole import through the server beside a bare COPY of the same rows."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

import psycopg
from fhirexport import AsyncClient
from fhirexport_server.store import schema
from psycopg.sql import SQL, Identifier
from rich.table import Table
from support.server import server_process
from verification.bench.measuring.results import Results
from verification.bench.measuring.rss import growth

EJ_ID = 1
MIB = 1024 * 1024
_STRUCTURE = ("ej", "namespace", "org_unit", "org_member", "place")
_TABLES = {
    "patients": ("patient", "patient_identifier", "patient_contact"),
    "venues": ("venue", "movement"),
}
GOAL = "1/4, the same again 1/2"


@dataclass(frozen=True)
class Source:
    """What is imported from a database, which holds the group."""

    url: str
    part: str
    """`patients` or `venues`."""


async def imports(sources: Sequence[Source], directory: Path, empty: Callable[[], str]) -> Results:
    """Import parts of EJ 1 of some databases into others, twice each.

    Args:
        sources: what is imported, of PostgreSQL databases.
        directory: where the servers run.
        empty: makes a migrated, empty database.
    """
    table = Table(title=f"An import of NDJSON (PostgreSQL), beside a bare COPY of its rows; goal >= {GOAL}")
    for heading in (
        *("what", "resources", "rows", "MB", "COPY s", "import s", "rate to COPY"),
        *("again s", "rate to COPY", "growth MiB"),
    ):
        table.add_column(heading, justify="right")
    results = Results([table])
    for source in sources:
        with tempfile.TemporaryDirectory(prefix="fhirexport-bench-") as name:
            before, file = await _exported(source, directory, Path(name))
            target, copied = empty(), empty()
            needed = _STRUCTURE if source.part == "patients" else (*_STRUCTURE, *_TABLES["patients"])
            _copy(source.url, copied, needed)
            async with server_process(directory, target) as importer, AsyncClient(importer.address) as client:
                for part in before:
                    await _imported(client, part, None if part is before[0] else EJ_ID)
                copy = partial(_copy, source.url, copied, _TABLES[source.part])
                async with growth(importer.process.pid) as grown:
                    measured = await _measured(client, file, copy)
            _tell(results, source.part, file, measured, grown())
    return results


async def _exported(source: Source, directory: Path, into: Path) -> tuple[list[Path], Path]:
    """Export what is imported; return what it refers to, and itself."""
    structure, patients, venues = (into / f"{part}.ndjson" for part in ("structure", "patients", "venues"))
    async with server_process(directory, source.url) as exporter, AsyncClient(exporter.address) as client:
        await client.structure(EJ_ID).save(structure)
        await client.patients(EJ_ID).save(patients)
        if source.part == "patients":
            return [structure], patients
        await client.venues(EJ_ID, movements=True).save(venues)
    return [structure, patients], venues


@dataclass(frozen=True)
class _Measured:
    resources: int
    rows: int
    copy_seconds: float
    seconds: float
    again_seconds: float


async def _measured(client: AsyncClient, file: Path, copy: Callable[[], tuple[int, float]]) -> _Measured:
    rows, bare = copy()
    resources, seconds = await _imported(client, file)
    again, again_seconds = await _imported(client, file)
    if again != resources:
        raise SystemExit("the second import has not found what the first one wrote")
    return _Measured(resources, rows, bare, seconds, again_seconds)


def _tell(results: Results, part: str, file: Path, measured: _Measured, grown: float) -> None:
    bare = measured.copy_seconds
    results.tables[0].add_row(
        part,
        f"{measured.resources:,}",
        f"{measured.rows:,}",
        f"{file.stat().st_size / 1e6:,.0f}",
        f"{bare:.1f}",
        f"{measured.seconds:.1f}",
        f"1/{measured.seconds / bare:.1f}",
        f"{measured.again_seconds:.1f}",
        f"1/{measured.again_seconds / bare:.1f}",
        f"{grown / MIB:.0f}",
    )
    results.figures[f"{measured.resources} {part}"] = {
        "rate_to_copy": bare / measured.seconds,
        "again_to_copy": bare / measured.again_seconds,
        "growth_mib": grown / MIB,
    }


async def _imported(client: AsyncClient, file: Path, ej_id: int | None = EJ_ID) -> tuple[int, float]:
    """Imports a file; returns how many resources were written or found unchanged, and the seconds."""
    start = time.perf_counter()
    with file.open("rb") as lines:
        summary = await client.imports.resources(lines, ej_id=ej_id)
    seconds = time.perf_counter() - start
    if summary.error_count:
        raise SystemExit(f"an export is not imported: {summary.problems[0].expression}")
    return summary.created_count + summary.unchanged_count, seconds


def _copy(source: str, target: str, tables: tuple[str, ...]) -> tuple[int, float]:
    """Copies rows of EJ 1 by COPY alone; returns how many, and the seconds that writing them took."""
    count, seconds = 0, 0.0
    with psycopg.connect(source) as read, psycopg.connect(target) as write:
        for table in tables:
            columns = [column.name for column in schema.METADATA.tables[table].columns]
            names = SQL(", ").join(map(Identifier, columns))
            key = Identifier("id" if table == "ej" else "ej_id")
            query = SQL("COPY (SELECT {} FROM {} WHERE {} = {} ORDER BY 1, 2) TO STDOUT")
            with read.cursor().copy(query.format(names, Identifier(table), key, EJ_ID)) as rows:
                content = b"".join(rows)
            count += content.count(b"\n")
            start = time.perf_counter()
            with write.cursor().copy(SQL("COPY {} ({}) FROM STDIN").format(Identifier(table), names)) as into:
                for piece in iter(BytesIO(content).read1, b""):
                    into.write(piece)
            seconds += time.perf_counter() - start
        start = time.perf_counter()
        write.commit()
        seconds += time.perf_counter() - start
    return count, seconds
