"""The one place where an error becomes a status: its code, its reason, its text and its details.

What `fhirexport/v1/error_reason.proto` and the table in `docs/api.md` say is what this package does; a test
holds the three together.
"""

from functools import singledispatch

import grpc
from fhirexport.v1.error_reason_pb2 import ErrorReason

from fhirexport_server.rpc.errors import backend_refusals, limit_refusals, request_refusals
from fhirexport_server.rpc.errors.refusal import Refusal


@singledispatch
def refusal(_error: Exception) -> Refusal:
    """Return how an error is told to the caller; one that is not registered below is a bug of ours."""
    return Refusal(
        grpc.StatusCode.INTERNAL,
        ErrorReason.ERROR_REASON_INTERNAL,
        "this server has met a bug in itself; its log has more under the request id",
    )


for function in (*request_refusals.REFUSALS, *backend_refusals.REFUSALS, *limit_refusals.REFUSALS):
    refusal.register(function)
