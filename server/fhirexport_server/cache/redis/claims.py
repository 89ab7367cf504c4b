"""Claims: how processes agree, through Redis, on which of them produces a rendering."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NoReturn
from uuid import uuid4

from fhirexport_server.cache import keys
from fhirexport_server.cache.redis import lua_scripts
from fhirexport_server.cache.redis.connection import Link
from fhirexport_server.domain.errors import CacheUnavailableError
from fhirexport_server.domain.outcomes import ClaimOutcome
from fhirexport_server.telemetry.metrics import Metrics

LEASE_SECONDS = 5.0
"""How long a claim lasts if its owner dies. A live owner renews it."""
PATIENCE_SECONDS = 3.0
"""How long to wait for another process before producing the rendering as well."""
SHORTEST_POLL, LONGEST_POLL = 0.03, 0.2


@asynccontextmanager
async def claimed(link: Link, head: str, etag: str, metrics: Metrics) -> AsyncIterator[bool]:
    """Wait for a turn to produce a rendering; yield False where it was produced meanwhile.

    A claim is for one etag: a request for a later state does not wait for the rendering of an earlier one.
    """
    lease, nonce = keys.lease(head, etag), uuid4().hex
    outcome = await _turn(link, head, lease, etag, nonce)
    metrics.claimed(outcome)
    if outcome is not ClaimOutcome.OWN:
        yield outcome in {ClaimOutcome.GIVEN_UP, ClaimOutcome.UNAVAILABLE}
        return
    renewing = asyncio.create_task(_renew(link, lease, nonce), name="claim")
    try:
        yield True
    finally:
        renewing.cancel()
        await asyncio.wait({renewing})
        with suppress(CacheUnavailableError):
            await _hold(link, lease, nonce, 0)


async def _turn(link: Link, head: str, lease: str, etag: str, nonce: str) -> ClaimOutcome:
    script = link.client.register_script(lua_scripts.LEASE)
    loop = asyncio.get_running_loop()
    start, waited, pause = loop.time(), False, SHORTEST_POLL
    arguments = (etag, nonce, int(LEASE_SECONDS * 1000))
    while True:
        try:
            answer = await link.write(script, keys=[head, lease], args=arguments)
        except CacheUnavailableError:
            return ClaimOutcome.UNAVAILABLE
        match answer:
            case b"own":
                return ClaimOutcome.OWN
            case b"hit":
                return ClaimOutcome.WAITED if waited else ClaimOutcome.THERE
        if loop.time() - start > PATIENCE_SECONDS:
            return ClaimOutcome.GIVEN_UP
        waited = True
        await asyncio.sleep(random.uniform(0.5, 1) * pause)  # noqa: S311 - nothing secret about it
        pause = min(pause * 1.5, LONGEST_POLL)


async def _renew(link: Link, lease: str, nonce: str) -> NoReturn:
    while True:
        await asyncio.sleep(LEASE_SECONDS / 3)
        with suppress(CacheUnavailableError):
            await _hold(link, lease, nonce, int(LEASE_SECONDS * 1000))


async def _hold(link: Link, lease: str, nonce: str, milliseconds: int) -> None:
    script = link.client.register_script(lua_scripts.HOLD)
    await link.write(script, keys=[lease], args=[nonce, milliseconds])
