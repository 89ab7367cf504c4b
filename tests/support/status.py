"""Reads an error as a client sees it: its code and its details."""

from dataclasses import dataclass, field

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

_DETAILS = "grpc-status-details-bin"


@dataclass(frozen=True)
class Refused:
    """One refusal."""

    code: str
    reason: str
    message: str
    request_id: str
    metadata: dict[str, str] = field(default_factory=dict)
    """Of the ErrorInfo, without the request id."""
    violations: dict[str, str] = field(default_factory=dict)
    """Descriptions by field."""
    retry_seconds: float | None = None


def refused(error: grpc.aio.AioRpcError) -> Refused:
    """Returns what a call was refused with, having checked that the status is as the contract says."""
    trailers = dict(error.trailing_metadata() or ())
    status = Status.FromString(trailers[_DETAILS])
    code = error.code()
    assert (status.code, status.message) == (code.value[0], error.details())
    infos = [found for detail in status.details if detail.Unpack(found := ErrorInfo())]
    requests = [found for detail in status.details if detail.Unpack(found := BadRequest())]
    retries = [found for detail in status.details if detail.Unpack(found := RetryInfo())]
    assert len(infos) == 1
    assert len(requests) <= 1
    assert len(retries) <= 1
    assert len(status.details) == len(infos) + len(requests) + len(retries)
    metadata = dict(infos[0].metadata)
    request_id = metadata.pop("request_id")
    assert infos[0].domain == "fhirexport"
    assert trailers["x-request-id"] == request_id
    return Refused(
        code=code.name,
        reason=infos[0].reason,
        message=status.message,
        request_id=request_id,
        metadata=metadata,
        violations={found.field: found.description for found in requests[0].field_violations}
        if requests
        else {},
        retry_seconds=retries[0].retry_delay.ToMilliseconds() / 1000 if retries else None,
    )
