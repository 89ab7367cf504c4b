"""Translates errors into statuses: code, reason, message and details.

A test compares this package with `fhirexport/v1/error_reason.proto` and the table in `docs/api.md`.
"""

from functools import singledispatch

import grpc
from fhirexport.v1.error_reason_pb2 import ErrorReason

from fhirexport_server.rpc.errors import (
    backend_refusals,
    credential_refusals,
    limit_refusals,
    request_refusals,
)
from fhirexport_server.rpc.errors.refusal import Refusal


@singledispatch
def refusal(_error: Exception) -> Refusal:
    """Return the status for an error. An error that is not registered below is a bug of ours."""
    return Refusal(
        grpc.StatusCode.INTERNAL,
        ErrorReason.ERROR_REASON_INTERNAL,
        "this server has met a bug in itself; its log has more under the request id",
    )


for rules in (request_refusals, backend_refusals, limit_refusals, credential_refusals):
    for function in rules.REFUSALS:
        refusal.register(function)
