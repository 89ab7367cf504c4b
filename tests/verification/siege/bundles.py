"""Attacks by Bundles: refused ones, cancelled ones, gzipped ones, and those that grow as they are read."""

import gzip
from collections.abc import Sequence
from random import Random

from fhirexport.v1 import import_service_pb2 as pb
from support.attacking import Connection, framed
from verification.siege.lanes import ended, lanes
from verification.siege.plan import Assault

BUNDLE_PATH = "/fhirexport.v1.ImportService/ImportBundle"
RESOURCES_PATH = "/fhirexport.v1.ImportService/ImportResources"
_CONNECTIONS = 4
_LONG = 8_000_000
"""Nearly as long as a Bundle may be, in bytes."""
_BEGIN = '{"resourceType": "Bundle", "type": "transaction", "entry": '
_ZEROS = 256 << 20
"""What a gzipped message of some hundred kilobytes becomes, in bytes."""


def _bundle(text: str, **options: int) -> bytes:
    message = pb.ImportBundleRequest(bundle=text, options=pb.ImportOptions(**options))  # type: ignore[arg-type]  # as the message has them
    return framed(message.SerializeToString())


def _malformed() -> str:
    return f'{_BEGIN}[{{"x": "{"y" * _LONG}"}}'


def _resources() -> bytes:
    """Return an import that is refused once eight megabytes of it have come: its options come twice."""
    options = pb.ImportResourcesRequest(options=pb.ImportOptions(ej_id=1))
    chunk = pb.ImportResourcesRequest(chunk=b"x" * _LONG)
    return b"".join(framed(message.SerializeToString()) for message in (options, chunk, options))


async def refused(assault: Assault) -> None:
    """Send Bundles and chunks of 8 MB that are refused: malformed, with wrong options, in a wrong order."""
    calls = (
        (BUNDLE_PATH, _bundle(_malformed())),
        (BUNDLE_PATH, _bundle(_malformed(), ej_id=-1)),
        (RESOURCES_PATH, _resources()),
    )
    await _send_each(assault, calls)


async def gzipped(assault: Assault) -> None:
    """Send the same, compressed by gRPC: eight megabytes are ten kilobytes then."""
    small = gzip.compress(pb.ImportBundleRequest(bundle=_malformed()).SerializeToString())
    await _send_each(assault, ((BUNDLE_PATH, framed(small, compressed=True)),), gzipped=True)


async def bombs(assault: Assault) -> None:
    """Send what grows as it is read: gzipped zeros, and JSON that is deep, wide, or all numbers."""
    zeros = framed(gzip.compress(bytes(_ZEROS), compresslevel=1), compressed=True)
    texts = (
        _BEGIN + "[" * (_LONG - 100),
        _BEGIN + '{"a":' * (_LONG // 5 - 100),
        _BEGIN + "[" + "{}," * (_LONG // 3 - 100) + "{}]}",
        _BEGIN + "[" + "[]," * (_LONG // 3 - 100) + "[]]}",
        _BEGIN + "[" + "1" * (_LONG - 100) + "]}",
        _BEGIN + "[" + "1e9," * (_LONG // 4 - 100) + "1]}",
        _BEGIN + '["' + r"\u00e9" * (_LONG // 6 - 100) + '"]}',
        _BEGIN + "[{" + ",".join(f'"k{number}":{{}}' for number in range(_LONG // 14)) + "}]}",
        _BEGIN + "[" + '{"resource":{"resourceType":"Patient"}},' * (_LONG // 41 - 100) + "{}]}",
    )
    calls = [(BUNDLE_PATH, _bundle(text)) for text in texts]
    random = Random(assault.plan.seed)

    async def work(connection: Connection, _: int) -> None:
        is_gzipped = random.random() < 1 / 4
        path, data = (RESOURCES_PATH, zeros) if is_gzipped else random.choice(calls)
        await _send(assault, connection, path, data, gzipped=is_gzipped)

    await lanes(assault, _CONNECTIONS, work)


async def cancelled(assault: Assault) -> None:
    """Cancel Bundles and uploads: while they come, when they are there, while they are read."""
    random = Random(assault.plan.seed)
    calls = ((BUNDLE_PATH, _bundle(_malformed())), (RESOURCES_PATH, _resources()))

    async def work(connection: Connection, _: int) -> None:
        path, data = random.choice(calls)
        part = random.choice((1, 2, 3))
        size = len(data) * part // 3
        number = await connection.call(path, end=False)
        await connection.send(number, data[:size], end=part == 3)
        await connection.reset(number)
        assault.sent.add(b"", size=size)
        assault.sent.ended("cancelled")
        del connection.streams[number]

    await lanes(assault, _CONNECTIONS, work)


async def _send_each(assault: Assault, calls: Sequence[tuple[str, bytes]], *, gzipped: bool = False) -> None:
    random = Random(assault.plan.seed)

    async def work(connection: Connection, _: int) -> None:
        path, data = random.choice(calls)
        await _send(assault, connection, path, data, gzipped=gzipped)

    await lanes(assault, _CONNECTIONS, work)


async def _send(assault: Assault, connection: Connection, path: str, data: bytes, *, gzipped: bool) -> None:
    """Make one call with framed messages, and wait for its answer."""
    headers = (("grpc-encoding", "gzip"),) if gzipped else ()
    number = await connection.call(path, end=False, headers=headers)
    await connection.send(number, data, end=True)
    assault.sent.add(data)
    await ended(assault, connection, number)
