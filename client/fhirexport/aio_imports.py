"""Imports of FHIR resources, for asyncio programs."""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Unpack

import grpc

from fhirexport._internal.calls import PLAIN, Calls
from fhirexport._internal.uploads import import_calls
from fhirexport._internal.uploads.early_status import EarlyStatus
from fhirexport._internal.uploads.import_calls import ImportArguments, Source
from fhirexport.errors import from_rpc
from fhirexport.import_models import ImportSummary
from fhirexport.v1.import_service_pb2 import ImportOptions, ImportResourcesRequest

if TYPE_CHECKING:
    from fhirexport.v1.import_service_pb2_grpc import ImportServiceAsyncStub  # exists for type checkers only


class AsyncImports:
    """Writes FHIR resources into the server's database. Every method raises ExportError where it fails."""

    def __init__(self, stub: "ImportServiceAsyncStub", calls: Calls = PLAIN) -> None:
        self._stub = stub
        self._calls = calls

    async def bundle(self, content: bytes | str, **options: Unpack[ImportArguments]) -> ImportSummary:
        """Import a Bundle: see `Imports.bundle`."""
        import_options = import_calls.options(options)
        request = import_calls.bundle(content, import_options)
        try:
            response = await self._stub.ImportBundle(
                request, **self._calls.arguments(import_calls.BUNDLE_SECONDS)
            )
        except grpc.RpcError as error:
            raise from_rpc(error) from error
        return ImportSummary.from_message(response.summary, import_options.request_id)

    async def resources(
        self, source: Source | AsyncIterator[bytes], **options: Unpack[ImportArguments]
    ) -> ImportSummary:
        """Import NDJSON of any size: see `Imports.resources`. Pieces may come from an async iterator too."""
        import_options = import_calls.options(options)
        messages: Iterator[ImportResourcesRequest] | AsyncIterator[ImportResourcesRequest]
        messages = (
            _messages(source, import_options)
            if isinstance(source, AsyncIterator)
            else import_calls.messages(source, import_options)
        )
        call = self._stub.ImportResources(messages, **self._calls.arguments())
        status = EarlyStatus(call)
        try:
            response = await call
        except grpc.aio.AioRpcError as error:
            raise from_rpc(await status.error(error)) from error
        return ImportSummary.from_message(response.summary, import_options.request_id)


async def _messages(
    source: AsyncIterator[bytes], import_options: ImportOptions
) -> AsyncIterator[ImportResourcesRequest]:
    for message in import_calls.messages(b"", import_options):
        yield message
    async for piece in source:
        for message in import_calls.chunked(piece):
            yield message
