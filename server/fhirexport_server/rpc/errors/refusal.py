"""A refusal: the status that an error becomes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import grpc
from fhirexport.v1.error_reason_pb2 import ErrorReason
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

DOMAIN = "fhirexport"
DETAILS_KEY = "grpc-status-details-bin"
_PREFIX = "ERROR_REASON_"
REASONS = tuple(name.removeprefix(_PREFIX) for name in ErrorReason.keys()[1:])
"""All reasons as they are on the wire, without the one that is never sent."""


@dataclass(frozen=True)
class Refusal:
    """The status that a caller gets for an error."""

    code: grpc.StatusCode
    reason: ErrorReason.ValueType
    message: str
    """Brief English that says what to do. What varies in it is in `metadata` as well."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    details: tuple[Message, ...] = ()

    @property
    def reason_name(self) -> str:
        """The reason as it is on the wire, in the log and in the metrics."""
        return ErrorReason.Name(self.reason).removeprefix(_PREFIX)

    def status(self, request_id: str) -> Status:
        """Return it as a `google.rpc.Status`, with its one ErrorInfo first."""
        info = ErrorInfo(
            reason=self.reason_name, domain=DOMAIN, metadata={**self.metadata, "request_id": request_id}
        )
        status = Status(code=self.code.value[0], message=self.message)
        for detail in (info, *self.details):
            packed = AnyMessage()
            packed.Pack(detail)
            status.details.append(packed)
        return status
