"""The details of a status, beside its ErrorInfo."""

from collections.abc import Sequence

from google.rpc.error_details_pb2 import BadRequest, RetryInfo

from fhirexport_server.domain.errors import FieldViolation

# The details travel in a trailer, and many clients accept no more than 8 KiB of those.
_VIOLATION_BYTES = 4096


def fitting(violations: Sequence[FieldViolation]) -> Sequence[FieldViolation]:
    """Returns the first violations, as many as fit into a trailer; one at least."""
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
    """Return the detail that says when to try again."""
    info = RetryInfo()
    info.retry_delay.FromMilliseconds(round(seconds * 1000))
    return info
