"""Imports into EJs that the caller has a right to, and no others."""

from collections.abc import AsyncIterator

from fhirexport_server.access.right import Action
from fhirexport_server.domain.datasets import EVERY_EJ
from fhirexport_server.domain.imports import ImportOptions, ImportSummary
from fhirexport_server.rpc.access.call_rights import CallRights
from fhirexport_server.rpc.imports.service import Imports


class GuardedImports:
    """An importer that refuses before it looks anything up.

    An import that names no EJ finds it by its resources, or creates it. That takes the right to every EJ.
    """

    def __init__(self, imports: Imports, rights: CallRights) -> None:
        self._imports = imports
        self._rights = rights

    async def bundle(self, data: bytes, options: ImportOptions) -> ImportSummary:
        """Import a Bundle, as an importer does.

        Raises:
            AccessDeniedError: The caller may not import into this EJ.
        """
        self._rights.require(Action.IMPORT, _ej(options))
        return await self._imports.bundle(data, options)

    async def resources(self, chunks: AsyncIterator[bytes], options: ImportOptions) -> ImportSummary:
        """Import NDJSON, as an importer does.

        Raises:
            AccessDeniedError: The caller may not import into this EJ.
        """
        self._rights.require(Action.IMPORT, _ej(options))
        return await self._imports.resources(chunks, options)


def _ej(options: ImportOptions) -> int:
    return EVERY_EJ if options.ej_id is None else options.ej_id
