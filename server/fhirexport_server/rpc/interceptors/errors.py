"""Owns that every call which fails ends with a status of ours, and that no exception reaches gRPC.

gRPC sends the text of an exception that it sees to the caller.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import grpc
import structlog

from fhirexport_server.domain.errors import DatabaseCorruptError, RowNotRenderableError, TemporaryStorageError
from fhirexport_server.logs import where
from fhirexport_server.rpc.call import Call
from fhirexport_server.rpc.errors import DETAILS_KEY, refusal
from fhirexport_server.rpc.interceptors.request_id import KEY

_STATUS_SECONDS = 5.0

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


@asynccontextmanager
async def errors(call: Call) -> AsyncIterator[None]:
    """Turns the exception that ends a call into its status, and logs those that an operator must see."""
    try:
        yield
    except asyncio.CancelledError:
        # The caller has gone or its deadline has passed, and knows. Swallowing this leaks the call.
        remaining = cast("float | None", call.context.time_remaining())  # None, whatever the stubs say
        passed = remaining is not None and remaining <= 0
        call.code = grpc.StatusCode.DEADLINE_EXCEEDED if passed else grpc.StatusCode.CANCELLED
        raise
    except grpc.aio.AbortError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, its text must not reach the caller
        await _refuse(call, error)


async def _refuse(call: Call, error: Exception) -> None:
    told = refusal(error)
    call.code, call.reason = told.code, told.reason
    if isinstance(error, RowNotRenderableError):
        _log.error("row_not_renderable", table=error.table, id=error.row_id, rule=error.rule)
    elif isinstance(error, TemporaryStorageError):
        _log.error("temporary_storage_failed", error=error.cause, directory=tempfile.gettempdir())
    elif isinstance(error, DatabaseCorruptError):
        _log.error("database_corrupt", request_id=call.request_id, where=where(error))
    elif told.reason == "INTERNAL":
        _log.error("internal_error", request_id=call.request_id, where=where(error))
    details = told.status(call.request_id).SerializeToString()
    trailers = ((KEY, call.request_id), (DETAILS_KEY, details))
    try:
        async with asyncio.timeout(_STATUS_SECONDS):
            await call.context.abort(told.code, told.message, trailers)
    except TimeoutError:
        # The client reads nothing: gRPC keeps the status until it does, or until its connection dies.
        raise grpc.aio.AbortError from None
