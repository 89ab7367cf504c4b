"""Where the answer to an export comes from: decided first, by the database's revision, and opened then."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from fhirexport_server.cache.entry import Entry, Variant
from fhirexport_server.cache.memory import MemoryCache
from fhirexport_server.cache.port import Exactly, Found, Recent, SharedCache
from fhirexport_server.domain.errors import DatabaseUnavailableError, EjNotFoundError, SnapshotGoneError
from fhirexport_server.domain.outcomes import ExportAnswer, LookupOutcome
from fhirexport_server.domain.revision import Revision, Token
from fhirexport_server.exports import etags
from fhirexport_server.exports.fill import Fill
from fhirexport_server.exports.production import Order
from fhirexport_server.exports.rendering import ContentSource, Snapshot
from fhirexport_server.exports.request import AtLeast, Bypass, ExportRequest, MaxStaleness
from fhirexport_server.exports.results import InMemory, NotModified
from fhirexport_server.store.async_database import AsyncDatabase
from fhirexport_server.telemetry.metrics import Metrics

Plan = NotModified | InMemory | Order
"""An answer that is there, or an order for one that is to be found or made."""


class Planner:
    """Decides where answers come from."""

    def __init__(
        self,
        database: AsyncDatabase,
        memory: MemoryCache,
        shared: SharedCache,
        metrics: Metrics,
        base_url: str,
    ) -> None:
        self._database = database
        self._memory = memory
        self._shared = shared
        self._metrics = metrics
        self._base_url = base_url
        self._clock: Callable[[], float] = asyncio.get_running_loop().time

    async def plan(self, request: ExportRequest, begun: float) -> Plan:
        """Return where the answer to a request comes from.

        Args:
            request: the request.
            begun: when it came in, on the loop's clock: before the database was asked anything for it.

        Raises:
            EjNotFoundError: there is no such EJ.
            InvalidRequestError: the revision token is not one.
            SnapshotGoneError: what the request resumes is not to be had any more.
            DatabaseUnavailableError, SchemaMismatchError: the database cannot answer.
        """
        variant = Variant(request.ej_id, request.dataset, request.format, request.detail)
        if request.resume is not None:
            return await self._resumed(request, variant, request.resume.etag, begun)
        kept = await self._known_to_do(request, variant, begun)
        if kept is not None:
            return self._content(request, variant, kept, begun)
        revision = await self._revision(request)
        etag = etags.etag(revision, request, self._base_url)
        if request.if_none_match == etag:
            token = Token(request.ej_id, request.dataset, revision).encode()
            return NotModified(Snapshot(etag, token, datetime.now(UTC), ContentSource.DATABASE))
        fill = self._fill(request, revision)
        if isinstance(request.consistency, Bypass):
            return Order(variant, None, fill, begun, ExportAnswer.BYPASS)
        outcome, entry = self._memory.look(variant, etag, begun)
        self._metrics.looked_in_memory(outcome)
        if entry is not None:
            return InMemory(entry)
        why = ExportAnswer.STALE if outcome is LookupOutcome.STALE else ExportAnswer.MISS
        return Order(variant, etag, fill, begun, why)

    def _content(self, request: ExportRequest, variant: Variant, kept: Entry | Found, begun: float) -> Plan:
        """Return the answer to a request that is content with what is kept."""
        known = kept.description
        if request.if_none_match == known.etag:
            return NotModified(Snapshot(known.etag, known.revision, known.read_time, ContentSource.CACHE))
        if isinstance(kept, Entry):
            return InMemory(kept)
        # Nobody joins it: should it have to be rendered, that is of a state of this request's own.
        return Order(
            variant, None, self._fill(request), begun - kept.age_seconds, ExportAnswer.MISS, found=kept
        )

    async def _resumed(self, request: ExportRequest, variant: Variant, etag: str, begun: float) -> Plan:
        """Return where a rendering is that was begun before, also one that is no longer current.

        Where it is not kept it is made again, which gives the same bytes as long as the data is the same.
        """
        entry = self._memory.same(variant, etag)
        if entry is not None:
            return InMemory(entry)
        kept = (await self._shared.look_up(variant, Exactly(etag))).found
        if kept is not None:
            validated = begun - kept.age_seconds
            return Order(
                variant, None, self._fill(request), validated, ExportAnswer.MISS, found=kept, only=etag
            )
        revision = await self._revision(request)
        if etags.etag(revision, request, self._base_url) != etag:
            raise SnapshotGoneError(etag)
        return Order(variant, etag, self._fill(request, revision), begun, ExportAnswer.MISS, only=etag)

    async def _known_to_do(
        self, request: ExportRequest, variant: Variant, now: float
    ) -> Entry | Found | None:
        """Return a rendering that the request is content with, whatever the database says now; or None."""
        wanted: Exactly | Recent
        known = self._database.incarnation(request.dataset)
        match request.consistency:
            case AtLeast(token=text):
                token = etags.require(text, request)
                if token.revision.incarnation != known:
                    return None
                # Only that very revision: a larger number alone would not do where a database has lost
                # what it had acknowledged.
                wanted = Exactly(etags.etag(token.revision, request, self._base_url))
                entry = self._memory.same(variant, wanted.etag)
            case MaxStaleness(seconds=seconds) if seconds > 0 and known is not None:
                fingerprint = etags.fingerprint(known, request, self._base_url)
                wanted = Recent(fingerprint, seconds)
                entry = self._memory.recent(variant, fingerprint, now - seconds)
            case _:
                return None
        self._metrics.looked_in_memory(LookupOutcome.MISS if entry is None else LookupOutcome.HIT)
        return entry or (await self._shared.look_up(variant, wanted)).found

    def _fill(self, request: ExportRequest, required: Revision | None = None) -> Fill:
        return Fill(self._database.blocking, request, self._base_url, required)

    async def _revision(self, request: ExportRequest) -> Revision:
        token = None
        if isinstance(request.consistency, AtLeast):
            token = etags.require(request.consistency.token, request)
        begun = self._clock()
        try:
            revision = await self._database.revision(request.ej_id, request.dataset)
        except Exception:  # All but a caller who left, which says nothing of the database; raised again.
            self._metrics.looked_up(self._clock() - begun, answered=False)
            raise
        self._metrics.looked_up(self._clock() - begun, answered=True)
        if revision is None:
            raise EjNotFoundError(request.ej_id)
        if token is not None and etags.is_behind(revision, token.revision):
            raise DatabaseUnavailableError
        return revision
