"""The client for programs without an event loop; what both kinds of client share is in `_internal`."""

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from fhirexport._internal import channels, requests
from fhirexport._internal.calls import Calls, Metadata, Token
from fhirexport._internal.files import is_replaced, whole_file
from fhirexport._internal.mirroring.manifest import MirroredExport
from fhirexport._internal.reader import Reader, cache_status
from fhirexport._internal.requests import ExportQuery, OnProgress, Options
from fhirexport._internal.resources import Resource, resources
from fhirexport._internal.retries import ATTEMPTS
from fhirexport._internal.tls import TLS
from fhirexport.cache import Cache
from fhirexport.cache_models import Dataset
from fhirexport.errors import SnapshotGoneError, from_rpc
from fhirexport.imports import Imports
from fhirexport.mirrors.mirror import Mirror
from fhirexport.models import Format, LegalEntity, Snapshot
from fhirexport.v1.cache_admin_pb2_grpc import CacheAdminStub
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport.v1.import_service_pb2_grpc import ImportServiceStub
from fhirexport.watches.following import KnownRevision, OnInterruption, watching
from fhirexport.watches.watch import Watch


class Export:
    """One export, not asked for before it is read. Each way of reading it asks anew."""

    def __init__(
        self, stub: ExportServiceStub, calls: Calls, query: ExportQuery, on_progress: OnProgress | None
    ) -> None:
        self._stub = stub
        self._calls = calls
        self._query = query
        self.on_progress = on_progress
        """Called after each chunk, with how far the export has come."""
        self.snapshot: Snapshot | None = None
        """What was last read; None before that."""
        self.not_modified = False
        """True when the `if_none_match` that was given still holds: nothing was read."""

    def __iter__(self) -> Iterator[Resource]:
        """Yield the resources one by one, in constant memory.

        Raises:
            ExportError: it failed; what was yielded so far is not the whole export.
        """
        for content in self.chunks("ndjson"):
            yield from resources(content)

    def chunks(self, format: Format = "bundle") -> Iterator[bytes]:  # noqa: A002 - the word that everybody looks for
        """Yield the bytes of the export as they come. Only when it ends without an error are they whole."""
        reader = Reader(self._query.stream(format), self.on_progress)
        arguments = self._calls.attempts()
        while not reader.finished:
            call = self._stub.StreamExport(reader.request, **arguments())
            try:
                for event in call:
                    content = reader.accept(event, cache_status(call.initial_metadata()))
                    self.snapshot, self.not_modified = reader.snapshot, reader.not_modified
                    if content is not None:
                        yield content
                reader.ended()
            except grpc.RpcError as error:
                time.sleep(reader.delay(from_rpc(error)))
            finally:
                call.cancel()

    def read(self, format: Format = "bundle") -> bytes:  # noqa: A002 - as above
        """Return the whole export as bytes: for exports that fit into memory."""
        chances = ATTEMPTS
        while True:
            chances -= 1
            try:
                return b"".join(self.chunks(format))
            except SnapshotGoneError:
                if not chances:
                    raise

    def bundle(self) -> dict[str, Any]:
        """Return the whole export as one Bundle."""
        bundle: dict[str, Any] = json.loads(self.read("bundle"))
        return bundle

    def save(self, path: str | Path, format: Format = "ndjson") -> Path:  # noqa: A002 - as above
        """Write the export to a file, which is there whole or not at all.

        Return the file's path. When `not_modified` is true, the file is left as it was.
        """
        target = Path(path)
        # What went into a pipe cannot be taken back.
        chances = ATTEMPTS if is_replaced(target) else 1
        while True:
            chances -= 1
            try:
                return self._save(target, format)
            except SnapshotGoneError:
                if not chances:
                    raise

    def _save(self, target: Path, layout: Format) -> Path:
        chunks = self.chunks(layout)
        first = next(chunks, None)
        if first is None and self.not_modified:
            return target
        with whole_file(target) as file:
            file.write(first or b"")
            for content in chunks:
                file.write(content)
        return target


class Client:
    """A connection to a server. Safe to share between threads; not across a fork."""

    def __init__(
        self,
        target: str = "localhost:50051",
        *,
        tls: TLS | bool | None = None,
        token: Token | None = None,
        metadata: Metadata = (),
        timeout: float | None = None,
        root_certificates: bytes | None = None,
        channel: grpc.Channel | None = None,
    ) -> None:
        """Prepare a connection; it is made with the first call.

        Args:
            target: `host:port`, `dns:///host:port` or `unix:path`.
            tls: how to use TLS; True: trusting the system's certificates; False: not at all. Left out, with
                any server but those on this machine.
            token: the bearer token to send with each call; or a function that is asked for it each time, and
                renews it when it is about to expire.
            metadata: what else to send with each call; or a function that is asked for it each time.
            timeout: how long a call may take, exports and imports included, in seconds. Left out, 30 for a
                look-up, and as long as data comes for the rest.
            root_certificates: short for `tls=TLS(root_certificates=…)`.
            channel: one's own channel, in place of a target and TLS. It stays open.

        Raises:
            ValueError: the target or the token is none, a token would be sent to another machine without TLS,
                or this system has no certificates.
        """
        self._opened: list[grpc.Channel] = []
        server = channels.server(target, tls=tls, root_certificates=root_certificates)
        confidential = channel is not None or server.confidential
        self._calls = Calls(metadata, timeout, confidential=confidential, token=token)
        exports = channel or self._open(server)
        # Of its own, because the one for exports passes over a server that does not serve them.
        operations = channel or self._open(server, watched=False)
        self._stub = ExportServiceStub(exports)
        self._streams = ExportServiceStub(channel or self._open(server, retries=False))
        self._health = health_pb2_grpc.HealthStub(operations)
        self.cache = Cache(CacheAdminStub(operations), self._calls)
        """The server's cache, as an operator sees it."""
        self.imports = Imports(ImportServiceStub(exports), self._calls)
        """Imports into the server's database."""

    def _open(self, server: channels.Server, *, watched: bool = True, retries: bool = True) -> grpc.Channel:
        credentials, options = server.credentials(), server.options(watched=watched, retries=retries)
        if credentials is None:
            channel = grpc.insecure_channel(server.target, options=options)
        else:
            channel = grpc.secure_channel(server.target, credentials, options=options)
        self._opened.append(channel)
        return channel

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        for channel in self._opened:
            channels.close(channel)

    def entities(self, finess: str | None = None) -> Iterator[LegalEntity]:
        """Yield the EJs by id; only the one with this FINESS number where one is given."""
        token = ""
        while True:
            try:
                page = self._stub.ListLegalEntities(
                    requests.entities(finess, token), **self._calls.arguments(channels.UNARY_SECONDS)
                )
            except grpc.RpcError as error:
                raise from_rpc(error) from error
            yield from map(LegalEntity.from_message, page.legal_entities)
            token = page.next_page_token
            if not token:
                return

    def structure(self, ej: int, **options: Unpack[Options]) -> Export:
        """Return the export of an EJ's structure: Organization and Location resources."""
        return self._export(requests.STRUCTURE, ej, options)

    def patients(self, ej: int, **options: Unpack[Options]) -> Export:
        """Return the export of an EJ's patients: Patient resources."""
        return self._export(requests.PATIENTS, ej, options)

    def venues(self, ej: int, *, movements: bool = False, **options: Unpack[Options]) -> Export:
        """Return the export of an EJ's venues: Encounters, with `movements` one for each of those too."""
        return self._export(requests.VENUES, ej, options, movements=movements)

    def watch(
        self,
        ej: int | Iterable[int],
        *datasets: Dataset,
        after: Iterable[KnownRevision] = (),
        on_interruption: OnInterruption | None = None,
    ) -> Watch:
        """Return a watch of an EJ's datasets, or of several EJs': all three, unless some are named.

        Args:
            ej: the id of an EJ, or of each of several.
            datasets: `structure`, `patients`, `venues`.
            after: revisions that are known, such as those that an earlier watch told last, or an import made:
                a dataset that still has it is told only once it has another.
            on_interruption: called with the error when a watch that had begun is interrupted, before it is
                taken up again.

        Raises:
            ValueError: there is no such dataset.
        """
        request = watching(ej, datasets, after)
        return Watch(self._streams, self._calls, request, on_interruption)

    def mirror(
        self,
        ej: int,
        dataset: Dataset,
        path: str | Path,
        *,
        movements: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Mirror:
        """Return a mirror of an export: a copy in a folder, which is brought up to date for what has changed.

        Args:
            ej: the EJ's id.
            dataset: `structure`, `patients` or `venues`.
            path: the folder, which is made where it is not there. It holds nothing else.
            movements: whether the venues have one Encounter for each movement too.
            on_progress: called as an update goes on, with how far it has come.

        Raises:
            ValueError: there is no such dataset, or it has no movements.
        """
        export = MirroredExport(ej, dataset, movements)
        return Mirror(self._streams, self._calls, export, Path(path), on_progress)

    def health(self, service: str = channels.EXPORTS) -> str:
        """Return what the server says of a service: `SERVING`, `NOT_SERVING`.

        Raises:
            NotFoundError: it has no such service.
        """
        try:
            answer = self._health.Check(
                health_pb2.HealthCheckRequest(service=service),
                **self._calls.arguments(channels.HEALTH_SECONDS),
            )
        except grpc.RpcError as error:
            raise from_rpc(error) from error
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))

    def _export(
        self, dataset: requests.Dataset, ej: int, options: Options, *, movements: bool = False
    ) -> Export:
        query = ExportQuery.of(dataset, ej, options, movements=movements)
        return Export(self._streams, self._calls, query, options.get("on_progress"))
