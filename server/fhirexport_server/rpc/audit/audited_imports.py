"""Imports that change nothing before that is written down."""

from collections.abc import AsyncIterator

from fhirexport_server.domain.imports import ImportOptions, ImportSummary
from fhirexport_server.rpc.audit.call_audit import CallAudit
from fhirexport_server.rpc.imports.service import Imports


class AuditedImports:
    """An importer that works for the call in progress."""

    def __init__(self, imports: Imports, audit: CallAudit) -> None:
        self._imports = imports
        self._audit = audit

    async def bundle(self, data: bytes, options: ImportOptions) -> ImportSummary:
        """Import a Bundle, as an importer does.

        Raises:
            AuditUnavailableError: It could not be written down; nothing was imported.
        """
        await self._audit.begin(
            ej_id=options.ej_id, validate_only=options.validate_only, received_bytes=len(data)
        )
        return await self._imports.bundle(data, options)

    async def resources(self, chunks: AsyncIterator[bytes], options: ImportOptions) -> ImportSummary:
        """Import NDJSON, as an importer does.

        Raises:
            AuditUnavailableError: It could not be written down; nothing was imported.
        """
        await self._audit.begin(ej_id=options.ej_id, validate_only=options.validate_only)
        return await self._imports.resources(chunks, options)
