"""The longest time that this server allows for a call, whatever its caller allows."""

import asyncio

from fhirexport_server.domain.errors import ExportTimeoutError
from fhirexport_server.rpc.admission.call_limits import Limits
from fhirexport_server.rpc.call import Call, Inner, Layer, is_watch

_IMPORTS = "fhirexport.v1.ImportService"


def deadline(limits: Limits) -> Layer:
    """Return the layer that ends calls that take too long."""

    async def within_limit(call: Call, inner: Inner) -> bytes:
        seconds = _seconds(limits, call)
        scope = asyncio.timeout(seconds)
        try:
            async with scope:
                return await inner()
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise ExportTimeoutError(seconds) from error

    return within_limit


def _seconds(limits: Limits, call: Call) -> float:
    if is_watch(call.service, call.method):
        # It ends by itself in time, unless its caller keeps its last message waiting.
        return limits.watch_seconds + limits.request_seconds + limits.write_seconds
    if call.kind != "unary":
        return limits.stream_seconds
    return limits.import_seconds if call.service == _IMPORTS else limits.unary_seconds
