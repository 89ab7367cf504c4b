"""The service of imports: it keeps what comes for the test to look at, and says that all of it is new."""

from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf.message import Message

from fhirexport.errors import Violation
from fhirexport.testing.calls import ReceivedImport, of_bundle, of_lines
from fhirexport.testing.failures import Failure
from fhirexport.testing.script import Script
from fhirexport.v1 import import_service_pb2 as messages
from fhirexport.v1.import_service_pb2_grpc import ImportServiceServicer


class Imports(ImportServiceServicer):
    """Takes any resources, and writes none."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def ImportBundle(
        self, request: messages.ImportBundleRequest, context: grpc.ServicerContext
    ) -> messages.ImportBundleResponse:
        """Take a Bundle."""
        request_id = self._begun("ImportBundle", request, context)
        try:
            resources = of_bundle(request.bundle)
        except ValueError:
            _refused("bundle").abort(context, request_id)
        return messages.ImportBundleResponse(summary=self._summary(request.options, resources))

    def ImportResources(
        self, requests: Iterator[messages.ImportResourcesRequest], context: grpc.ServicerContext
    ) -> messages.ImportResourcesResponse:
        """Take NDJSON."""
        first = next(requests, messages.ImportResourcesRequest())
        request_id = self._begun("ImportResources", first, context)
        try:
            resources = of_lines(b"".join(request.chunk for request in requests))
        except ValueError:
            _refused("chunk").abort(context, request_id)
        return messages.ImportResourcesResponse(summary=self._summary(first.options, resources))

    def _begun(self, method: str, request: Message, context: grpc.ServicerContext) -> str:
        request_id, scripted = self._script.receive(method, request, context)
        if scripted is not None:
            scripted.failure.abort(context, request_id)
        return request_id

    def _summary(
        self, options: messages.ImportOptions, resources: tuple[dict[str, Any], ...]
    ) -> messages.ImportSummary:
        received = ReceivedImport(
            options.ej_id, resources, options.validate_only, options.request_id, options.if_revision
        )
        self._script.receive_import(received)
        summary = messages.ImportSummary(
            created_count=len(resources),
            updated_count=0,
            unchanged_count=0,
            deleted_count=0,
            error_count=0,
            warning_count=0,
        )
        if not options.validate_only:
            summary.commit_time.GetCurrentTime()
        return summary


def _refused(field: str) -> Failure:
    violation = Violation(field, "must be JSON as this method takes it")
    return Failure("INVALID_FIELD", "nothing was imported", violations=(violation,))
