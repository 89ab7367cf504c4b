"""Plans where the answer to an export comes from, by the database's revision, before anything is opened."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from fhirexport_server.cache.entry import Description, Variant
from fhirexport_server.cache.memory import MemoryCache
from fhirexport_server.cache.port import Exactly, Recent, SharedCache, StoredManifest
from fhirexport_server.domain.errors import DatabaseUnavailableError, EjNotFoundError
from fhirexport_server.domain.outcomes import ExportAnswer, LookupOutcome
from fhirexport_server.domain.revision import Revision, Token
from fhirexport_server.domain.segments import Chunk, ending
from fhirexport_server.exports import etags
from fhirexport_server.exports.producing.order import Found, Order, sent_otherwise
from fhirexport_server.exports.rendering import ContentSource, Snapshot
from fhirexport_server.exports.request import AtLeast, Bypass, ExportRequest, Have, MaxStaleness
from fhirexport_server.exports.results import InMemory, NotModified
from fhirexport_server.store.async_database import AsyncDatabase
from fhirexport_server.telemetry.metrics import Metrics

Plan = NotModified | InMemory | Order
"""An answer that is there, or an order to copy or produce one."""


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
            request: The export request.
            begun: When it arrived, on the loop's clock, before any query of the database for it.

        Raises:
            EjNotFoundError: There is no such EJ.
            InvalidRequestError: The revision token is invalid.
            DatabaseUnavailableError, SchemaMismatchError: The database cannot answer.
        """
        variant = Variant(request.ej_id, request.dataset, request.format, request.detail)
        request = self._with_segments(request, variant)
        kept = await self._acceptable(request, variant, begun)
        if kept is not None:
            return self._content(request, variant, kept, begun)
        revision = await self._revision(request)
        etag = etags.etag(revision, request, self._base_url)
        if request.if_none_match == etag:
            token = Token(request.ej_id, request.dataset, revision).encode()
            return NotModified(Snapshot(etag, token, datetime.now(UTC), ContentSource.DATABASE))
        if isinstance(request.consistency, Bypass):
            return Order(variant, None, request, revision, begun, ExportAnswer.BYPASS)
        return self._current(Order(variant, etag, request, revision, begun, ExportAnswer.MISS), etag)

    def _current(self, order: Order, etag: str) -> Plan:
        """Return the answer from memory, where that has it; else the order to produce it."""
        variant, request = order.variant, order.request
        outcome, description = self._memory.look(variant, etag, order.validated)
        answer = None if description is None else self._in_memory(variant, request, description)
        if outcome is LookupOutcome.HIT and answer is None:
            outcome = LookupOutcome.MISS
        self._metrics.looked_in_memory(outcome)
        if answer is not None:
            return answer
        if description is not None:
            return replace(order, found=Found(description))
        return replace(order, why=ExportAnswer.STALE) if outcome is LookupOutcome.STALE else order

    def _with_segments(self, request: ExportRequest, variant: Variant) -> ExportRequest:
        """Name the segments of the caller's root, where it is known."""
        have = request.have
        if have.digests or not have.root:
            return request
        known = self._memory.manifest(variant, have.root)
        digests = () if known is None else tuple(segment.digest for segment in known.segments)
        return replace(request, have=Have(have.root, digests))

    def _in_memory(
        self, variant: Variant, request: ExportRequest, description: Description
    ) -> InMemory | None:
        """Return the rendering from memory; None where a segment is no longer there."""
        whole = self._memory.answer(variant, description, request.form) if request.form else None
        keep_whole = partial(self._memory.keep_answer, variant, description, request.form)
        if whole is not None:
            return InMemory(description, (), request.have, whole=whole, keep_whole=keep_whole)
        chunks: list[Chunk] = []
        for segment in description.manifest.segments:
            kept = sent_otherwise(segment, request.have) or self._memory.frames(segment.digest)
            if kept is None:
                return None
            chunks += ending(kept, segment)
        return InMemory(description, chunks, request.have, whole=None, keep_whole=keep_whole)

    def _content(
        self, request: ExportRequest, variant: Variant, kept: Description | StoredManifest, begun: float
    ) -> Plan:
        """Return the answer from a rendering that is kept and that the request accepts."""
        found = Found(kept) if isinstance(kept, Description) else Found.of(kept)
        description = found.description
        if request.if_none_match == description.etag:
            return NotModified(
                Snapshot(description.etag, description.revision, description.read_time, ContentSource.CACHE)
            )
        # Not shared: if it has to be rendered after all, its state is this request's own.
        order = Order(variant, None, request, None, begun - found.age_seconds, ExportAnswer.MISS, found=found)
        return self._in_memory(variant, request, description) or order

    async def _acceptable(
        self, request: ExportRequest, variant: Variant, now: float
    ) -> Description | StoredManifest | None:
        """Return a kept rendering that the request accepts without a look-up in the database; else None."""
        condition: Exactly | Recent
        incarnation = self._database.incarnation(request.dataset)
        match request.consistency:
            case AtLeast(token=text):
                token = etags.require(text, request)
                if token.revision.incarnation != incarnation:
                    return None
                # Exactly that revision: a larger number is no proof where a database has lost writes that it
                # had acknowledged.
                condition = Exactly(etags.etag(token.revision, request, self._base_url))
                kept = self._memory.same(variant, condition.etag)
            case MaxStaleness(seconds=seconds) if seconds > 0 and incarnation is not None:
                fingerprint = etags.fingerprint(incarnation, request, self._base_url)
                condition = Recent(fingerprint, seconds)
                kept = self._memory.recent(variant, fingerprint, now - seconds)
            case _:
                return None
        self._metrics.looked_in_memory(LookupOutcome.MISS if kept is None else LookupOutcome.HIT)
        return kept or (await self._shared.look_up(variant, condition)).hit

    async def _revision(self, request: ExportRequest) -> Revision:
        token = None
        if isinstance(request.consistency, AtLeast):
            token = etags.require(request.consistency.token, request)
        begun = self._clock()
        try:
            revision = await self._database.revision(request.ej_id, request.dataset)
        except Exception:  # Not a cancellation, which says nothing of the database. Raised again.
            self._metrics.looked_up(self._clock() - begun, answered=False)
            raise
        self._metrics.looked_up(self._clock() - begun, answered=True)
        if revision is None:
            raise EjNotFoundError(request.ej_id)
        if token is not None and etags.is_behind(revision, token.revision):
            raise DatabaseUnavailableError
        return revision
