"""The statuses for limits that were reached: of places, bytes or seconds."""

from collections.abc import Callable, Sequence
from typing import Final

import grpc
from fhirexport.v1.error_reason_pb2 import ErrorReason

from fhirexport_server.domain.errors import (
    ExportTimeoutError,
    SpoolFullError,
    TemporaryStorageError,
    TooManyExportsError,
    TooManyImportsError,
)
from fhirexport_server.rpc.admission.transport_errors import (
    IdleClientError,
    SlowClientError,
    TooManyBytesError,
    TooManyCallsError,
)
from fhirexport_server.rpc.errors.details import retry_after
from fhirexport_server.rpc.errors.refusal import Refusal


def _too_many_exports(error: TooManyExportsError) -> Refusal:
    return Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        ErrorReason.ERROR_REASON_TOO_MANY_EXPORTS,
        f"all {error.limit} places for an export are taken; try again later",
        {"limit": str(error.limit)},
        (retry_after(error.retry_after_seconds),),
    )


def _too_many_imports(error: TooManyImportsError) -> Refusal:
    return Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        ErrorReason.ERROR_REASON_TOO_MANY_IMPORTS,
        f"all {error.limit} places for an import are taken; try again later",
        {"limit": str(error.limit)},
        (retry_after(error.retry_after_seconds),),
    )


def _spool_full(error: SpoolFullError) -> Refusal:
    return Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        ErrorReason.ERROR_REASON_SPOOL_FULL,
        f"what is on its way to callers, or from them, fills the {error.limit_bytes} bytes it may use; "
        "try again later",
        {"limit_bytes": str(error.limit_bytes)},
        (retry_after(error.retry_after_seconds),),
    )


def _temporary_storage(error: TemporaryStorageError) -> Refusal:
    return Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        ErrorReason.ERROR_REASON_TEMPORARY_STORAGE,
        f"this server cannot write to its directory for temporary files ({error.cause}); try again later",
        {"error": error.cause},
        (retry_after(error.retry_after_seconds),),
    )


def _export_timeout(error: ExportTimeoutError) -> Refusal:
    return Refusal(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
        f"the call took longer than the {error.limit_seconds:g} seconds that this server allows",
        {"limit_seconds": f"{error.limit_seconds:g}"},
    )


def _slow_client(error: SlowClientError) -> Refusal:
    return Refusal(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
        f"the client accepted no message for {error.limit_seconds:g} seconds",
        {"limit_seconds": f"{error.limit_seconds:g}"},
    )


def _idle_client(error: IdleClientError) -> Refusal:
    return Refusal(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
        f"the client sent no whole message for {error.limit_seconds:g} seconds",
        {"limit_seconds": f"{error.limit_seconds:g}"},
    )


def _too_many_calls(error: TooManyCallsError) -> Refusal:
    return Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        ErrorReason.ERROR_REASON_TOO_MANY_CALLS,
        f"{error.limit} calls are under way, as many as there may be; end those you need no more, or try "
        "again later",
        {"limit": str(error.limit)},
        (retry_after(error.retry_after_seconds),),
    )


def _too_many_bytes(error: TooManyBytesError) -> Refusal:
    return Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        ErrorReason.ERROR_REASON_TOO_MANY_BYTES,
        f"messages that callers have yet to take, or to send whole, fill the {error.limit_bytes} bytes they "
        "may; read answers as they come, and try again later",
        {"limit_bytes": str(error.limit_bytes)},
        (retry_after(error.retry_after_seconds),),
    )


REFUSALS: Final[Sequence[Callable[..., Refusal]]] = (
    _too_many_exports,
    _too_many_imports,
    _spool_full,
    _temporary_storage,
    _export_timeout,
    _slow_client,
    _idle_client,
    _too_many_calls,
    _too_many_bytes,
)
"""The status for each type of error, by the type of the function's argument."""
