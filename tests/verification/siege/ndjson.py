"""An attack by imports of hostile shapes: many lines, long lines, deep lines, one stay of all movements."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import count
from random import Random
from typing import TYPE_CHECKING

import grpc
from fhirexport._internal.uploads.early_status import EarlyStatus
from fhirexport.v1 import import_service_pb2 as pb
from fhirexport.v1.import_service_pb2_grpc import ImportServiceStub
from verification.siege import reaching
from verification.siege.plan import Assault

if TYPE_CHECKING:
    from fhirexport.v1.import_service_pb2_grpc import ImportServiceAsyncStub  # exists for type checkers only

_CALLS = 3
"""How many imports there are at once."""
_CALL_SECONDS = 120.0
_CHUNK = 1 << 20
_SMALL = (1_000, 4_000_000)
"""The least and the most bytes of most imports; sizes are even on a logarithmic scale."""
_LARGE = (16_000_000, 128_000_000)
"""Those of one in fifty."""
_EJ = 3
"""Not one that the well-behaved caller exports: what is written makes an export be rendered anew."""
_LINES: Mapping[str, bytes] = {
    "empty objects": b"{}",
    "blank lines": b" ",
    "organizations": b'{"resourceType":"Organization","id":"o-%d","name":"a"}',
    "locations": b'{"resourceType":"Location","id":"l-%d","name":"a","partOf":{"reference":"Location/l-%d"}}',
    "patients": b'{"resourceType":"Patient","id":"p-%d","gender":"female","birthDate":"1980-01-01"}',
    "one patient": b'{"resourceType":"Patient","id":"p","gender":"female","birthDate":"1980-01-01"}',
    "movements of one stay": b'{"resourceType":"Encounter","id":"m-%d","status":"finished",'
    b'"class":{"code":"IMP"},"partOf":{"reference":"Encounter/v"}}',
    "movements of as many stays": b'{"resourceType":"Encounter","id":"m-%d",'
    b'"class":{"code":"IMP"},"partOf":{"reference":"Encounter/v-%d"}}',
    "unknown types": b'{"resourceType":"Type%d","id":"%d"}',
    "deep": b'{"resourceType":"Patient","extension":' + b"[" * 5_000,
    "deep and long": b"[" * (1 << 20),
    "long": b'{"resourceType":"Patient","id":"' + b"x" * (1 << 20),
    "no UTF-8": b'{"resourceType":"Patient","id":"\xff\xfe"}',
    "a number": b'{"resourceType":"Patient","id":' + b"9" * 100_000 + b"}",
}
"""Lines by what they are; `%d` becomes another number in each."""


async def ndjson(assault: Assault) -> None:
    """Import one shape after the other, a few at once, most of them only validated."""
    random = Random(assault.plan.seed)

    async def lane(stub: "ImportServiceAsyncStub") -> None:
        while assault.goes_on:
            await _import(assault, stub, random)
            await asyncio.sleep(assault.plan.pause)

    async with reaching.channel(assault.plan.target) as channel, asyncio.TaskGroup() as group:
        for _ in range(_CALLS):
            group.create_task(lane(ImportServiceStub(channel)))


async def _import(assault: Assault, stub: "ImportServiceAsyncStub", random: Random) -> None:
    least, most = _LARGE if random.random() < 1 / 50 else _SMALL
    content = _chunks(random.choice([*_LINES, ""]), int(least * (most / least) ** random.random()))
    options = pb.ImportOptions(ej_id=_EJ, validate_only=random.random() < 3 / 4)
    assault.sent.calls += 1
    assault.sent.messages += 1

    async def messages() -> AsyncIterator[pb.ImportResourcesRequest]:
        yield pb.ImportResourcesRequest(options=options)
        for chunk in content:
            if not assault.goes_on:
                return
            assault.sent.size_bytes += len(chunk)
            yield pb.ImportResourcesRequest(chunk=chunk)

    call = stub.ImportResources(messages(), timeout=_CALL_SECONDS)
    status = EarlyStatus(call)
    try:
        await call
        assault.sent.ended("OK")
    except grpc.aio.AioRpcError as error:
        assault.sent.ended((await status.error(error)).code().name)


def _chunks(shape: str, size: int) -> Iterator[bytes]:
    """Yield so many bytes of a shape, made as they are asked for; without one, of a line that has no end."""
    if not shape:
        yield from (b"x" * min(_CHUNK, size - start) for start in range(0, size, _CHUNK))
        return
    line = _LINES[shape]
    fields = line.count(b"%d")
    sent, chunk, numbers = 0, bytearray(), count()
    while sent + len(chunk) < size:
        number = next(numbers)
        chunk += (line % ((number,) * fields) if fields else line) + b"\n"
        if len(chunk) >= _CHUNK:
            sent += len(chunk)
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)
