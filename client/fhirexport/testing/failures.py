"""The errors that the real server sends: the status code, metadata and details that go with each reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, NamedTuple, NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode
from grpc_status import rpc_status

from fhirexport.errors import Violation

Reason = Literal[
    "INVALID_FIELD",
    "EJ_NOT_FOUND",
    "ACCESS_DENIED",
    "EXPORT_TOO_LARGE",
    "AUDIT_UNAVAILABLE",
    "CACHE_UNAVAILABLE",
    "DATABASE_UNAVAILABLE",
    "TOO_MANY_EXPORTS",
    "SPOOL_FULL",
    "ROW_NOT_RENDERABLE",
    "INTERNAL",
    "SCHEMA_MISMATCH",
    "DEADLINE_EXCEEDED",
    "DATABASE_READ_ONLY",
    "REVISION_CHANGED",
    "REQUEST_ID_REUSED",
    "WRITE_CONFLICT",
    "TOO_MANY_IMPORTS",
    "CHANGES_UNTRACKED",
    "DATABASE_ACCESS_DENIED",
    "DATABASE_CORRUPT",
    "CONSTRAINT_REFUSED",
    "TEMPORARY_STORAGE",
    "TOO_MANY_CALLS",
    "TOO_MANY_BYTES",
    "CREDENTIALS_MISSING",
    "CREDENTIALS_INVALID",
    "CREDENTIALS_UNCHECKED",
]
"""The names of `fhirexport.v1.ErrorReason` that a server sends, without their prefix."""


class _Sent(NamedTuple):
    """What the server sends with a reason."""

    code: StatusCode
    metadata: Mapping[str, str] = {}
    retryable: bool = False
    """Whether a RetryInfo goes with it."""


_SENT: Mapping[Reason, _Sent] = {
    "INVALID_FIELD": _Sent(StatusCode.INVALID_ARGUMENT),
    "EJ_NOT_FOUND": _Sent(StatusCode.NOT_FOUND, {"ej_id": "1"}),
    "EXPORT_TOO_LARGE": _Sent(
        StatusCode.RESOURCE_EXHAUSTED, {"size_bytes": "3145729", "limit_bytes": "3145728"}
    ),
    "ACCESS_DENIED": _Sent(StatusCode.PERMISSION_DENIED),
    "AUDIT_UNAVAILABLE": _Sent(StatusCode.UNAVAILABLE, retryable=True),
    "CACHE_UNAVAILABLE": _Sent(StatusCode.UNAVAILABLE, retryable=True),
    "DATABASE_UNAVAILABLE": _Sent(StatusCode.UNAVAILABLE, retryable=True),
    "TOO_MANY_EXPORTS": _Sent(StatusCode.RESOURCE_EXHAUSTED, {"limit": "4"}, retryable=True),
    "SPOOL_FULL": _Sent(StatusCode.RESOURCE_EXHAUSTED, {"limit_bytes": "4294967296"}, retryable=True),
    "ROW_NOT_RENDERABLE": _Sent(StatusCode.INTERNAL, {"table": "patient", "id": "1"}),
    "INTERNAL": _Sent(StatusCode.INTERNAL),
    "SCHEMA_MISMATCH": _Sent(StatusCode.FAILED_PRECONDITION, {"expected": "0002", "found": "0001"}),
    "DEADLINE_EXCEEDED": _Sent(StatusCode.DEADLINE_EXCEEDED, {"limit_seconds": "30"}),
    "DATABASE_READ_ONLY": _Sent(StatusCode.FAILED_PRECONDITION),
    "REVISION_CHANGED": _Sent(StatusCode.ABORTED, {"revision": "changed"}),
    "REQUEST_ID_REUSED": _Sent(StatusCode.FAILED_PRECONDITION),
    "WRITE_CONFLICT": _Sent(StatusCode.ABORTED, retryable=True),
    "TOO_MANY_IMPORTS": _Sent(StatusCode.RESOURCE_EXHAUSTED, {"limit": "2"}, retryable=True),
    "CHANGES_UNTRACKED": _Sent(
        StatusCode.FAILED_PRECONDITION, {"fault": "trigger_off", "object": "patient_revision_insert"}
    ),
    "DATABASE_ACCESS_DENIED": _Sent(StatusCode.FAILED_PRECONDITION, {"table": "patient"}),
    "DATABASE_CORRUPT": _Sent(StatusCode.DATA_LOSS),
    "CONSTRAINT_REFUSED": _Sent(
        StatusCode.FAILED_PRECONDITION, {"constraint": "patient_city_check", "table": "patient"}
    ),
    "TEMPORARY_STORAGE": _Sent(StatusCode.RESOURCE_EXHAUSTED, {"error": "ENOSPC"}, retryable=True),
    "TOO_MANY_CALLS": _Sent(StatusCode.RESOURCE_EXHAUSTED, {"limit": "1000"}, retryable=True),
    "TOO_MANY_BYTES": _Sent(StatusCode.RESOURCE_EXHAUSTED, {"limit_bytes": "268435456"}, retryable=True),
    "CREDENTIALS_MISSING": _Sent(StatusCode.UNAUTHENTICATED),
    "CREDENTIALS_INVALID": _Sent(StatusCode.UNAUTHENTICATED, {"problem": "expired"}),
    "CREDENTIALS_UNCHECKED": _Sent(StatusCode.UNAVAILABLE, {"missing": "keys"}, retryable=True),
}


@dataclass(frozen=True)
class Failure:
    """An error that the server answers with."""

    reason: Reason
    """It decides the status code, and what metadata and details go with it."""
    message: str = "the test has scripted this error"
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Values in place of the invented ones."""
    violations: tuple[Violation, ...] = ()
    """The fields that are refused, for `INVALID_FIELD`; one, unless they are named."""
    retry_after: float = 0.001
    """Seconds, for the reasons that say when to try again: short, for tests that do not want to wait."""

    def __post_init__(self) -> None:
        """Refuse a reason that no server sends."""
        if self.reason not in _SENT:
            raise ValueError(f"no server sends {self.reason!r}: the reasons are {', '.join(_SENT)}")

    @property
    def code(self) -> StatusCode:
        """The status code."""
        return _SENT[self.reason].code

    def status(self, request_id: str) -> Status:
        """Return the status, with the details that the real server sends."""
        sent = _SENT[self.reason]
        metadata = {**sent.metadata, **self.metadata, "request_id": request_id}
        status = Status(code=sent.code.value[0], message=self.message)
        status.details.append(_packed(ErrorInfo(reason=self.reason, domain="fhirexport", metadata=metadata)))
        if self.reason == "INVALID_FIELD":
            violations = self.violations or (Violation("ej_id", "must be what the test allows"),)
            status.details.append(_packed(_bad_request(violations)))
        if sent.retryable:
            delay = Duration()
            delay.FromTimedelta(timedelta(seconds=self.retry_after))
            status.details.append(_packed(RetryInfo(retry_delay=delay)))
        return status

    def abort(self, context: grpc.ServicerContext, request_id: str) -> NoReturn:
        """End a call with this error."""
        context.abort_with_status(rpc_status.to_status(self.status(request_id)))
        raise AssertionError("abort_with_status has not raised")


def _bad_request(violations: tuple[Violation, ...]) -> BadRequest:
    return BadRequest(
        field_violations=[
            BadRequest.FieldViolation(field=violation.field, description=violation.description)
            for violation in violations
        ]
    )


def _packed(detail: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(detail)
    return packed
