"""Owns importing, for asyncio programs: input and output only."""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Unpack

import grpc

from fhirexport import _importing
from fhirexport._calls import PLAIN, Calls
from fhirexport._importing import Importing, Source
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

    async def bundle(self, content: bytes | str, **options: Unpack[Importing]) -> ImportSummary:
        """Imports a Bundle: see `Imports.bundle`."""
        how = _importing.options(options)
        request = _importing.bundle(content, how)
        try:
            answer = await self._stub.ImportBundle(
                request, **self._calls.arguments(_importing.BUNDLE_SECONDS)
            )
        except grpc.RpcError as error:
            raise from_rpc(error) from error
        return ImportSummary.from_message(answer.summary, how.request_id)

    async def resources(
        self, source: Source | AsyncIterator[bytes], **options: Unpack[Importing]
    ) -> ImportSummary:
        """Imports NDJSON of any size: see `Imports.resources`. Pieces may come from an async iterator too."""
        how = _importing.options(options)
        messages: Iterator[ImportResourcesRequest] | AsyncIterator[ImportResourcesRequest]
        messages = (
            _awaited(source, how) if isinstance(source, AsyncIterator) else _importing.messages(source, how)
        )
        try:
            answer = await self._stub.ImportResources(messages, **self._calls.arguments())
        except grpc.RpcError as error:
            raise from_rpc(error) from error
        return ImportSummary.from_message(answer.summary, how.request_id)


async def _awaited(source: AsyncIterator[bytes], how: ImportOptions) -> AsyncIterator[ImportResourcesRequest]:
    for message in _importing.messages(b"", how):
        yield message
    async for piece in source:
        for message in _importing.chunked(piece):
            yield message
