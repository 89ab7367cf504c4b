"""The access log: one line for each call, when it ends. Never content."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from fhirexport_server.rpc.call import Call

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


@asynccontextmanager
async def access_log(call: Call) -> AsyncIterator[None]:
    """Log a call when it ends, however it ends."""
    try:
        yield
    finally:
        reason = {"reason": call.reason} if call.reason else {}
        identity = {"identity": call.identity.key} if call.identity else {}
        _log.info(
            "call",
            rpc=f"{call.service}/{call.method}",
            code=call.code.name,
            **reason,
            ms=round((time.monotonic() - call.begun) * 1000, 1),
            peer=call.context.peer(),
            **identity,
            request_id=call.request_id,
            **call.facts,
        )
