"""The details of a status besides its ErrorInfo."""

from collections.abc import Sequence

from google.rpc.error_details_pb2 import BadRequest, RetryInfo

from fhirexport_server.domain.errors import FieldViolation

# Details are sent in a trailer, and many clients accept no more than 8 KiB of trailers.
_VIOLATION_BYTES = 4096


def fitting(violations: Sequence[FieldViolation]) -> Sequence[FieldViolation]:
    """Return as many of the first violations as fit into a trailer, at least one."""
    size = 0
    for count, violation in enumerate(violations):
        size += len(violation.field.encode()) + len(violation.description.encode()) + 8
        if count and size > _VIOLATION_BYTES:
            return violations[:count]
    return violations


def bad_request(violations: Sequence[FieldViolation]) -> BadRequest:
    """Return the detail that names the fields."""
    return BadRequest(
        field_violations=[
            BadRequest.FieldViolation(field=violation.field, description=violation.description)
            for violation in violations
        ]
    )


def retry_after(seconds: float) -> RetryInfo:
    """Return the detail that says after how long to retry."""
    info = RetryInfo()
    info.retry_delay.FromMilliseconds(round(seconds * 1000))
    return info
