"""A server that compares: what it brings up to date it also renders in full, from the same snapshot.

It runs what `fhirexport-server` runs. Its segments are smaller, so that small EJs have many, and its
compactor folds less at once and keeps less of the log, so that bases are older than that.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

from fhirexport_server import __main__ as program
from fhirexport_server.domain import segments
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.outcomes import FullReason
from fhirexport_server.domain.segments import Manifest
from fhirexport_server.exports import pipeline
from fhirexport_server.exports.producing import rendering_places
from fhirexport_server.exports.producing.changed_rendering import ChangedRendering
from fhirexport_server.exports.producing.order import Update
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.exports.spool import Spool
from fhirexport_server.formats import splicing
from fhirexport_server.formats.chunker import Chunker
from fhirexport_server.formats.layout import layout
from fhirexport_server.runtime.interrupt import Interrupt
from fhirexport_server.store import compactor
from fhirexport_server.store.database import Database
from fhirexport_server.store.snapshot import SnapshotReader
from fhirexport_server.telemetry.rendering_metrics import RenderingMetrics
from verification.prove.history import Comparison, Fallback, Recorder, digest

HISTORY: Final = "PROVE_HISTORY"
"""The variable that names the directory of the histories."""
MOST_IDS: Final = 8
BATCH_ROWS: Final = 20
LOG_ROWS: Final = 60
PLACE_SECONDS: Final = 30.0
"""How long an export waits for a place. Others keep theirs twice as long, because they are compared."""


@dataclass
class Witness:
    """A database whose snapshot is rendered in full before it is closed."""

    database: Database
    request: ExportRequest
    base_url: str
    manifest: Manifest | None = None
    digest: str = ""

    @contextmanager
    def snapshot(self, interrupt: Interrupt, dataset: Dataset) -> Iterator[SnapshotReader]:
        """Opens a snapshot; renders it in full, unless what was to be done with it failed."""
        with self.database.snapshot(interrupt, dataset) as rows:
            yield rows
            self._render(rows)

    def _render(self, rows: SnapshotReader) -> None:
        ej = rows.ej(self.request.ej_id)
        if ej is None:
            return
        shared = pipeline.context(rows, ej, self.request, self.base_url)
        blocks = pipeline.blocks(rows, ej, self.request, shared)
        chunks = list(Chunker(layout(self.request.format, self.base_url)).chunks(blocks))
        self.manifest = Manifest(tuple(chunk.segment for chunk in chunks if chunk.segment is not None))
        self.digest = digest(b"".join(chunk.text() for chunk in chunks))


def compare(recorder: Recorder) -> None:
    """Makes this process record what is brought up to date, and what is rendered in full."""
    bring_up_to_date, count_full = ChangedRendering.run, RenderingMetrics.full

    def run(self: ChangedRendering, spool: Spool, interrupt: Interrupt) -> Update | FullReason:
        witness = Witness(self.database, self.request, self.base_url)
        watched = replace(self, database=cast("Database", witness))
        update = bring_up_to_date(watched, spool, interrupt)
        if isinstance(update, Update):
            ours, full = update.description.manifest, witness.manifest
            root = "" if full is None else full.root.hex()
            etag = f'"{update.description.etag}"'
            recorder.add(Comparison(etag, ours == full, root, witness.digest))
        return update

    def full(self: RenderingMetrics, dataset: Dataset, reason: FullReason) -> None:
        recorder.add(Fallback(dataset, reason))
        count_full(self, dataset, reason)

    ChangedRendering.run = run  # type: ignore[method-assign]
    RenderingMetrics.full = full  # type: ignore[method-assign]


def main() -> None:
    """Runs the server."""
    for module in (segments, splicing):
        module.MOST_IDS = MOST_IDS  # type: ignore[attr-defined]
    compactor.BATCH_ROWS = BATCH_ROWS
    rendering_places.PLACE_SECONDS = PLACE_SECONDS
    compactor.LOG_ROWS = LOG_ROWS  # type: ignore[attr-defined]
    with Recorder(Path(os.environ.pop(HISTORY)) / f"server-{os.getpid()}.ndjson") as recorder:
        compare(recorder)
        program.main()


if __name__ == "__main__":
    main()
