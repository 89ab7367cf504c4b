"""Runs imports in threads, a few at once, and stops them at the end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import blake2b
from typing import Any, TypeVar

from fhirexport_server.domain.errors import (
    FieldViolation,
    ImportRefusedError,
    InvalidRequestError,
    TooManyImportsError,
)
from fhirexport_server.domain.imports import ImportOptions, ImportSummary, Severity
from fhirexport_server.fhir.reading.bundles.bundle import bundle
from fhirexport_server.fhir.reading.json.problems import Problems
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext
from fhirexport_server.fhir.reading.json.strict_json import MalformedJsonError
from fhirexport_server.imports import session
from fhirexport_server.imports.sources import content_kinds
from fhirexport_server.imports.sources.ndjson import Lines
from fhirexport_server.imports.sources.resource_source import BundleSource, ResourceSource
from fhirexport_server.runtime.fairness.fair_places import FairPlaces
from fhirexport_server.runtime.interrupt import Interrupt
from fhirexport_server.runtime.spool_space import SpoolSpace
from fhirexport_server.runtime.threads import Run
from fhirexport_server.store.database import Database
from fhirexport_server.telemetry.metrics import Metrics

T = TypeVar("T")
PLACES = 2
"""The most imports that may write at once."""
PLACE_SECONDS = 30.0
"""How long an import waits until it may write."""
_NO_BUNDLE = "must be a FHIR Bundle of type transaction, batch or collection, as JSON"


class Importer:
    """Imports into one database."""

    def __init__(
        self,
        database: Database,
        metrics: Metrics,
        *,
        base_url: str,
        space: SpoolSpace,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._base_url = base_url
        self._space = space
        self._pool = pool
        self._places = FairPlaces(PLACES)
        self._runs: set[Run[Any]] = set()

    async def bundle(self, data: bytes, options: ImportOptions) -> ImportSummary:
        """Import a Bundle.

        Raises:
            InvalidRequestError: The data is no Bundle that can be imported.
            FhirExportError: See `session.run`.
        """
        async with self._place():
            return self._counted(
                await self._in_thread(lambda interrupt: self._bundle(data, options, interrupt))
            )

    async def resources(self, chunks: AsyncIterator[bytes], options: ImportOptions) -> ImportSummary:
        """Import NDJSON, which comes in chunks that may be cut anywhere.

        Raises:
            SpoolFullError: There is no space for the resources.
            FhirExportError: See `session.run`.
        """
        with Lines(self._space) as lines:
            async for chunk in chunks:
                await self._finished(asyncio.create_task(asyncio.to_thread(lines.feed, chunk)))
            lines.end()
            # Not before: slow callers must not occupy a place while their resources arrive.
            async with self._place():
                return self._counted(
                    await self._in_thread(lambda interrupt: self._run(lines, options, Problems(), interrupt))
                )

    def _counted(self, summary: ImportSummary) -> ImportSummary:
        self._metrics.imported(summary)
        return summary

    async def stop(self) -> None:
        """Stop all imports under way, and wait for them."""
        runs = list(self._runs)
        for run in runs:
            run.stop()
        await asyncio.gather(*(run.thread for run in runs), return_exceptions=True)

    def _bundle(self, data: bytes, options: ImportOptions, interrupt: Interrupt) -> ImportSummary:
        problems = Problems()
        try:
            read_bundle = bundle(data, ReadingContext(self._base_url), problems)
        except MalformedJsonError as error:
            rule = content_kinds.bundle_rule(data, error.rule)
            raise InvalidRequestError((FieldViolation("bundle", rule),)) from None
        if read_bundle is None:
            raise InvalidRequestError(
                tuple(
                    FieldViolation(problem.expression, problem.text)
                    for problem in problems.listed(Severity.ERROR)
                )
                or (FieldViolation("bundle", _NO_BUNDLE),)
            )
        digest = blake2b(data, digest_size=16).hexdigest()
        return self._run(BundleSource(read_bundle, digest), options, problems, interrupt)

    def _run(
        self, source: ResourceSource, options: ImportOptions, problems: Problems, interrupt: Interrupt
    ) -> ImportSummary:
        return session.run(
            self._database,
            source,
            options,
            base_url=self._base_url,
            problems=problems,
            interrupt=interrupt,
        )

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._places.place(PLACE_SECONDS))
            except TimeoutError:
                raise TooManyImportsError(PLACES) from None
            try:
                with self._metrics.importing():
                    yield
            except ImportRefusedError as error:
                self._metrics.import_refused(error.errors)
                raise

    async def _in_thread(self, work: Callable[[Interrupt], T]) -> T:
        """Run a function in a thread; interrupt it if the caller is cancelled."""
        interrupt = Interrupt()
        run = Run(asyncio.get_running_loop().run_in_executor(self._pool, work, interrupt), interrupt)
        self._runs.add(run)
        run.thread.add_done_callback(lambda _: self._runs.discard(run))
        return await self._finished(run.thread, run.stop)

    @staticmethod
    async def _finished(thread: asyncio.Future[T], stop: Callable[[], None] = lambda: None) -> T:
        """Wait for a thread, even if the caller is cancelled: its files must stay open until it ends."""
        try:
            return await asyncio.shield(thread)
        finally:
            stop()
            await asyncio.wait({thread})


@asynccontextmanager
async def open_importer(
    database: Database, metrics: Metrics, *, base_url: str, spool_limit_bytes: int
) -> AsyncIterator[Importer]:
    """Provide an importer; at the end, stop the imports that still run, and wait for them.

    Args:
        database: The database to write to; it needs PLACES connections that write.
        metrics: The metrics of imports.
        base_url: The base URL of the FHIR server that ids belong to, without a final slash.
        spool_limit_bytes: The most bytes of all resources on their way.
    """
    pool = ThreadPoolExecutor(PLACES, thread_name_prefix="import")
    importer = Importer(database, metrics, base_url=base_url, space=SpoolSpace(spool_limit_bytes), pool=pool)
    try:
        yield importer
    finally:
        await importer.stop()
        await asyncio.to_thread(pool.shutdown, wait=True, cancel_futures=True)
