"""The server that tests start, fill and break."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from fhirexport.cache_models import DATASETS, Dataset
from fhirexport.models import LegalEntity
from fhirexport.testing.calls import ReceivedCall, ReceivedImport
from fhirexport.testing.content import Content, Resources
from fhirexport.testing.exports import Exports
from fhirexport.testing.failures import Failure, Reason
from fhirexport.testing.imports import Imports
from fhirexport.testing.script import Script, ScriptedFailure, default_entity
from fhirexport.v1.export_service_pb2_grpc import add_ExportServiceServicer_to_server
from fhirexport.v1.import_service_pb2_grpc import add_ImportServiceServicer_to_server

_SERVICES = ("", "fhirexport.v1.ExportService", "fhirexport.v1.ImportService")

_THREADS = 64
"""How many calls are answered at once. A watch keeps one, of exports or of health; so does a stream that is
not read to its end."""


class _Health(health.HealthServicer):  # type: ignore[misc]  # the library has no types
    """The health of the server. Each watch has a thread.

    By itself, the library sends the first answer of a watch with its lock held, and waits for the thread that
    the end of another watch keeps waiting for the lock: then nothing of the server goes on.
    """

    def __init__(self) -> None:
        super().__init__(experimental_non_blocking=False)
        for service in _SERVICES:
            self.set(service, health_pb2.HealthCheckResponse.SERVING)

    def Watch(  # noqa: N802 - the contract's name
        self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext
    ) -> Iterator[health_pb2.HealthCheckResponse]:
        """Tell of a service's status, and of each change: the library marks this method, not its own."""
        watcher: Iterator[health_pb2.HealthCheckResponse] = super().Watch(request, context)
        return watcher


class FakeServer:
    """A server on a free port of the loopback, for the length of a `with` block.

    It serves exports, imports and health; looking after a cache (`client.cache`) is `UNIMPLEMENTED`. Whatever
    consistency is asked for, an export is what was put there last.
    """

    def __init__(
        self, *, chunk_resources: int = 100, segment_chunks: int = 1, knows_roots: bool = True
    ) -> None:
        """Prepare a server that holds nothing.

        Args:
            chunk_resources: how many resources a chunk of a stream holds at most.
            segment_chunks: how many chunks a segment has at most, as the real server's large ones have
                several.
            knows_roots: whether it understands the roots of what it has sent, as the real server does for a
                while.
        """
        for name, number in (("chunk_resources", chunk_resources), ("segment_chunks", segment_chunks)):
            if number < 1:
                raise ValueError(f"{name} must be at least 1")
        self._script = Script()
        self._exports = Exports(self._script, (chunk_resources, segment_chunks), knows_roots=knows_roots)
        self._server: grpc.Server | None = None
        self._address = ""

    def __enter__(self) -> Self:
        server = grpc.server(ThreadPoolExecutor(_THREADS, "fhirexport-fake"))
        add_ExportServiceServicer_to_server(self._exports, server)
        add_ImportServiceServicer_to_server(Imports(self._script), server)
        health_pb2_grpc.add_HealthServicer_to_server(_Health(), server)
        self._address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        self._server = server
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """What to give to `Client` or `AsyncClient`."""
        return self._address

    def stop(self) -> None:
        """Go away, in the middle of what is under way: callers find the server unavailable."""
        if self._server is not None:
            self._server.stop(None).wait()
            self._server = None

    def add_entity(
        self, ej_id: int, *, finess: str | None = None, name: str | None = None, active: bool = True
    ) -> LegalEntity:
        """Have an EJ, in place of the one with its id; what is left out is invented."""
        default = default_entity(ej_id)
        entity = LegalEntity(
            ej_id,
            default.finess if finess is None else finess,
            default.name if name is None else name,
            active,
        )
        self._script.add_entity(entity)
        return entity

    def put(self, ej_id: int, dataset: Dataset, resources: Resources, *, movements: bool = False) -> str:
        """Have a dataset, in place of what there was: NDJSON, or resources as `json` reads them.

        Args:
            ej_id: whose it is. An EJ that is not there is added.
            dataset: `structure`, `patients` or `venues`.
            resources: what is exported, in this order.
            movements: whether these are the venues with their movements. Where none were put, the others
                are exported for both.

        Returns:
            The revision, which every later export has until something else is put.

        Raises:
            ValueError: there is no such dataset, or something is no resource.
        """
        if dataset not in DATASETS:
            raise ValueError(f"there is no dataset {dataset!r}: it is one of {', '.join(DATASETS)}")
        return self._script.hold(ej_id, dataset, Content.of(resources), movements=movements)

    def replace_database(self, incarnation: str) -> None:
        """Say that what is put there from now on is of another database, such as a restored one."""
        self._script.incarnation = incarnation

    def fail(
        self,
        failure: Failure | Reason,
        *,
        times: int | None = 1,
        method: str | None = None,
        after_chunks: int = 0,
    ) -> None:
        """Have the next calls fail. What was said first comes first.

        The clients repeat by themselves what may work the second time: to see an error of that kind, have
        every call fail.

        Args:
            failure: the error; a reason stands for one with invented details.
            times: how many calls fail; None for all, until `recover`.
            method: only calls of this method, such as `ImportBundle`.
            after_chunks: break streams after so many chunks, and watches after so many messages; other calls
                do not fail.
        """
        if times is not None and times < 1:
            raise ValueError("times must be at least 1, or None")
        scripted = failure if isinstance(failure, Failure) else Failure(failure)
        self._script.fail(ScriptedFailure(scripted, method, times, after_chunks))

    def recover(self) -> None:
        """Forget the failures that are still to come."""
        self._script.recover()

    @property
    def calls(self) -> tuple[ReceivedCall, ...]:
        """The calls of exports and imports so far, in their order."""
        return tuple(self._script.calls)

    @property
    def imports(self) -> tuple[ReceivedImport, ...]:
        """The imports that were answered so far, in their order."""
        return tuple(self._script.imports)
