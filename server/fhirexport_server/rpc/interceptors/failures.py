"""Turns exceptions into statuses, so that every failed call ends with one of ours and none reaches gRPC.

gRPC would send an exception's message to the caller. An exception that it raises itself it keeps, together
with everything that the call refers to, until Python collects cycles.
"""

import asyncio
import tempfile
from typing import Final, cast

import grpc
import structlog
from fhirexport.v1.error_reason_pb2 import ErrorReason

from fhirexport_server.domain.errors import DatabaseCorruptError, RowNotRenderableError, TemporaryStorageError
from fhirexport_server.rpc.call import Call, Inner
from fhirexport_server.rpc.errors.refusal import DETAILS_KEY
from fhirexport_server.rpc.errors.statuses import refusal
from fhirexport_server.rpc.interceptors.request_id import KEY
from fhirexport_server.telemetry.logs import where

_STATUS_SECONDS: Final = 5.0

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


async def errors(call: Call, inner: Inner) -> bytes:
    """Turn the exception that ends a call into its status, and log those that an operator must see."""
    try:
        return await inner()
    except asyncio.CancelledError:
        # The caller has left, or its deadline has passed. It knows. To swallow this would leak the call.
        remaining = cast("float | None", call.context.time_remaining())  # None, whatever the stubs say
        passed = remaining is not None and remaining <= 0
        call.code = grpc.StatusCode.DEADLINE_EXCEEDED if passed else grpc.StatusCode.CANCELLED
        raise
    except grpc.aio.AbortError as aborted:
        call.aborted = aborted
        _forget(aborted)
    except grpc.aio.InternalError:
        # gRPC raises this where it cannot send: the caller has left, and gRPC has not cancelled the call yet.
        call.code = grpc.StatusCode.CANCELLED
        raise asyncio.CancelledError from None
    except Exception as error:  # noqa: BLE001 - whatever it is, its message must not reach the caller
        await _refuse(call, error)
        _forget(error)
    return b""


async def _refuse(call: Call, error: Exception) -> None:
    error_status = refusal(error)
    call.code, call.reason = error_status.code, error_status.reason_name
    if isinstance(error, RowNotRenderableError):
        _log.error("row_not_renderable", table=error.table, id=error.row_id, rule=error.rule)
    elif isinstance(error, TemporaryStorageError):
        _log.error("temporary_storage_failed", error=error.cause, directory=tempfile.gettempdir())
    elif isinstance(error, DatabaseCorruptError):
        _log.error("database_corrupt", request_id=call.request_id, where=where(error))
    elif error_status.reason == ErrorReason.ERROR_REASON_INTERNAL:
        _log.error("internal_error", request_id=call.request_id, where=where(error))
    details = error_status.status(call.request_id).SerializeToString()
    trailers = ((KEY, call.request_id), (DETAILS_KEY, details))
    try:
        async with asyncio.timeout(_STATUS_SECONDS):
            await call.context.abort(error_status.code, error_status.message, trailers)
    except grpc.aio.AbortError as aborted:
        call.aborted = aborted
        _forget(aborted)
    except TimeoutError:
        # The client does not read: the sweeper cuts the call off later.
        raise asyncio.CancelledError from None


def _forget(error: BaseException | None) -> None:
    """Remove the tracebacks and causes of an exception, which refer to the call.

    Other holders of the exception, such as the future that raised it, would keep the request alive. The
    frames themselves are not cleared: calls that share a rendering share its exception, and clearing the
    frame of a call in progress would end that call.
    """
    seen: set[int] = set()
    pending = [error]
    while pending:
        error = pending.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        pending += [error.__cause__, error.__context__]
        error.__traceback__ = error.__cause__ = error.__context__ = None
