"""Imports of FHIR resources, for programs without an event loop."""

from typing import Unpack

import grpc

from fhirexport._internal.calls import PLAIN, Calls
from fhirexport._internal.uploads import import_calls
from fhirexport._internal.uploads.import_calls import ImportArguments, Source
from fhirexport.errors import from_rpc
from fhirexport.import_models import ImportSummary
from fhirexport.v1.import_service_pb2_grpc import ImportServiceStub


class Imports:
    """Writes FHIR resources into the server's database. Every method raises ExportError where it fails."""

    def __init__(self, stub: ImportServiceStub, calls: Calls = PLAIN) -> None:
        self._stub = stub
        self._calls = calls

    def bundle(self, content: bytes | str, **options: Unpack[ImportArguments]) -> ImportSummary:
        """Import a Bundle of at most 8 MiB. One of type transaction or collection is written whole or not.

        Raises:
            InvalidArgumentError: it was not written; `violations` has the first things that are wrong with
                it, and the answer with `validate_only` up to 100.
            ConflictError: the data is no longer at `if_revision`, or somebody else wrote it too.
        """
        import_options = import_calls.options(options)
        request = import_calls.bundle(content, import_options)
        try:
            response = self._stub.ImportBundle(request, **self._calls.arguments(import_calls.BUNDLE_SECONDS))
        except grpc.RpcError as error:
            raise from_rpc(error) from error
        return ImportSummary.from_message(response.summary, import_options.request_id)

    def resources(self, source: Source, **options: Unpack[ImportArguments]) -> ImportSummary:
        """Import NDJSON of any size, in constant memory: bytes, a binary file, or pieces of any length.

        What is wrong with single resources is in the answer; the others are written.

        Raises:
            ConflictError: as for a Bundle.
        """
        import_options = import_calls.options(options)
        try:
            response = self._stub.ImportResources(
                import_calls.messages(source, import_options), **self._calls.arguments()
            )
        except grpc.RpcError as error:
            raise from_rpc(error) from error
        return ImportSummary.from_message(response.summary, import_options.request_id)
