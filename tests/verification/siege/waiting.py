"""Attacks by waiting: unread answers, calls that send nothing, callers that leave in the middle."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from time import monotonic

from fhirexport.v1 import import_service_pb2 as pb
from fhirexport.v1.export_service_pb2 import (
    ExportStructureRequest,
    ExportVenuesRequest,
    StreamExportRequest,
    WatchExportsRequest,
)
from fhirexport.v1.types_pb2 import DATASET_VENUES, VENUE_DETAIL_MOVEMENTS
from grpc_health.v1.health_pb2 import HealthCheckRequest
from support.attacking import Connection, framed
from verification.siege.bundles import BUNDLE_PATH, RESOURCES_PATH
from verification.siege.lanes import lanes, outcome
from verification.siege.plan import Assault

_EXPORT = "/fhirexport.v1.ExportService/"
_REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
_CONNECTIONS = 10
_UNREAD = 100
"""Calls of a connection whose answers nobody reads: 1,000 in all."""
_IDLE = 1000
"""Idle calls of a connection."""
_HELD_SECONDS = 20.0
"""How long a connection is held whose answers nobody reads."""
_REOPENED = 20
"""How many idle calls that were ended a connection makes anew at once."""
_OPTIONS = pb.ImportResourcesRequest(options=pb.ImportOptions(ej_id=1)).SerializeToString()
_VENUES = ExportVenuesRequest(ej_id=1).SerializeToString()
_STREAM = StreamExportRequest(
    ej_id=1, dataset=DATASET_VENUES, detail=VENUE_DETAIL_MOVEMENTS
).SerializeToString()
_WATCH = WatchExportsRequest(
    exports=[WatchExportsRequest.WatchedExport(ej_id=1, dataset=DATASET_VENUES)]
).SerializeToString()
_STRUCTURE = ExportStructureRequest(ej_id=1).SerializeToString()
_HEALTH = HealthCheckRequest(service="").SerializeToString()


async def unread_answers(assault: Assault) -> None:
    """Leave the answers of 1,000 calls unread, 2 MB each."""
    await _unread(assault, f"{_EXPORT}ExportVenues", _VENUES)


async def unread_streams(assault: Assault) -> None:
    """Leave 1,000 streams unread."""
    await _unread(assault, f"{_EXPORT}StreamExport", _STREAM)


async def _unread(assault: Assault, path: str, message: bytes) -> None:
    async def work(connection: Connection, _: int) -> None:
        for _ in range(_UNREAD):
            await connection.call(path, message)
            assault.sent.add(message)
        held = monotonic() + _HELD_SECONDS
        while assault.goes_on and monotonic() < held and not connection.closed.is_set():
            _count_ended(assault, connection)
            if not connection.streams:
                break
            await asyncio.sleep(0.1)
        assault.sent.ended("left unread", len(connection.streams))
        connection.abort()

    await lanes(assault, _CONNECTIONS, work, window=0, grants=False)


async def idle(assault: Assault) -> None:
    """Hold ten connections of 1,000 calls each that do nothing, and make those anew that are ended."""
    random = Random(assault.plan.seed)
    kinds: tuple[tuple[str, bytes, bool], ...] = (
        ("/grpc.health.v1.Health/Watch", framed(_HEALTH), True),
        (f"{_EXPORT}WatchExports", framed(_WATCH), True),
        (RESOURCES_PATH, framed(_OPTIONS), False),
        (f"{_EXPORT}ExportStructure", framed(bytes(100))[:50], False),
        (_REFLECTION, b"", False),
    )

    async def work(connection: Connection, number: int) -> None:
        # The first four connections watch the health, two more the exports, and nothing else.
        own = kinds[:1] if number < 4 else kinds[1:2]
        try:
            await _keep(assault, connection, own if number < 6 else kinds, random)
        finally:
            assault.sent.ended("held to the end", len(connection.streams))

    await lanes(assault, _CONNECTIONS, work)


async def _keep(
    assault: Assault, connection: Connection, kinds: Sequence[tuple[str, bytes, bool]], random: Random
) -> None:
    """Keep a connection full of calls of some kinds: paths, what is sent, and whether the request ends."""
    most = _IDLE
    while assault.goes_on and not connection.closed.is_set():
        _count_ended(assault, connection)
        for _ in range(min(most, _IDLE - len(connection.streams))):
            if not assault.goes_on:
                return
            path, data, end = random.choice(kinds)
            stream = await connection.call(path, end=False)
            await connection.send(stream, data, end=end)
            await connection.flush()
            assault.sent.add(data)
        most = _REOPENED
        await asyncio.sleep(0.2)


def _count_ended(assault: Assault, connection: Connection) -> None:
    for number in [number for number, stream in connection.streams.items() if stream.ended.is_set()]:
        assault.sent.ended(outcome(connection.streams.pop(number)))


async def resets(assault: Assault) -> None:
    """Begin calls of every kind and reset them, at once or a little later; every so often the connection."""
    random = Random(assault.plan.seed)
    begun: tuple[Callable[[Connection], Awaitable[int]], ...] = (_upload, _half_bundle, _export, _stream)

    async def work(connection: Connection, _: int) -> None:
        numbers = []
        for _ in range(random.randint(1, 20)):
            numbers.append(await random.choice(begun)(connection))
            assault.sent.add(b"", size=1000)
        await asyncio.sleep(random.choice((0.0, 0.0, 0.003, 0.02)))
        if random.random() < 1 / 10:
            assault.sent.ended("TCP reset", len(numbers))
            connection.abort()
            return
        for number in numbers:
            await connection.reset(number)
            del connection.streams[number]
        assault.sent.ended("reset", len(numbers))

    await lanes(assault, _CONNECTIONS, work, window=1000, grants=False)


async def _upload(connection: Connection) -> int:
    """Send an import that is whole, but for its end."""
    number = await connection.call(RESOURCES_PATH, end=False)
    chunk = pb.ImportResourcesRequest(chunk=b'{"resourceType": "Patient"}\n').SerializeToString()
    await connection.send(number, framed(_OPTIONS) + framed(chunk))
    return number


async def _half_bundle(connection: Connection) -> int:
    number = await connection.call(BUNDLE_PATH, end=False)
    await connection.send(number, framed(bytes(20_000))[:10_000])
    return number


async def _export(connection: Connection) -> int:
    return await connection.call(f"{_EXPORT}ExportStructure", _STRUCTURE)


async def _stream(connection: Connection) -> int:
    return await connection.call(f"{_EXPORT}StreamExport", _STREAM)
