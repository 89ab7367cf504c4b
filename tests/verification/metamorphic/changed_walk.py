"""The property: what is brought up to date after random statements is what a full rendering gives."""

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from unittest import mock

from fhirexport_server.domain import segments
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.errors import EjNotFoundError, RowNotRenderableError
from fhirexport_server.domain.outcomes import ExportAnswer, FullReason
from fhirexport_server.exports.exporter import Exporter
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.formats import splicing
from fhirexport_server.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry
from support.exporting import exporting
from verification.metamorphic.rows import TABLES, small_hospital
from verification.metamorphic.statements import Statement, Statements
from verification.metamorphic.writer import RefusedError, Writer, held, writing

MEMORY = 64 * 1024 * 1024
ROUND = 80
"""After so many statements the hospital is made anew, so that there is always something to change."""
MOST_BETWEEN = 6
"""How many statements there are between two looks at an export, at most."""
MOST_IDS = 4
"""How many ids a segment holds at most, so that a small hospital has many."""
NAMED = {"patient", "patient_identifier", "patient_contact", "venue", "movement"}
"""The tables of which the log names the resources."""
OF_THE_REST, ROLLED_BACK, COMPACTED = 0.05, 0.05, 0.3
"""How likely it is that a statement of another table is taken, rolled back, and followed by a compaction."""


@dataclass
class Seen:
    """What was seen."""

    statements: int = 0
    comparisons: int = 0
    changed: int = 0
    """How many exports were brought up to date."""
    full: Counter[str] = field(default_factory=Counter)
    """How many were rendered in full, by reason."""
    mismatches: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(self.full.items()))
        return (
            f"{self.statements} statements, {self.comparisons} comparisons:"
            f" {len(self.mismatches)} mismatches,"
            f" {self.changed} brought up to date, in full: {reasons}"
        )


async def walk_exports(url: str, *, statements: int, changed: int = 0, seed: int = 1) -> Seen:
    """Run random statements on a migrated database, and compare exports from time to time.

    One exporter keeps renderings and brings them up to date, another one keeps nothing. It goes on until so
    many exports were brought up to date, for that is left to chance, but not more than five times as long.
    """
    seen, random = Seen(), Random(f"changed {seed}")
    registry = CollectorRegistry()
    with ExitStack() as patched:
        for module in (segments, splicing):
            patched.enter_context(mock.patch.object(module, "MOST_IDS", MOST_IDS))
        await _walk(url, statements, changed, seen, random, Metrics(registry))
    for reason in FullReason:
        counts = (
            registry.get_sample_value(
                "fhirexport_full_renderings_total", {"type": dataset.value, "reason": reason.value}
            )
            for dataset in (Dataset.PATIENTS, Dataset.VENUES)
        )
        seen.full[reason.value] = int(sum(count or 0 for count in counts))
    return seen


async def _walk(  # noqa: PLR0917 - the parts
    url: str, statements: int, changed: int, seen: Seen, random: Random, metrics: Metrics
) -> None:
    async with exporting(url, metrics=metrics, cache_bytes=MEMORY) as keeping, exporting(url) as full:
        with writing(url) as writer:
            drawn = Statements(writer.dialect, random)
            made = 0
            while seen.statements < (5 * statements if seen.changed < changed else statements):
                if seen.statements >= made:
                    _made_anew(writer)
                    made = seen.statements + ROUND
                for _ in range(random.randint(1, MOST_BETWEEN)):
                    _run(writer, drawn, random)
                    seen.statements += 1
                if writer.dialect == "postgresql" and random.random() < COMPACTED:
                    await keeping.database.compact()
                for request in _requests(writer, random):
                    await _compare(keeping, full, request, seen)


async def _compare(keeping: Exporter, full: Exporter, request: ExportRequest, seen: Seen) -> None:
    ours, answer, rendered = await _export(keeping, request)
    expected, _, _ = await _export(full, request)
    seen.comparisons += 1
    seen.changed += rendered
    if ours != expected:
        seen.mismatches.append(f"{request} {answer}")


async def _export(exporter: Exporter, request: ExportRequest) -> tuple[object, ExportAnswer | None, bool]:
    """Return text and digests, or the error; how it was answered; whether it was brought up to date."""
    try:
        async with exporter.open(request) as rendering:
            chunks = [chunk async for chunk in rendering.chunks()]
            text = b"".join(chunk.text() for chunk in chunks)
            listed = [chunk.segment for chunk in chunks if chunk.segment is not None]
            assert rendering.totals is not None
            counts = (rendering.totals.resource_count, rendering.totals.size_bytes)
            return (text, listed, counts), rendering.answer, "rendered=" in rendering.cache_status
    except (EjNotFoundError, RowNotRenderableError) as error:
        return str(error), None, False


def _requests(writer: Writer, random: Random) -> list[ExportRequest]:
    ej_ids = [ej_id for (ej_id,) in writer.read("SELECT id FROM ej ORDER BY id")]
    dataset = random.choice((Dataset.PATIENTS, Dataset.VENUES, Dataset.VENUES))
    detail = random.choice(list(Detail)) if dataset is Dataset.VENUES else Detail.SUMMARY
    return [ExportRequest(ej_id, dataset, random.choice(list(Format)), detail) for ej_id in ej_ids]


def _run(writer: Writer, drawn: Statements, random: Random) -> None:
    statement = drawn.draw(held(writer))
    while statement.table not in NAMED and random.random() > OF_THE_REST:
        statement = drawn.draw(held(writer))
    undo = random.random() < ROLLED_BACK
    writer.begin()
    try:
        writer.execute(statement)
    except RefusedError:
        writer.end(commit=False)
        drawn.refused(statement)
        return
    writer.end(commit=not undo)


def _made_anew(writer: Writer) -> None:
    writer.begin()
    for table in reversed(TABLES):
        writer.execute(Statement("clear", table, f"DELETE FROM {table}"))
    for table, rows in small_hospital():
        for row in rows:
            marks = ", ".join(["%s"] * len(row))
            sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"
            writer.execute(Statement("insert", table, sql, tuple(row.values())))
    writer.end(commit=True)
