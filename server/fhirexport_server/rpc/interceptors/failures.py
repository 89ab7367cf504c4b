"""That every call which fails ends with a status of ours, and that no exception reaches gRPC.

gRPC sends the text of an exception that it sees to the caller, and keeps one that it raises itself together
with everything that the call had in hand, until Python looks for cycles.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast

import grpc
import structlog
from fhirexport.v1.error_reason_pb2 import ErrorReason

from fhirexport_server.domain.errors import DatabaseCorruptError, RowNotRenderableError, TemporaryStorageError
from fhirexport_server.rpc.call import Call
from fhirexport_server.rpc.errors.refusal import DETAILS_KEY
from fhirexport_server.rpc.errors.statuses import refusal
from fhirexport_server.rpc.interceptors.request_id import KEY
from fhirexport_server.telemetry.logs import where

_STATUS_SECONDS: Final = 5.0

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
    except grpc.aio.AbortError as aborted:
        call.aborted = aborted
        _forget(aborted)
    except grpc.aio.InternalError:
        # What gRPC raises where it cannot send: the caller has gone, and gRPC has not said so yet.
        call.code = grpc.StatusCode.CANCELLED
        raise asyncio.CancelledError from None
    except Exception as error:  # noqa: BLE001 - whatever it is, its text must not reach the caller
        await _refuse(call, error)
        _forget(error)


async def _refuse(call: Call, error: Exception) -> None:
    told = refusal(error)
    call.code, call.reason = told.code, told.reason_name
    if isinstance(error, RowNotRenderableError):
        _log.error("row_not_renderable", table=error.table, id=error.row_id, rule=error.rule)
    elif isinstance(error, TemporaryStorageError):
        _log.error("temporary_storage_failed", error=error.cause, directory=tempfile.gettempdir())
    elif isinstance(error, DatabaseCorruptError):
        _log.error("database_corrupt", request_id=call.request_id, where=where(error))
    elif told.reason == ErrorReason.ERROR_REASON_INTERNAL:
        _log.error("internal_error", request_id=call.request_id, where=where(error))
    details = told.status(call.request_id).SerializeToString()
    trailers = ((KEY, call.request_id), (DETAILS_KEY, details))
    try:
        async with asyncio.timeout(_STATUS_SECONDS):
            await call.context.abort(told.code, told.message, trailers)
    except grpc.aio.AbortError as aborted:
        call.aborted = aborted
        _forget(aborted)
    except TimeoutError:
        # The client reads nothing: the call is cut off after a while.
        raise asyncio.CancelledError from None


def _forget(error: BaseException | None) -> None:
    """Takes from an exception, and from what caused it, all that it holds of the call.

    Whoever else has the exception, such as the future that it came out of, would keep the request with it.
    The frames themselves are left alone: calls that share a rendering share its exception, and clearing the
    frame of a call that is still being answered would end that call.
    """
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        error = waiting.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        waiting += [error.__cause__, error.__context__]
        error.__traceback__ = error.__cause__ = error.__context__ = None
