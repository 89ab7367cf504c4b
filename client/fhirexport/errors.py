"""The exceptions of this library, made from the statuses that the server sends.

ExportError
├── InvalidArgumentError    the request cannot be answered as it is; see `violations`
├── NotFoundError           there is no such legal entity
├── TooLargeError           the content does not fit into one message; stream it
├── OverloadedError         too many exports at once; see `retry_after`
├── UnavailableError        the server or its database cannot be reached; see `retry_after`
├── SnapshotGoneError       the data changed while a broken stream was taken up; start anew
├── IncompleteError         a stream ended early, or does not add up
├── ConflictError           somebody else changed the data that was to be written; nothing was
├── DeadlineExceededError   it took longer than was allowed
├── UnauthorizedError       no credentials, or not for this
└── ServerError             a fault of the server's
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status


@dataclass(frozen=True)
class Violation:
    """One field of a request that the server refuses."""

    field: str
    description: str


class ExportError(Exception):
    """The base of every error of this library."""

    def __init__(
        self,
        message: str,
        *,
        code: grpc.StatusCode = grpc.StatusCode.UNKNOWN,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        violations: tuple[Violation, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        """The gRPC status code."""
        self.reason = reason
        """The `reason` of the ErrorInfo, such as `EJ_NOT_FOUND`; empty when the server sent none."""
        self.metadata = dict(metadata or {})
        """The metadata of the ErrorInfo."""
        self.violations = violations
        """The fields that were refused."""
        self.retry_after = retry_after
        """How many seconds to wait before trying again, where the server said so."""

    @property
    def request_id(self) -> str:
        """What to look for in the server's log; empty when unknown."""
        return self.metadata.get("request_id", "")


class InvalidArgumentError(ExportError):
    """The request cannot be answered as it is; `violations` names the fields."""


class NotFoundError(ExportError):
    """There is no such legal entity."""


class TooLargeError(ExportError):
    """The content does not fit into one message; stream it."""


class OverloadedError(ExportError):
    """The server renders as much as it may; try again after `retry_after`."""


class UnavailableError(ExportError):
    """The server or its database cannot be reached; try again after `retry_after`."""


class SnapshotGoneError(ExportError):
    """The data changed while a broken stream was taken up: what came is not how the export begins now."""


class IncompleteError(ExportError):
    """A stream ended early, or what came does not add up. What was received is not an export."""


class ConflictError(ExportError):
    """Somebody else has changed the data that was to be written; nothing was."""


class DeadlineExceededError(ExportError):
    """The call took longer than the caller or the server allows."""


class UnauthorizedError(ExportError):
    """There were no credentials, or they are not for this."""


class ServerError(ExportError):
    """A fault of the server's; its log has more under `request_id`."""


_BY_CODE: Mapping[grpc.StatusCode, type[ExportError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgumentError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: OverloadedError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.ABORTED: ConflictError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    grpc.StatusCode.UNAUTHENTICATED: UnauthorizedError,
    grpc.StatusCode.PERMISSION_DENIED: UnauthorizedError,
}
_BY_US = ("Locally cancelled by application!", "Channel closed!")
"""What gRPC says of a call that this side has cancelled."""
_BY_REASON: Mapping[str, type[ExportError]] = {
    "EXPORT_TOO_LARGE": TooLargeError,
    "REQUEST_ID_REUSED": InvalidArgumentError,
}


def from_rpc(error: grpc.RpcError) -> ExportError:
    """Return the exception that stands for a failed call of either kind of channel."""
    code = error.code()
    if code is grpc.StatusCode.CANCELLED and error.details() not in _BY_US:
        # It was on its way as its server began to end. gRPC's core has no grace period for such calls: it
        # resets them, before the client knows that it shall connect anew (grpc/grpc#24237).
        code = grpc.StatusCode.UNAVAILABLE
    status = rpc_status.from_call(error)
    return _exception(code, error.details() or code.name, status.details if status is not None else ())


def from_status(status: status_pb2.Status) -> ExportError:
    """Return the exception that stands for a status inside an answer."""
    code = next((code for code in grpc.StatusCode if code.value[0] == status.code), grpc.StatusCode.UNKNOWN)
    return _exception(code, status.message or code.name, status.details)


def _exception(code: grpc.StatusCode, message: str, details: Sequence[Any]) -> ExportError:
    info = _detail(details, error_details_pb2.ErrorInfo())
    bad_request = _detail(details, error_details_pb2.BadRequest())
    retry = _detail(details, error_details_pb2.RetryInfo())
    reason = info.reason if info is not None else ""
    error_class = _BY_REASON.get(reason) or _BY_CODE.get(code, ServerError)
    return error_class(
        message,
        code=code,
        reason=reason,
        metadata=info.metadata if info is not None else None,
        violations=tuple(
            Violation(violation.field, violation.description)
            for violation in (bad_request.field_violations if bad_request is not None else ())
        ),
        retry_after=retry.retry_delay.ToTimedelta().total_seconds() if retry is not None else None,
    )


DetailT = TypeVar("DetailT", bound=Message)


def _detail(details: Sequence[Any], message: DetailT) -> DetailT | None:
    """Return the detail of the message's type, unpacked into it; None where there is none."""
    return next((message for detail in details if detail.Unpack(message)), None)
