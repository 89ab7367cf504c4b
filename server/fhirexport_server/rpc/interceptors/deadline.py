"""Owns the longest time that this server gives a call, whatever its caller allows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fhirexport_server.domain.errors import ExportTimeoutError
from fhirexport_server.rpc.call import Call, Layer
from fhirexport_server.rpc.limits import Limits


def deadline(limits: Limits) -> Layer:
    """Returns the layer that ends calls which take too long."""

    @asynccontextmanager
    async def within_limit(call: Call) -> AsyncIterator[None]:
        seconds = limits.stream_seconds if call.kind == "server_stream" else limits.unary_seconds
        scope = asyncio.timeout(seconds)
        try:
            async with scope:
                yield
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise ExportTimeoutError(seconds) from error

    return within_limit
