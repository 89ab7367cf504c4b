"""Measures imports: a whole import through the server beside a bare COPY of the same rows."""

import tempfile
import time
from collections.abc import Callable
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
_PATIENTS = ("patient", "patient_identifier", "patient_contact")
_VENUES = ("venue", "movement")
GOAL = "1/4, the same again 1/2"


async def imports(source: str, directory: Path, empty: Callable[[], str]) -> Results:
    """Imports the patients and the venues of EJ 1 of a database into another, twice.

    Args:
        source: a PostgreSQL database that holds the group.
        directory: where the server runs.
        empty: makes a migrated, empty database.
    """
    table = Table(title=f"An import of NDJSON (PostgreSQL), beside a bare COPY of its rows; goal >= {GOAL}")
    for heading in (
        *("resources", "rows", "MB", "COPY s", "import s", "rate to COPY"),
        *("again s", "rate to COPY", "growth MiB"),
    ):
        table.add_column(heading, justify="right")
    results = Results([table])
    with tempfile.TemporaryDirectory(prefix="fhirexport-bench-") as name:
        files = [Path(name) / f"{part}.ndjson" for part in ("structure", "patients", "venues")]
        async with server_process(directory, source) as exporter, AsyncClient(exporter.address) as client:
            await client.structure(EJ_ID).save(files[0])
            await client.patients(EJ_ID).save(files[1])
            await client.venues(EJ_ID, movements=True).save(files[2])
        copied = empty()
        _copy(source, copied, _STRUCTURE)
        target = empty()
        async with server_process(directory, target) as importer, AsyncClient(importer.address) as client:
            await _imported(client, files[0], None)
            for file, tables in ((files[1], _PATIENTS), (files[2], _VENUES)):
                rows, bare = _copy(source, copied, tables)
                async with growth(importer.process.pid) as grown:
                    resources, seconds = await _imported(client, file)
                    again, again_seconds = await _imported(client, file)
                if again != resources:
                    raise SystemExit("the second import has not found what the first one wrote")
                table.add_row(
                    f"{resources:,}",
                    f"{rows:,}",
                    f"{file.stat().st_size / 1e6:,.0f}",
                    f"{bare:.1f}",
                    f"{seconds:.1f}",
                    f"1/{seconds / bare:.1f}",
                    f"{again_seconds:.1f}",
                    f"1/{again_seconds / bare:.1f}",
                    f"{grown() / MIB:.0f}",
                )
                results.figures[f"{resources} {file.stem}"] = {
                    "rate_to_copy": bare / seconds,
                    "again_to_copy": bare / again_seconds,
                    "growth_mib": grown() / MIB,
                }
    return results


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
