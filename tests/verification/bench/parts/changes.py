"""Measures exports after changes, beside full renderings and hits, and what a mirror is sent.

Exports are opened in this process, without gRPC; their chunks are read as they are kept, compressed.
"""

import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fhirexport_server.domain.datasets import Dataset, Format
from fhirexport_server.exports.exporter import Exporter
from fhirexport_server.exports.request import ExportRequest, Have
from fhirexport_server.store.schema import METADATA
from rich.table import Table
from sqlalchemy import Connection, bindparam, text
from support.exporting import exporting
from support.rows import writing
from verification.bench.measuring.plot import Plot
from verification.bench.measuring.results import Results

EJ_ID = 1
REQUEST = ExportRequest(EJ_ID, Dataset.VENUES, Format.NDJSON)
MEMORY = 512 * 1024 * 1024
CHANGED = (0, 1, 10, 100, 1000)
ADMISSIONS = 1000
_ONE = " AND id IN (SELECT min(id) FROM movement GROUP BY venue_id)"
"""A condition: the first movement of each stay, which is all that there is of one on admission."""
_PLOTTED = "1 movements"
_SEGMENT_BYTES = 48
"""What a message takes beside the frame that it carries, about."""


@dataclass(frozen=True)
class Answered:
    """One export."""

    seconds: float
    digests: tuple[bytes, ...]
    sent: int
    """The bytes of the chunks that were sent."""
    status: str


@dataclass(frozen=True)
class Changed:
    """What the rounds with one kind of change gave."""

    database: str
    venues: int
    name: str
    befores: list[Answered]
    ours: list[Answered]


async def changes(urls: Sequence[tuple[str, str]], rounds: int) -> Results:
    """Measures databases, each with its heading."""
    results = Results()
    table = Table(title="Venues after changes: a strict export beside a full one and a hit (medians)")
    for heading in (
        *("database", "venues", "changed", "hit ms", "full ms", "ours ms"),
        *("full / ours", "ours / hit", "segments", "sent kB", "whole kB"),
    ):
        table.add_column(heading, justify="left" if heading in {"database", "changed"} else "right")
    for heading, url in urls:
        await _rows(table, results, heading, url, rounds)
    results.tables.append(table)
    results.plots["sizes"] = _plot(results)
    return results


def _plot(results: Results) -> Plot:
    """Size against time, on PostgreSQL where that was measured."""
    rows = [row for row in results.figures.values() if isinstance(row, dict) and row["changed"] == _PLOTTED]
    shown = min((str(row["database"]) for row in rows), default="")
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in sorted(rows, key=lambda row: float(row["venues"])):
        if row["database"] == shown and row["venues"]:
            for line, value in (("in full", "full_ms"), ("one changed", "ours_ms"), ("hit", "hit_ms")):
                lines.setdefault(line, []).append((float(row["venues"]), float(row[value])))
    return Plot(f"An export of venues ({shown})", "venues", "milliseconds", lines)


async def _rows(table: Table, results: Results, heading: str, url: str, rounds: int) -> None:
    drawn = random.Random(1)
    spool = 4 * MEMORY
    async with (
        exporting(url, cache_bytes=MEMORY, spool_limit_bytes=spool) as keeping,
        exporting(url, spool_limit_bytes=spool) as full,
    ):
        await _export(keeping, REQUEST)
        fulls, measured = [], []
        kinds = [(f"{count:,} movements", count, 0, _ONE) for count in CHANGED]
        kinds.append((f"{ADMISSIONS:,} admissions", 0, ADMISSIONS, _ONE))
        kinds.append((f"{ADMISSIONS:,} whole stays", 0, ADMISSIONS, ""))
        for name, movements, stays, which in kinds:
            befores, ours = [], []
            for _ in range(rounds):
                before = await _export(keeping, REQUEST)
                befores.append(before)
                with writing(url) as connection:
                    _change(connection, movements, drawn)
                    _admit(connection, stays, which)
                have = replace(REQUEST, have=Have(digests=before.digests))
                ours.append(await _export(keeping, have))
            # It takes as long whatever was changed, and longest of all.
            fulls.append(await _export(full, REQUEST))
            measured.append(Changed(heading, _venues(url), name, befores, ours))
    for changed in measured:
        _tell(table, results, changed, fulls)


def _tell(table: Table, results: Results, changed: Changed, fulls: list[Answered]) -> None:
    hit, whole, own = (
        statistics.median(one.seconds for one in answers)
        for answers in (changed.befores, fulls, changed.ours)
    )
    before, now = changed.befores[-1], changed.ours[-1]
    results.figures[f"{changed.database} {changed.venues:,} venues {changed.name}"] = {
        "database": changed.database,
        "venues": changed.venues,
        "changed": changed.name,
        "hit_ms": hit * 1000,
        "full_ms": whole * 1000,
        "ours_ms": own * 1000,
    }
    table.add_row(
        *(changed.database, f"{changed.venues:,}", changed.name),
        *(f"{hit * 1000:.2f}", f"{whole * 1000:.0f}", f"{own * 1000:.2f}"),
        *(f"{whole / own:.0f}", f"{own / hit:.1f}"),
        str(len(set(now.digests) - set(before.digests))),
        *(f"{one.sent / 1000:.0f}" for one in (now, fulls[-1])),
    )


async def _export(exporter: Exporter, request: ExportRequest) -> Answered:
    begun = time.perf_counter()
    async with exporter.open(request) as rendering:
        chunks = [chunk async for chunk in rendering.chunks()]
        seconds = time.perf_counter() - begun
        digests = tuple(chunk.segment.digest for chunk in chunks if chunk.segment is not None)
        sent = sum(len(chunk.frame) + _SEGMENT_BYTES for chunk in chunks if chunk.frame)
        return Answered(seconds, digests, sent, rendering.cache_status)


def _venues(url: str) -> int:
    with writing(url) as connection:
        count: int = connection.execute(
            text("SELECT count(*) FROM venue WHERE ej_id = :ej"), {"ej": EJ_ID}
        ).scalar_one()
        return count


def _change(connection: Connection, count: int, drawn: random.Random) -> None:
    """Change a movement of so many venues, drawn at random."""
    if not count:
        return
    found = connection.execute(
        text("SELECT max(id) FROM movement WHERE ej_id = :ej GROUP BY venue_id ORDER BY venue_id"),
        {"ej": EJ_ID},
    )
    ids = drawn.sample(list(found.scalars()), count)
    name = f"Dr {drawn.randrange(10**9)}"
    statement = text("UPDATE movement SET attending_name = :name WHERE id IN :ids").bindparams(
        bindparam("ids", expanding=True)
    )
    connection.execute(statement, {"name": name, "ids": ids})


def _admit(connection: Connection, count: int, which: str) -> None:
    """Copy so many venues, as if patients were admitted anew, with the movements that a condition selects."""
    if not count:
        return
    last = connection.execute(text("SELECT max(id) FROM venue")).scalar_one()
    last_movement = connection.execute(text("SELECT max(id) FROM movement")).scalar_one()
    parameters = {"ej": EJ_ID, "last": last, "last_movement": last_movement, "count": count}
    first = "SELECT id FROM venue WHERE ej_id = :ej ORDER BY id LIMIT :count"
    _copy(
        connection,
        "venue",
        {"id": "id + :last", "venue_no": "'n' || (id + :last)"},
        f"id IN ({first})",
        parameters,
    )
    ours = {
        "id": "id + :last_movement",
        "movement_no": "'n' || (id + :last_movement)",
        "venue_id": "venue_id + :last",
    }
    _copy(connection, "movement", ours, f"ej_id = :ej AND venue_id IN ({first}){which}", parameters)


def _copy(
    connection: Connection, table: str, own: dict[str, str], where: str, parameters: dict[str, object]
) -> None:
    names = [column.name for column in METADATA.tables[table].c]
    values = ", ".join(own.get(name, name) for name in names)
    used = {key: value for key, value in parameters.items() if f":{key}" in values + where}
    sql = f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} WHERE {where}"
    connection.execute(text(sql), used)
