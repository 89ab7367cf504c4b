"""ImportService: validates requests, asks the importer, returns results."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from fhirexport.v1.import_service_pb2 import (
    ImportBundleRequest,
    ImportBundleResponse,
    ImportResourcesRequest,
    ImportResourcesResponse,
)
from fhirexport.v1.import_service_pb2_grpc import ImportServiceServicer

from fhirexport_server.domain.imports import ImportOptions, ImportSummary
from fhirexport_server.rpc import call
from fhirexport_server.rpc.call import Context
from fhirexport_server.rpc.imports import messages, requests


class Imports(Protocol):
    """The importer as this service uses it."""

    async def bundle(self, data: bytes, options: ImportOptions) -> ImportSummary:
        """Import a Bundle.

        Raises:
          FhirExportError: Nothing was written.
        """

    async def resources(self, chunks: AsyncIterator[bytes], options: ImportOptions) -> ImportSummary:
        """Import NDJSON, in chunks that may be cut anywhere.

        Raises:
          FhirExportError: Nothing was written.
        """


class ImportService(ImportServiceServicer):
    """Implements `fhirexport.v1.ImportService`. It raises domain errors, which the chain translates."""

    def __init__(self, imports: Imports, bundle_bytes: int) -> None:
        self._imports = imports
        self._bundle_bytes = bundle_bytes

    async def ImportBundle(  # noqa: N802 - the contract's name
        self, request: ImportBundleRequest, _context: Context
    ) -> ImportBundleResponse:
        """Import a Bundle; return the result."""
        # In a thread, for a Bundle of megabytes becomes bytes there.
        data, options = await asyncio.to_thread(requests.bundle, request, self._bundle_bytes)
        del request  # so that the Bundle is in memory only once while it waits for its place
        _note_options(options)
        summary = await self._imports.bundle(data, options)
        _note(summary)
        return ImportBundleResponse(summary=messages.summary(summary))

    async def ImportResources(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[ImportResourcesRequest], context: Context
    ) -> ImportResourcesResponse:
        """Import a stream of resources; return the result."""
        del context  # the chain sends the metadata at the end of the stream
        options = await requests.begun(request_iterator)
        _note_options(options)
        summary = await self._imports.resources(requests.chunks(request_iterator), options)
        _note(summary)
        return ImportResourcesResponse(summary=messages.summary(summary))


def _note_options(options: ImportOptions) -> None:
    facts = call.current().facts
    if options.ej_id is not None:
        facts["ej_id"] = options.ej_id
    if options.validate_only:
        facts["validate_only"] = "true"


def _note(summary: ImportSummary) -> None:
    facts = call.current().facts
    for token in summary.revisions[:1]:
        facts["ej_id"] = token.ej_id
    facts.update(
        created=summary.created,
        updated=summary.updated,
        unchanged=summary.unchanged,
        deleted=summary.deleted,
        errors=summary.errors,
        warnings=summary.warnings,
    )
